#![allow(clippy::unwrap_used)]
use super::*;
use crate::store::sqlite;
use shoal_proto::{PeerId, share::rights::Standing};

/// A table whose data folder is `data`.
fn table(data: &Path) -> Arc<Table> {
    Table::open(Arc::new(Database::open(data).unwrap()), Calm::never()).unwrap()
}

fn new(path: &Path) -> NewShare {
    NewShare { path: path.to_owned(), name: None, audience: Audience::Known, may_add: false, hidden: false, ignored: Vec::new() }
}

fn asker(standing: Standing) -> Asker {
    Asker { peer: PeerId::from_public_key([9; 32]), standing, near: true }
}

/// Folders to share, and a data folder.
fn scene() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    for folder in ["data", "Music", "old/music", "docs"] {
        std::fs::create_dir_all(place.path().join(folder)).unwrap();
    }
    let path = place.path().canonicalize().unwrap();
    (place, path)
}

#[test]
fn a_share_that_a_peer_may_not_see_does_not_exist_for_it() {
    let (_place, at) = scene();
    let table = table(&at.join("data"));
    table.add(new(&at.join("Music"))).unwrap();
    let id = *table.own().keys().next().unwrap();
    let sees = |standing| (table.lease(&asker(standing), id).is_some(), table.visible(&asker(standing)).len());
    assert_eq!(sees(Standing::Known), (true, 1));
    assert_eq!(sees(Standing::Stranger), (false, 0));
    assert!(table.lease(&asker(Standing::Verified), ShareId([0; 16])).is_none());

    let mut rights = table.rights();
    let change = |change| table.change("music", change).unwrap();
    change(ShareChange { paused: Some(true), ..ShareChange::default() });
    assert!(rights.has_changed().unwrap() && sees(Standing::Verified) == (false, 0));
    rights.mark_unchanged();
    change(ShareChange { paused: Some(false), audience: Some(Audience::Verified), ..ShareChange::default() });
    assert_eq!((sees(Standing::Known), sees(Standing::Verified)), ((false, 0), (true, 1)));
    table.remove("Music").unwrap();
    assert!(rights.has_changed().unwrap() && sees(Standing::Verified) == (false, 0));
    table.add(new(&at.join("Music"))).unwrap();
    assert!(table.lease(&asker(Standing::Verified), id).is_none(), "an old id means nothing");
    table.shutdown();
}

#[test]
fn of_changes_at_once_none_is_lost() {
    let (_place, at) = scene();
    let table = table(&at.join("data"));
    let added = std::thread::scope(|scope| {
        let adds = [(); 4].map(|()| scope.spawn(|| table.add(new(&at.join("docs"))).is_ok()));
        adds.into_iter().map(|add| add.join().unwrap()).filter(|added| *added).count()
    });
    assert_eq!((added, table.list().len()), (1, 1), "a folder is shared once");
    for round in 0..20 {
        let paused = round % 2 == 0;
        let changes = [
            ShareChange { paused: Some(paused), ..ShareChange::default() },
            ShareChange { may_add: Some(paused), ..ShareChange::default() },
            ShareChange { hidden: Some(paused), ..ShareChange::default() },
        ];
        std::thread::scope(|scope| {
            for change in changes {
                scope.spawn(|| table.change("docs", change).unwrap());
            }
        });
        let share = table.list().remove(0);
        let access = if paused { Access::ReadAndAdd } else { Access::Read };
        assert_eq!((share.rights.paused, share.rights.access, share.hidden), (paused, access, paused), "round {round}");
    }
    table.shutdown();
}

#[test]
fn shares_are_there_after_a_restart_under_the_same_ids() {
    let (_place, at) = scene();
    let before = {
        let table = table(&at.join("data"));
        table.add(NewShare { hidden: true, ignored: vec!["*.tmp".to_owned()], ..new(&at.join("Music")) }).unwrap();
        table.shutdown();
        (table.list(), table.own().keys().copied().collect::<Vec<_>>())
    };
    let table = table(&at.join("data"));
    let after = (table.list(), table.own().keys().copied().collect::<Vec<_>>());
    let told =
        |(list, ids): &(Vec<OwnShare>, Vec<ShareId>)| (list[0].name.clone(), list[0].path.clone(), list[0].hidden, ids.clone());
    assert_eq!(told(&after), told(&before));
    table.shutdown();
}

