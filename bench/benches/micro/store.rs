//! The engine's store: each sample has a folder of its own, which is not part of the time.

use divan::{Bencher, counter::BytesCount, counter::ItemsCount};
use shoal_engine::micro::Store;
use shoal_proto::{Hash, PieceIndex, RelativePath};
use std::path::PathBuf;
use tempfile::TempDir;

/// A large file's piece.
const PIECE: u64 = 1 << 20;
/// Pieces between two syncs, as in a transfer.
const BATCH: u64 = 4;
/// Files in a batch, as in a transfer.
const BATCH_FILES: usize = 1024;
/// Files of a folder of small ones, and what is in each.
const FILES: usize = 10_000;
const SMALL: [u8; 4096] = [7; 4096];
/// Files whose content is known.
const KNOWN: usize = 100_000;

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// 64 MiB: written, synced and recorded in batches.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn pieces_into_a_file(bencher: Bencher<'_, '_>) {
    const PIECES: u64 = 64;
    let piece = vec![7; PIECE as usize];
    bencher.counter(BytesCount::new(PIECES * PIECE)).with_inputs(store).bench_local_refs(|(_, store)| {
        let large = store.large(PIECES * PIECE).unwrap();
        for first in (0..PIECES).step_by(BATCH as usize) {
            (first..first + BATCH).for_each(|index| large.write(index * PIECE, &piece).unwrap());
            large.sync().unwrap();
            store.record(PieceIndex(first as u32), vec![Hash::of(b"piece"); BATCH as usize]).unwrap();
        }
    });
}

/// The database's part of it.
#[divan::bench(sample_count = 100)]
fn record_resume_state(bencher: Bencher<'_, '_>) {
    let ((_folder, store), mut first) = (store(), 0);
    bencher.bench_local(|| {
        store.record(PieceIndex(first), vec![Hash::of(b"piece"); BATCH as usize]).unwrap();
        first += BATCH as u32;
    });
}

/// One file among many that were hashed before: why sending again reads nothing.
#[divan::bench]
fn look_up_known_content(bencher: Bencher<'_, '_>) {
    let (folder, store) = store();
    let paths: Vec<PathBuf> = (0..KNOWN).map(|n| folder.path().join(format!("photograph {n:06}.jpg"))).collect();
    std::fs::write(&paths[0], SMALL).unwrap();
    let version = store.keep_content(&paths, &paths[0]).unwrap();
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 7919) % KNOWN; // none is the one before
        assert_eq!(store.look_up(&paths[next], version).unwrap(), 1);
    });
}

/// 10,000 files of 4 KiB in 100 folders: written, synced, named.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn small_files(bencher: Bencher<'_, '_>) {
    let path = |n: usize| RelativePath::parse(&format!("folder {:03}/file {n:05}", n / 100)).unwrap();
    let paths: Vec<RelativePath> = (0..FILES).map(path).collect();
    bencher.counter(ItemsCount::new(FILES)).with_inputs(store).bench_local_refs(|(_, store)| {
        store.receive_small(&paths, &SMALL, BATCH_FILES).unwrap();
    });
}
