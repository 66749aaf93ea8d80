#![allow(clippy::unwrap_used)]
use super::{
    super::{
        index::FoundEntry,
        listing::FromDisk,
        tests::{find, kept, listing, names, path, write},
    },
    *,
};

/// Does all there is to do, `later` than now.
fn settle(work: &mut Work, database: &Database, later: Duration) {
    let until = Instant::now() + Duration::from_secs(60);
    while work.step(Instant::now() + later, database, &mut Calm::never()).is_none() {
        assert!(Instant::now() < until);
    }
}

#[test]
fn a_look_through_everything_comes_to_its_end_however_often_news_are_lost() {
    let (data, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..3 * FOLDERS_TOGETHER {
        std::fs::create_dir(root.path().join(number.to_string())).unwrap();
    }
    let (kept, database) = kept(data.path(), root.path(), &[]);
    let mut work = Work::new(kept, &Arc::default());
    settle(&mut work, &database, Duration::ZERO);
    let lost = || News { lost: true, ..News::default() };
    let mut reached = Vec::new();
    for _ in 0..6 {
        work.hear(lost(), Instant::now());
        reached.push(work.rescan.unwrap());
        work.step(Instant::now(), &database, &mut Calm::never());
    }
    assert!(reached.contains(&i64::from(3 * FOLDERS_TOGETHER + 1)), "{reached:?}");
    assert_eq!(reached.iter().filter(|after| **after == 0).count(), 2, "it begins again at its end: {reached:?}");
    settle(&mut work, &database, Duration::ZERO);
    assert_eq!((work.rescan, work.once_more), (None, false));
}

#[test]
fn a_folder_that_goes_and_comes_back_unnoticed_is_found_again() {
    let (data, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(root.path(), "above/folder/file", "text");
    let (kept, database) = kept(data.path(), root.path(), &[]);
    let mut work = Work::new(kept.clone(), &Arc::default());
    settle(&mut work, &database, Duration::ZERO);
    let (above, folder) = (root.path().join("above"), path("above/folder"));
    let listed = std::fs::metadata(&above).unwrap().modified().unwrap();
    std::fs::rename(above.join("folder"), root.path().join("away")).unwrap();
    let row = kept.index.folder(Some(&folder)).unwrap().unwrap();
    work.read(&[(row.id, Some(folder))]).unwrap();
    assert_eq!(find(&kept, "file"), [""; 0]);
    std::fs::rename(root.path().join("away"), above.join("folder")).unwrap();
    std::fs::File::open(&above).unwrap().set_modified(listed).unwrap();
    let page = FromDisk::default().page(&kept, Some(&path("above")), &listing("", 0, 9)).unwrap();
    assert_eq!(names(&page), ["folder"], "at once, from the disk");
    settle(&mut work, &database, READ_ABOVE);
    assert_eq!(find(&kept, "file"), ["above/folder/file"]);
}

/// Too many open files, a drive that fails: both may pass. Here a path that is too long for the system.
#[test]
#[cfg(unix)]
fn what_cannot_be_read_for_a_while_stays_known() {
    let data = tempfile::tempdir().unwrap();
    let (kept, _database) = kept(data.path(), &data.path().join("folder/".repeat(1000)), &[]);
    let entries = vec![FoundEntry { name: "file".to_owned(), size: Some(4), modified: 1, inode: 0 }];
    kept.index.apply(&[FolderState { id: ROOT, listed: 7, entries }]).unwrap();
    let mut work = Work::new(kept.clone(), &Arc::default());
    work.read(&[(ROOT, None)]).unwrap();
    assert_eq!(find(&kept, "file"), ["file"]);
    assert_ne!(kept.index.folder(None).unwrap().unwrap().listed, Some(7), "the disk is asked first");
    assert!(work.rescan.is_none() && work.next_rescan <= Instant::now() + RESCAN_GONE);
}

#[test]
#[cfg(unix)]
fn a_folder_that_became_a_link_is_gone() {
    let (data, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(root.path(), "folder/file", "text");
    let (kept, database) = kept(data.path(), root.path(), &[]);
    let mut work = Work::new(kept.clone(), &Arc::default());
    settle(&mut work, &database, Duration::ZERO);
    std::fs::rename(root.path().join("folder"), data.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(data.path().join("elsewhere"), root.path().join("folder")).unwrap();
    let row = kept.index.folder(Some(&path("folder"))).unwrap().unwrap();
    work.read(&[(row.id, Some(path("folder")))]).unwrap();
    assert_eq!(find(&kept, "f"), [""; 0]);
}
