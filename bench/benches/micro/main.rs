//! Parts alone, without network: `cargo xtask bench --micro [FILTER]`.
//!
//! What of `shoal-proto` lies in the path of bytes or is paid for each file; and the store, on the disk of the temporary folder.

#![allow(clippy::unwrap_used)]

use divan::{Bencher, black_box, counter::BytesCount, counter::ItemsCount};
use shoal_proto::{
    Entry, Hash, Manifest, PieceIndex, RangeSet, RelativePath, codec,
    manifest::{Builder, EntryIndex, EntryKind, Timestamp},
    message::Frame,
    piece,
    plan::{Plan, Step, Work},
};

mod store;

fn main() {
    divan::main();
}

/// A file that has pieces of 1 MiB.
const LARGE: u64 = 1 << 30;
/// Files of a large folder, and how many lie in one folder of it.
const FILES: usize = 10_000;
const IN_A_FOLDER: usize = 100;

mod hashing {
    use super::*;

    /// Small files, and pieces of files: whole, as the receiver checks them.
    #[divan::bench(args = [4 << 10, 256 << 10, 1 << 20])]
    fn whole(bencher: Bencher<'_, '_>, bytes: usize) {
        let data = vec![7; bytes];
        bencher.counter(BytesCount::new(bytes)).bench(|| Hash::of(black_box(&data)));
    }

    #[divan::bench]
    fn piece_of_a_large_file(bencher: Bencher<'_, '_>) {
        let data = vec![7; 1 << 20];
        bencher.counter(BytesCount::new(data.len())).bench(|| piece::hash_piece(LARGE, PieceIndex(5), black_box(&data)));
    }

    /// Why nothing is hashed as it comes from packets.
    #[divan::bench(args = [1400, 16 << 10, 256 << 10])]
    fn in_steps_of(bencher: Bencher<'_, '_>, step: usize) {
        let data = vec![7; 1 << 20];
        bencher.counter(BytesCount::new(data.len())).bench(|| {
            let mut hasher = blake3::Hasher::new();
            black_box(&data).chunks(step).for_each(|part| _ = hasher.update(part));
            hasher.finalize()
        });
    }

    #[divan::bench]
    fn root_of_1024_pieces(bencher: Bencher<'_, '_>) {
        let pieces = vec![Hash::of(b"piece"); 1024];
        bencher.bench(|| piece::fold(LARGE, black_box(&pieces)));
    }
}

mod frames {
    use super::*;

    fn block() -> Frame {
        Frame::Block { entry: EntryIndex(1234), piece: PieceIndex(56), hash: Hash::of(b"piece"), len: 1 << 20 }
    }

    #[divan::bench]
    fn encode(bencher: Bencher<'_, '_>) {
        let (frame, mut out) = (block(), Vec::new());
        bencher.bench_local(|| {
            out.clear();
            codec::encode(black_box(&frame), 1024, &mut out)
        });
    }

    #[divan::bench]
    fn decode(bencher: Bencher<'_, '_>) {
        let mut out = Vec::new();
        codec::encode(&block(), 1024, &mut out).unwrap();
        let message = out.split_off(codec::PREFIX_LEN);
        bencher.bench(|| codec::decode::<Frame>(black_box(&message)));
    }
}

mod manifest {
    use super::*;

    #[divan::bench]
    fn make(bencher: Bencher<'_, '_>) {
        let entries: Vec<Entry> = folder().entries().map(|(_, entry)| entry).collect();
        bencher.counter(ItemsCount::new(FILES)).bench(|| built(black_box(&entries)));
    }

    #[divan::bench]
    fn parse(bencher: Bencher<'_, '_>) {
        let encoded = folder().encoded().to_vec();
        bencher.counter(ItemsCount::new(FILES)).with_inputs(|| encoded.clone()).bench_values(Manifest::decode);
    }
}

mod plan {
    use super::*;

    /// Every decision that receiving a folder of small files takes.
    #[divan::bench]
    fn small_files(bencher: Bencher<'_, '_>) {
        let manifest = folder();
        let all = whole(&manifest);
        bencher
            .counter(ItemsCount::new(FILES))
            .with_inputs(|| Plan::new(manifest.clone(), all.clone(), RangeSet::new()))
            .bench_values(|mut plan| {
                while let Some(Work::Entries(range)) = plan.next_work() {
                    range.for_each(|entry| plan.settle(EntryIndex(entry)));
                }
                assert!(plan.is_finished());
            });
    }

    /// The same of one file of 1 GiB, up to its root.
    #[divan::bench]
    fn pieces(bencher: Bencher<'_, '_>) {
        let kind = EntryKind::File { size: LARGE, executable: false, root: None };
        let manifest = built(&[entry("large.bin", kind)]);
        let all = whole(&manifest);
        let count = piece::piece_count(LARGE) as usize;
        bencher
            .counter(ItemsCount::new(count))
            .with_inputs(|| Plan::new(manifest.clone(), all.clone(), RangeSet::new()))
            .bench_values(|mut plan| {
                let mut last = Step::More;
                while let Some(Work::Pieces { entry, pieces }) = plan.next_work() {
                    pieces.for_each(|piece| last = plan.verified(entry, PieceIndex(piece), Hash::of(b"piece")));
                }
                assert_eq!(last, Step::Confirm);
            });
    }
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry { path: RelativePath::parse(path).unwrap(), modified: Timestamp { seconds: 1_700_000_000, nanos: 1 }, kind }
}

/// 10,000 files of 4 KiB in 100 folders.
fn folder() -> Manifest {
    let mut entries = Vec::new();
    for i in 0..FILES {
        if i % IN_A_FOLDER == 0 {
            entries.push(entry(&format!("folder {:03}", i / IN_A_FOLDER), EntryKind::Folder));
        }
        let kind = EntryKind::File { size: 4096, executable: false, root: None };
        entries.push(entry(&format!("folder {:03}/file {i:06}.bin", i / IN_A_FOLDER), kind));
    }
    built(&entries)
}

fn built(entries: &[Entry]) -> Manifest {
    let mut builder = Builder::default();
    entries.iter().for_each(|entry| builder.push(entry).unwrap());
    builder.finish().unwrap()
}

fn whole(manifest: &Manifest) -> RangeSet {
    let mut all = RangeSet::new();
    all.insert(0..u32::try_from(manifest.entries().count()).unwrap());
    all
}