/// As on a system that removes no file that somebody has open.
#[test]
fn an_index_whose_share_is_no_more_goes_at_the_next_start() {
    let (_place, at) = scene();
    let table = self::table(&at.join("data"));
    table.add(new(&at.join("Music"))).unwrap();
    table.shutdown();
    drop(table);
    let indexes = at.join("data/shares");
    let files = || {
        let entries = std::fs::read_dir(&indexes).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let before = files();
    for left in sqlite::files(&indexes.join(format!("{:?}.db", ShareId([9; 16])))) {
        std::fs::write(left, "left").unwrap();
    }
    std::fs::write(indexes.join("notes"), "somebody's").unwrap();
    let table = self::table(&at.join("data"));
    let own = table.own().values().next().cloned().unwrap();
    assert!(own.kept.index.folder(None).unwrap().is_some());
    table.shutdown();
    drop((own, table));
    assert_eq!(files(), [before, vec!["notes".to_owned()]].concat());
}

#[test]
fn names_are_unique_and_can_be_shown() {
    let (_place, at) = scene();
    let table = table(&at.join("data"));
    assert_eq!(table.add(new(&at.join("Music"))).unwrap().name, "Music");
    assert_eq!(table.add(new(&at.join("old/music"))).unwrap().name, "music (2)");
    let named = |name: &str| table.add(NewShare { name: Some(name.to_owned()), ..new(&at.join("docs")) });
    assert!(matches!(named("MUSIC"), Err(ShareError::NameTaken(_))));
    for bad in ["", "..", "a/b", "a\u{202e}b", &"x".repeat(MAX_SHARE_NAME + 1)] {
        assert!(matches!(named(bad), Err(ShareError::Name(_))), "{bad:?}");
    }
    assert_eq!(named(" Papers ").unwrap().name, "Papers");
    assert!(matches!(named("Again"), Err(ShareError::Already { .. })));
    let rename = |to: &str| table.change("papers", ShareChange { name: Some(to.to_owned()), ..ShareChange::default() });
    assert!(matches!(rename("music"), Err(ShareError::NameTaken(_))));
    assert_eq!(rename("papers").unwrap().1.name, "papers");
    table.shutdown();
}

#[test]
fn what_cannot_be_shared_is_said() {
    let (_place, at) = scene();
    std::fs::write(at.join("file"), "text").unwrap();
    let table = table(&at.join("data"));
    for bad in ["nothing", "file", "data", "data/shares"] {
        assert!(matches!(table.add(new(&at.join(bad))), Err(ShareError::Folder { .. })), "{bad}");
    }
    let pattern = NewShare { ignored: vec!["[z-a]".to_owned()], ..new(&at.join("docs")) };
    assert!(matches!(table.add(pattern), Err(ShareError::Pattern(_))));
    let nobody = NewShare { audience: Audience::Chosen(Default::default()), ..new(&at.join("docs")) };
    assert!(matches!(table.add(nobody), Err(ShareError::Audience { .. })));
    assert!(matches!(table.remove("docs"), Err(ShareError::NotFound(_))));
    assert!(table.list().is_empty());
    table.shutdown();
}

/// The key of this device is in its data folder, which may lie in a home folder that somebody shares.
#[test]
fn the_own_data_folder_is_not_part_of_a_share_around_it() {
    let (_place, at) = scene();
    let table = table(&at.join("data"));
    table.add(NewShare { hidden: true, ..new(&at) }).unwrap();
    let own = table.own().values().next().cloned().unwrap();
    let path = |text| RelativePath::parse(text).unwrap();
    assert!(own.kept.open(Some(&path("data"))).is_err() && own.kept.open(Some(&path("docs"))).is_ok());
    table.shutdown();
}
