#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use shoal_proto::{
    Hash, RelativePath,
    share::{Holds, ItemKind, Kind, MAX_HITS, Matching, Order, OrderBy, Pattern, Search, Text},
};
use std::collections::BTreeMap;

const SHARE: ShareId = ShareId([7; 16]);

/// A disk in memory: folders (`None`) and files with their sizes, by path.
type Disk = BTreeMap<String, Option<u64>>;

fn disk(entries: &[(&str, Option<u64>)]) -> Disk {
    entries.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect()
}

fn entry(name: &str, size: Option<u64>, modified: i64) -> FoundEntry {
    FoundEntry { name: name.to_owned(), size, modified, inode: 0 }
}

/// Brings the index to what the disk has, as a crawl does.
fn crawl(index: &Index, disk: &Disk, modified: i64) {
    index.set_all_to_read().unwrap();
    loop {
        let folders = index.folders_to_read(3).unwrap();
        if folders.is_empty() {
            return;
        }
        let state = |(id, path): &(i64, Option<RelativePath>)| {
            let prefix = path.as_ref().map_or(String::new(), |path| format!("{}/", path.as_str()));
            let below = disk.iter().filter_map(|(path, size)| Some((path.strip_prefix(&prefix)?, size)));
            let entries =
                below.filter(|(name, _)| !name.contains('/')).map(|(name, size)| entry(name, *size, modified)).collect();
            FolderState { id: *id, listed: modified, entries }
        };
        // A folder that goes with the one above it may be read in the same batch.
        index.apply(&folders.iter().map(state).collect::<Vec<_>>()).unwrap();
    }
}

fn open(folder: &Path) -> Index {
    Index::open(folder, SHARE).unwrap()
}

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn listing(by: OrderBy, descending: bool, filter: &str, offset: u32, limit: u16) -> Listing {
    Listing { order: Order { by, descending }, filter: Pattern::new(filter, Matching::Anywhere), offset, limit }
}

fn names(index: &Index, folder: &str, listing: &Listing) -> (u32, Vec<String>) {
    let folder = (!folder.is_empty()).then(|| path(folder));
    let row = index.folder(folder.as_ref()).unwrap().unwrap();
    let page = index.page(&row, listing).unwrap();
    (page.total, page.items.iter().map(|item| item.name.as_str().to_owned()).collect())
}

fn search(text: &str) -> Search {
    Search {
        text: Text::new(text).unwrap(),
        matching: Matching::Anywhere,
        share: None,
        kind: None,
        min_size: None,
        max_size: None,
        since: None,
        until: None,
        limit: 100,
    }
}

fn found(index: &Index, search: &Search) -> Vec<String> {
    let mut hits = Vec::new();
    let pattern = Pattern::new(&search.text, search.matching);
    let mut next = Some(0);
    while let Some(from) = next {
        let slice = index.search(&pattern, search, from).unwrap();
        hits.extend(slice.hits.iter().map(|hit| hit.path.as_str().to_owned()));
        next = slice.next;
    }
    hits.sort();
    hits
}

fn scene() -> Disk {
    disk(&[
        ("Über", None),
        ("Über/straße.txt", Some(5)),
        ("b", None),
        ("b/deep", None),
        ("b/deep/IMG_1.JPG", Some(100)),
        ("b/deep/img_2.jpg", Some(30)),
        ("b/empty", None),
        ("a.txt", Some(7)),
        ("C.txt", Some(1)),
        ("ab", Some(2)),
    ])
}

#[test]
fn pages_are_sorted_filtered_and_cut() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &scene(), 0);
    let all = |by, descending| names(&index, "", &listing(by, descending, "", 0, 100)).1;
    assert_eq!(all(OrderBy::Name, false), ["b", "Über", "a.txt", "ab", "C.txt"], "folders first, case and accents ignored");
    assert_eq!(all(OrderBy::Name, true), ["Über", "b", "C.txt", "ab", "a.txt"]);
    assert_eq!(all(OrderBy::Size, true), ["b", "Über", "a.txt", "ab", "C.txt"]);
    assert_eq!(all(OrderBy::Size, false), ["Über", "b", "C.txt", "ab", "a.txt"]);
    for offset in 0..6 {
        let (total, part) = names(&index, "", &listing(OrderBy::Name, false, "", offset, 2));
        let expected: Vec<_> = all(OrderBy::Name, false).into_iter().skip(offset as usize).take(2).collect();
        assert_eq!((total, part), (5, expected));
    }
    // From whichever end it is read.
    crawl(&index, &(0..100).map(|number| (format!("{number:02}"), (number >= 40).then_some(1))).collect(), 1);
    for descending in [false, true] {
        let whole = names(&index, "", &listing(OrderBy::Name, descending, "", 0, 100)).1;
        for (offset, limit) in (0..100).flat_map(|offset| [(offset, 1), (offset, 7), (offset, 60)]) {
            let part = names(&index, "", &listing(OrderBy::Name, descending, "", offset, limit)).1;
            let expected: Vec<_> = whole.iter().skip(offset as usize).take(usize::from(limit)).cloned().collect();
            assert_eq!(part, expected, "{offset} {limit} {descending}");
        }
    }
    crawl(&index, &scene(), 0);
    assert_eq!(names(&index, "", &listing(OrderBy::Name, false, "B", 0, 9)), (3, vec!["b".into(), "Über".into(), "ab".into()]));
    assert_eq!(names(&index, "b/deep", &listing(OrderBy::Name, false, "img JPG", 1, 9)), (2, vec!["img_2.jpg".into()]));
    assert_eq!(names(&index, "b/empty", &listing(OrderBy::Name, false, "", 0, 9)), (0, vec![]));
    assert!(index.folder(Some(&path("a.txt"))).unwrap().is_none() && index.folder(Some(&path("uber"))).unwrap().is_none());
}

