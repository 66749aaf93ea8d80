//! Pages are held against what a naive list of the same transfer says.

#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)] // lists of one range are meant

use super::*;
use crate::{
    store::database::FileFailure,
    transfer::outline::tests::{manifest, tree},
};
use shoal_proto::{
    PeerId, RelativePath,
    manifest::{Builder, EntryKind, Timestamp},
};
use std::collections::BTreeMap;

fn record(direction: Direction, state: State, files: u32) -> TransferRecord {
    let blank = TransferRecord::new(TransferId([7; 16]), direction, PeerId::from_public_key([7; 32]), "offer".into());
    TransferRecord { state, files, accepted: true, ..blank }
}

fn set<const N: usize>(ranges: [Range<u32>; N]) -> RangeSet {
    ranges.into_iter().collect()
}

fn query(limit: u32) -> EntryQuery {
    EntryQuery { limit, ..EntryQuery::default() }
}

fn rows(page: &EntryPage) -> Vec<(u32, EntryState, u32, u64, u64)> {
    page.entries.iter().map(|row| (row.index, row.state, row.files, row.bytes, row.bytes_done)).collect()
}

/// `a` holds `b` (`x` 1 byte, `y` 2) and `c` (4); `d` is empty; `e` has 8 bytes; `f` holds `g` (16).
#[test]
fn folders_and_files_stand_as_their_sets_say() {
    let outline = Outline::new(tree());
    let standing = Standing::new(
        set([0..4, 6..9]),
        set([0..3, 6..7]),
        BTreeMap::from([(6, FileFailure::Gone)]),
        BTreeMap::from([(8, 5)]),
        false,
    );
    let record = record(Direction::Receive, State::Active, 4);
    let listing = Listing { outline: &outline, standing: &standing, record: &record };
    let top = listing.folder(&query(9)).unwrap();
    let (active, failed, out) = (EntryState::Active, EntryState::Failed, EntryState::LeftOut);
    // Of `a` only what is wanted counts; `d` is empty and was not wanted.
    assert_eq!(rows(&top), [(0, active, 2, 3, 1), (5, out, 0, 0, 0), (6, failed, 1, 8, 0), (7, active, 1, 16, 5)]);
    assert_eq!(top.entries[2].error.as_deref(), Some("it is gone at the sender"));
    assert_eq!((top.total, top.entries[0].end, top.entries[0].folder), (4, 5, true));
    let inside = listing.folder(&EntryQuery { folder: Some(0), offset: 1, ..query(9) }).unwrap();
    assert_eq!(rows(&inside), [(4, out, 1, 4, 0)]);
    assert_eq!((inside.total, inside.entries[0].path.as_str(), inside.entries[0].name.as_str()), (2, "a", "c"));
    for no_folder in [6, 99] {
        let answer = listing.folder(&EntryQuery { folder: Some(no_folder), ..query(9) });
        assert!(matches!(answer, Err(TransferError::NoSuchEntry { entry, .. }) if entry == no_folder));
    }
}

#[test]
fn files_in_a_state_come_from_all_folders_whatever_the_page() {
    let outline = Outline::new(tree());
    let standing = Standing::new(set([0..9]), set([2..3, 6..7]), BTreeMap::new(), BTreeMap::new(), false);
    let record = record(Direction::Receive, State::Active, 5);
    let listing = Listing { outline: &outline, standing: &standing, record: &record };
    let all = RangeSet::from_iter([outline.all()]);
    for (state, expected) in [(EntryState::Waiting, vec![3, 4, 8]), (EntryState::Done, vec![2, 6]), (EntryState::Failed, vec![])]
    {
        for (offset, limit) in (0..4).flat_map(|offset| (1..4).map(move |limit| (offset, limit))) {
            let page = listing.files(&all, &EntryQuery { state: Some(state), offset, ..query(limit) });
            let indexes: Vec<u32> = page.entries.iter().map(|row| row.index).collect();
            let cut: Vec<u32> = expected.iter().skip(offset as usize).take(limit as usize).copied().collect();
            assert_eq!((indexes, page.total as usize), (cut, expected.len()), "{state:?} {offset} {limit}");
        }
    }
}

