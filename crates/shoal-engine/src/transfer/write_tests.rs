//! The writer alone, on a real disk with a real database.
#![allow(clippy::unwrap_used)]

use super::{
    Direction,
    write::{Arrived, Writer},
};
use crate::store::{
    commit::Clash,
    database::{Database, TransferRecord},
    target::Target,
};
use bytes::Bytes;
use shoal_proto::{
    Entry, Hash, Manifest, PeerId, PieceIndex, RelativePath,
    manifest::{Builder, EntryIndex, EntryKind, Timestamp},
    message::{Progress, TransferId},
    piece,
    plan::Plan,
};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};

const LARGE: usize = 600_000;

/// Enough that recording them takes a while.
const SMALL: u32 = 300;

fn manifest() -> Manifest {
    let mut builder = Builder::default();
    let small = (0..SMALL).map(|number| (format!("small {number:03}"), 3));
    for (name, size) in std::iter::once(("large".to_owned(), LARGE as u64)).chain(small) {
        let kind = EntryKind::File { size, executable: false, root: None };
        builder.push(&Entry { path: RelativePath::parse(&name).unwrap(), modified: Timestamp::default(), kind }).unwrap();
    }
    builder.finish().unwrap()
}

fn writer(place: &Path) -> Writer {
    let (id, manifest) = (TransferId([7; 16]), manifest());
    let database = Arc::new(Database::open(&place.join("data")).unwrap());
    let record = TransferRecord::new(id, Direction::Receive, PeerId::from_public_key([1; 32]), "things".to_owned());
    database.add_transfer(&record, Some(&manifest), None).unwrap();
    let target = Arc::new(Target::open(&place.join("inbox"), id).unwrap());
    let wanted = std::iter::once(0..manifest.len()).collect();
    let plan = Arc::new(Mutex::new(Plan::new(manifest, wanted, shoal_proto::RangeSet::new())));
    Writer::new(id, database, target, Clash::KeepBoth, plan, BTreeSet::new(), Progress::default())
}

fn block(entry: u32, piece: u32, size: u64, bytes: &[u8]) -> Arrived {
    let hash = piece::hash_piece(size, PieceIndex(piece), bytes);
    let bytes = vec![Bytes::copy_from_slice(bytes)];
    Arrived::Block { entry: EntryIndex(entry), piece: PieceIndex(piece), hash, bytes, from: None }
}

/// Hands over small files and a large one, from the first piece to the root.
fn give(writer: &mut Writer, large: &[u8]) {
    for number in 1..=SMALL {
        writer.take(block(number, 0, 3, b"abc"), None).unwrap();
    }
    writer.shared.plan.lock().unwrap().open_file(EntryIndex(0));
    for number in 0..piece::piece_count(LARGE as u64) {
        let range = piece::piece_range(LARGE as u64, PieceIndex(number)).unwrap();
        let bytes = &large.get(range.start as usize..range.end as usize).unwrap();
        writer.take(block(0, number, LARGE as u64, bytes), None).unwrap();
    }
    writer.take(Arrived::Root { entry: EntryIndex(0), root: Hash::of(large) }, None).unwrap();
}

/// What happens between the first coming and the second.
type Meanwhile = fn(&mut Writer);

/// In a swarm the last pieces may come from two at once. Returns what is counted, and the names that there are, after all came, then after
/// `meanwhile` all came once more, and was recorded.
async fn twice(meanwhile: Meanwhile) -> (Progress, usize) {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("inbox")).unwrap();
    std::fs::create_dir(place.path().join("data")).unwrap();
    let at = place.path().to_owned();
    let progress = tokio::task::spawn_blocking(move || {
        let (mut writer, large) = (writer(&at), vec![5; LARGE]);
        give(&mut writer, &large);
        meanwhile(&mut writer);
        give(&mut writer, &large);
        writer.checkpoint().unwrap();
        writer.progress()
    });
    let progress = progress.await.unwrap();
    let names = std::fs::read_dir(place.path().join("inbox")).unwrap().map(|entry| entry.unwrap().file_name());
    (progress, names.filter(|name| !name.to_string_lossy().starts_with('.')).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_twice_is_written_named_and_counted_once() {
    let ways: [(&str, Meanwhile); 3] = [
        ("before it is recorded", |_| {}),
        ("while it is recorded", |writer| writer.record().unwrap()),
        ("after it was recorded", |writer| writer.checkpoint().unwrap()),
    ];
    for (when, meanwhile) in ways {
        let (progress, names) = twice(meanwhile).await;
        let counted = (progress.files_done, progress.files_failed, progress.bytes_done);
        assert_eq!(counted, (SMALL + 1, 0, LARGE as u64 + 3 * u64::from(SMALL)), "{when}");
        assert_eq!(names, SMALL as usize + 1, "{when}");
    }
}