#[test]
fn sums_follow_what_is_below() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let holds = |path: Option<&RelativePath>| index.folder(path).unwrap().unwrap().holds;
    crawl(&index, &scene(), 0);
    assert_eq!(holds(None), Holds { files: 6, bytes: 145 });
    assert_eq!(holds(Some(&path("b"))), Holds { files: 2, bytes: 130 });
    let before = index.folder(None).unwrap().unwrap().revision;
    let mut disk = scene();
    disk.insert("b/deep/img_2.jpg".into(), Some(31));
    disk.remove("Über/straße.txt");
    crawl(&index, &disk, 1);
    assert_eq!(holds(None), Holds { files: 5, bytes: 141 });
    assert!(index.folder(None).unwrap().unwrap().revision > before);
    disk.retain(|path, _| !path.starts_with("b/"));
    disk.insert("b".into(), Some(3));
    crawl(&index, &disk, 2);
    assert_eq!(holds(None), Holds { files: 4, bytes: 13 }, "a folder became a file");
    assert_eq!(found(&index, &search("img")), [""; 0]);
    assert!(index.is_complete().unwrap());
}

#[test]
fn what_stayed_the_same_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &scene(), 0);
    let before = index.folder(None).unwrap().unwrap();
    crawl(&index, &scene(), 0);
    assert_eq!(index.folder(None).unwrap().unwrap(), before);
}

#[test]
fn a_search_finds_every_part_of_a_name_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &scene(), 0);
    assert_eq!(found(&index, &search("IMG")), ["b/deep/IMG_1.JPG", "b/deep/img_2.jpg"]);
    assert_eq!(found(&index, &search("strasse")), ["Über/straße.txt"]);
    assert_eq!(found(&index, &search("ub")), ["Über"], "too short for a trigram");
    assert_eq!(found(&index, &search("jpg g_")), ["b/deep/IMG_1.JPG", "b/deep/img_2.jpg"]);
    assert_eq!(found(&index, &search("g_1.j")), ["b/deep/IMG_1.JPG"]);
    assert_eq!(found(&index, &search("txt.")), [""; 0], "the letters, but not in this order");
    assert_eq!(found(&index, &Search { matching: Matching::Beginning, ..search("img_2") }), ["b/deep/img_2.jpg"]);
    assert_eq!(found(&index, &Search { min_size: Some(50), ..search("img") }), ["b/deep/IMG_1.JPG"]);
    assert_eq!(found(&index, &Search { kind: Some(Kind::Folder), ..search("e") }), ["b/deep", "b/empty", "Über"]);
    for strange in ["\"", "a\" OR \"b", "a\0bc", "*", "NEAR(a b)", "fold:x", "-txt"] {
        assert_eq!(found(&index, &search(strange)), [""; 0], "{strange:?}");
    }
}

#[test]
fn a_search_comes_in_parts_and_each_hit_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &(0..1000).map(|number| (format!("file {number:03}"), Some(1))).collect(), 0);
    for text in ["file", "fi"] {
        let first = index.search(&Pattern::new(text, Matching::Anywhere), &search(text), 0).unwrap();
        assert!(first.hits.len() <= MAX_HITS && first.next.is_some());
        let expected: Vec<_> = (0..1000).map(|number| format!("file {number:03}")).collect();
        assert_eq!(found(&index, &search(text)), expected);
    }
}

#[test]
fn hashes_are_of_the_version_that_was_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &scene(), 0);
    let files = index.unhashed_after(0, 100).unwrap();
    assert_eq!(files.len(), 6);
    let file = files.iter().find(|file| file.path == path("a.txt")).unwrap();
    index.set_hashes(&[(file.id, file.size + 1, file.modified, Hash::of(b"old"))]).unwrap();
    assert_eq!(index.unhashed_after(0, 100).unwrap().len(), 6);
    index.set_hashes(&[(file.id, file.size, file.modified, Hash::of(b"new"))]).unwrap();
    let row = index.folder(None).unwrap().unwrap();
    let page = index.page(&row, &listing(OrderBy::Name, false, "a.txt", 0, 1)).unwrap();
    let hashed = ItemKind::File { size: 7, hash: Some(Hash::of(b"new")) };
    assert_eq!(page.items.first().unwrap().kind, hashed);
    crawl(&index, &scene(), 1);
    assert_eq!(index.unhashed_after(0, 100).unwrap().len(), 6, "another time of change");
}