#[test]
fn what_is_searched_for_is_found_in_names_alone_and_whatever_its_case() {
    let manifest =
        manifest([("Bäume", None), ("Bäume/Foto.JPG", Some(1)), ("foto", None), ("foto/x", Some(1)), ("ÄRGER", Some(1))]);
    let outline = Arc::new(Outline::new(manifest));
    let mut kept = Kept { id: TransferId([1; 16]), outline, found: None, used: Instant::now() };
    let mut found = |text: &str| kept.find(text).iter().collect::<Vec<_>>();
    assert_eq!(found("foto"), [1], "folders do not count");
    assert_eq!(found("ärger"), [4]);
    assert_eq!(found("ärger"), [4], "kept");
    assert_eq!(found(""), [1, 3, 4]);
    assert!(found("nothing").is_empty());
}

#[test]
fn what_was_sent_is_shown_and_a_whole_sending_needs_no_record() {
    let outline = Outline::new(tree());
    let mut sent = super::super::sent::Sent::default();
    sent.piece(EntryIndex(2), 1, shoal_proto::PieceIndex(0));
    sent.fail(EntryIndex(3), FileFailure::Changed);
    let state = |state, index, files_failed| {
        let record = TransferRecord { files_failed, ..record(Direction::Send, state, 5) };
        Standing::sending(&sent, &record, &outline).state(index)
    };
    assert_eq!(
        [2, 3, 4].map(|index| state(State::Active, index, 1)),
        [EntryState::Done, EntryState::Failed, EntryState::Waiting]
    );
    assert_eq!(state(State::Finished, 4, 1), EntryState::LeftOut);
    assert_eq!(state(State::Finished, 4, 0), EntryState::Done, "all arrived");
}

/// A window must not wait for its list. The first page reads the whole list once.
#[test]
fn a_page_of_a_million_entries_is_there_at_once() {
    const FILES: u32 = 1_000;
    const FOLDERS: u32 = 999;
    let mut builder = Builder::default();
    let mut push = |path: String, kind| {
        let path = RelativePath::parse(&path).unwrap();
        builder.push(&Entry { path, modified: Timestamp::default(), kind }).unwrap();
    };
    push("top".into(), EntryKind::Folder);
    for folder in 0..FOLDERS {
        push(format!("top/folder {folder:04}"), EntryKind::Folder);
        for file in 0..FILES {
            let kind = EntryKind::File { size: u64::from(file), executable: false, root: None };
            push(format!("top/folder {folder:04}/some photograph {file:04}.jpg"), kind);
        }
    }
    let manifest = builder.finish().unwrap();
    let count = manifest.len();
    let begun = Instant::now();
    let outline = Outline::new(manifest);
    let first = begun.elapsed();
    let settled = set([0..count / 2]);
    let standing = Standing::new(set([0..count]), settled, BTreeMap::new(), BTreeMap::new(), false);
    let record = record(Direction::Receive, State::Active, FILES * FOLDERS);
    let listing = Listing { outline: &outline, standing: &standing, record: &record };
    let all = RangeSet::from_iter([outline.all()]);
    let inside = EntryQuery { folder: Some(0), ..query(MAX_PAGE) };
    let waiting = EntryQuery { state: Some(EntryState::Waiting), offset: count / 4, ..query(MAX_PAGE) };
    // The best of some: others use this machine, too.
    let best = |page: &dyn Fn() -> EntryPage, entries: usize| {
        let took = (0..5).map(|_| {
            let begun = Instant::now();
            assert_eq!(page().entries.len(), entries);
            begun.elapsed()
        });
        took.min().unwrap()
    };
    let folders = best(&|| listing.folder(&inside).unwrap(), FOLDERS as usize);
    let files = best(&|| listing.files(&all, &waiting), MAX_PAGE as usize);
    println!("{count} entries: outline {first:?}, then a page of folders {folders:?}, of waiting files {files:?}");
    // Some 5 ms here; held against the pass, so that a busy machine does not matter.
    assert!(folders * 10 < first && files * 10 < first, "{folders:?} {files:?}");
}