#[test]
fn an_index_survives_a_restart_and_damage_makes_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    crawl(&open(folder.path()), &scene(), 0);
    let index = open(folder.path());
    assert!(index.is_complete().unwrap() && index.size() > 0);
    drop(index);
    std::fs::write(folder.path().join(format!("{SHARE:?}.db")), vec![1; 8192]).unwrap();
    assert!(!open(folder.path()).is_complete().unwrap(), "made anew");
    Index::remove(folder.path(), SHARE).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_share_that_is_gone_is_empty_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &scene(), 0);
    let deep = index.folder(Some(&path("b/deep"))).unwrap().unwrap();
    index.is_gone(deep.id).unwrap();
    assert_eq!(index.folder(None).unwrap().unwrap().holds, Holds { files: 4, bytes: 15 });
    index.is_gone(ROOT).unwrap();
    assert_eq!(index.folder(None).unwrap().unwrap().holds, Holds::default());
    assert_eq!(found(&index, &search("txt")), [""; 0]);
    crawl(&index, &scene(), 0);
    assert_eq!(index.folder(None).unwrap().unwrap().holds, Holds { files: 6, bytes: 145 });
}

#[test]
fn a_page_of_long_names_is_shorter_and_the_rest_follows() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let long = |number: u32| format!("{number:04}{}", "x".repeat(1000));
    crawl(&index, &(0..400).map(|number| (long(number), Some(1))).collect(), 0);
    let (total, part) = names(&index, "", &listing(OrderBy::Name, false, "", 0, 512));
    assert!(total == 400 && part.len() > 100 && part.len() < 400, "{}", part.len());
    let next = names(&index, "", &listing(OrderBy::Name, false, "", u32::try_from(part.len()).unwrap(), 512)).1;
    assert_eq!(next.first(), Some(&long(u32::try_from(part.len()).unwrap())));
}

fn any_disk() -> impl Strategy<Value = Disk> {
    let file = ("([ab]|Ä|c1)(/([ab]|Ä|c1)){0,3}", 0_u64..9);
    prop::collection::vec(file, 0..24).prop_map(|files| {
        let mut disk = Disk::new();
        for (path, size) in files {
            let above: Vec<_> = path.match_indices('/').map(|(end, _)| path[..end].to_owned()).collect();
            if above.iter().any(|folder| disk.get(folder).is_some_and(Option::is_some)) || disk.contains_key(&path) {
                continue;
            }
            disk.extend(above.into_iter().map(|folder| (folder, None)));
            disk.insert(path, Some(size));
        }
        disk
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a disk became, the index is the one that it would have been from the start.
    #[test]
    fn an_index_that_followed_the_disk_is_as_a_new_one(disks in prop::collection::vec(any_disk(), 1..4), text in "[abcä1]{1,4}") {
        let (kept, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (index, new) = (open(kept.path()), open(fresh.path()));
        for disk in &disks {
            crawl(&index, disk, 0);
        }
        let last = disks.last().unwrap();
        crawl(&new, last, 0);
        let folders = last.iter().filter(|(_, size)| size.is_none()).map(|(path, _)| path.as_str());
        for folder in folders.chain([""]) {
            let all = listing(OrderBy::Name, false, "", 0, 512);
            prop_assert_eq!(names(&index, folder, &all), names(&new, folder, &all));
            let folder = (!folder.is_empty()).then(|| path(folder));
            let holds = |index: &Index| index.folder(folder.as_ref()).unwrap().unwrap().holds;
            prop_assert_eq!(holds(&index), holds(&new));
            let below = last.iter().filter(|(path, _)| folder.as_ref().is_none_or(|folder| path.starts_with(&format!("{}/", folder.as_str()))));
            let sizes: Vec<u64> = below.filter_map(|(_, size)| *size).collect();
            prop_assert_eq!(holds(&index), Holds { files: sizes.len() as u64, bytes: sizes.iter().sum() });
        }
        let pattern = Pattern::new(&text, Matching::Anywhere);
        let fit = |path: &&String| pattern.fits(&shoal_proto::share::fold(path.rsplit('/').next().unwrap()));
        let expected: Vec<String> = last.keys().filter(fit).cloned().collect();
        prop_assert_eq!(found(&index, &search(&text)), expected);
    }
}

/// However slow the disk is: the time for a part may be over before its first name was looked at.
#[test]
fn every_part_of_a_search_gets_further() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    crawl(&index, &scene(), 1);
    // The first that has the letter is a file.
    let search = Search { kind: Some(Kind::Folder), ..search("b") };
    let (mut hits, mut next, mut parts) = (Vec::new(), Some(0), 0);
    while let Some(from) = next {
        let pattern = Pattern::new(&search.text, search.matching);
        let slice = index.search_for(Duration::ZERO, &pattern, &search, from).unwrap();
        hits.extend(slice.hits.iter().map(|hit| hit.path.as_str().to_owned()));
        parts += 1;
        assert!(slice.next.is_none_or(|next| next > from), "{slice:?} from {from}");
        next = slice.next;
    }
    hits.sort();
    assert_eq!(hits, ["b", "Über"]);
    assert!(parts > 1);
}
