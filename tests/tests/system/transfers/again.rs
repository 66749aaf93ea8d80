//! What the receiver has is not sent again: of a large file that changed in part only the changed pieces are.

use super::scene::{Pair, as_arg, names_in, row};
use serde_json::Value;
use shoal_tests::{compare, data, figure};
use std::{fs, path::Path};
use tempfile::tempdir;

/// Small files of the folder.
const SMALL: usize = 640;
/// Bytes of each small file.
const SMALL_SIZE: u64 = 16 * 1024;
/// Bytes of each large file.
const LARGE_SIZE: u64 = 60 << 20;
const LARGE: [&str; 2] = ["film.mkv", "disk.img"];

#[test]
#[ignore = "needs root and ip netns"]
fn a_folder_sent_again_moves_only_what_changed() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let folder = source.path().join("work");
    data::many_files(&folder, SMALL, SMALL_SIZE, 8, 1);
    LARGE.iter().zip(2..).for_each(|(name, seed)| data::random_file(&folder.join(name), LARGE_SIZE, seed));
    let size = SMALL as u64 * SMALL_SIZE + 2 * LARGE_SIZE;
    assert_eq!(moved(&pair.send(&folder)), size);
    compare::assert_same(source.path(), &pair.ben.inbox());

    let again = pair.send(&folder);
    figure("folder sent again, unchanged: bytes moved", moved(&again));
    assert_eq!((moved(&again), again["bytes"].as_u64()), (0, Some(size)));
    compare::assert_same(source.path(), &pair.ben.inbox());

    // One in a hundred of the small files, and one byte in a hundred of each large one.
    let mut changed = 0;
    for i in (0..SMALL).step_by(100) {
        let file = folder.join(format!("folder {:03}/file {i:06}.bin", i % 8));
        data::random_file(&file, SMALL_SIZE, 1_000_000 + i as u64);
        changed += SMALL_SIZE;
    }
    for (name, seed) in LARGE.iter().zip(7..) {
        changed += data::change_part(&folder.join(name), 0.01, LARGE_SIZE / 100, seed);
    }
    let partly = pair.send(&folder);
    let share = moved(&partly) as f64 * 100.0 / size as f64;
    let really = changed as f64 * 100.0 / size as f64;
    figure("folder sent again, changed in part", format!("{really:.2} % changed, {share:.2} % moved"));
    assert!(moved(&partly) >= changed, "{partly}");
    assert!(share <= 2.0, "{partly}");
    let inbox = pair.ben.inbox().join("work");
    for name in LARGE {
        let (stem, ending) = name.split_once('.').unwrap();
        let beside = inbox.join(format!("{stem} (2).{ending}"));
        assert_eq!(compare::hash(&folder.join(name)), compare::hash(&beside), "{}", beside.display());
    }
    assert_eq!(
        compare::hash(&folder.join("folder 000/file 000000.bin")),
        compare::hash(&inbox.join("folder 000/file 000000 (2).bin"))
    );

    let third = pair.send(&folder);
    figure("folder sent again after that, unchanged: bytes moved", moved(&third));
    assert_eq!(moved(&third), 0);
    assert!(!inbox.join("film (3).mkv").exists(), "a copy of what is there");
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_small_change_of_a_large_file_moves_one_piece_and_replaces_only_when_asked() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("disk.img");
    data::random_file(&file, 200 << 20, 1);
    let old = compare::hash(&file);
    pair.send(&file);
    data::change_part(&file, 0.0, 100, 2);
    let beside = pair.send(&file);
    figure("100 bytes of a 200 MiB file changed: bytes moved", moved(&beside));
    assert!((1..=1 << 20).contains(&moved(&beside)), "{beside}");
    let inbox = pair.ben.inbox();
    assert_eq!(names_in(&inbox), ["disk (2).img", "disk.img"]);
    assert_eq!(compare::hash(&inbox.join("disk.img")), old, "the old one was touched");
    compare::assert_same(&file, &inbox.join("disk (2).img"));

    data::change_part(&file, 0.0, 100, 3);
    let replaced = pair.offer(&[as_arg(&file)]).accept(&pair.ben, &["--replace"]).finished();
    assert!(moved(&replaced) <= 2 << 20, "{replaced}");
    assert_eq!(names_in(&inbox), ["disk (2).img", "disk.img"]);
    compare::assert_same(&file, &inbox.join("disk.img"));
    let trash = pair.ben.home().path().join("share/Trash/files");
    assert_eq!(compare::hash(&trash.join("disk.img")), old, "{:?}", names_in(&trash));
}

/// What is stopped half way is gone on with, not begun again.
#[test]
#[ignore = "needs root and ip netns"]
fn a_file_that_grew_moves_what_is_new() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("log.txt");
    data::random_file(&file, 20 << 20, 1);
    pair.send(&file);
    append(&file, 1 << 20);
    let sending = pair.offer(&[as_arg(&file)]).accept(&pair.ben, &[]);
    let id = sending.id.clone();
    let grown = sending.finished();
    figure("20 MiB file that grew by 1 MiB: bytes moved", moved(&grown));
    assert!((1 << 20..=2 << 20).contains(&moved(&grown)), "{grown}");
    assert_eq!(row(&pair.ben, &id)["bytes_moved"], grown["bytes_moved"], "both ends count the same");
    compare::assert_same(&file, &pair.ben.inbox().join("log (2).txt"));
}

fn append(file: &Path, bytes: usize) {
    let mut whole = fs::read(file).unwrap();
    let mut more = vec![0; bytes];
    data::Noise::new(99).fill(&mut more);
    whole.extend(more);
    fs::write(file, whole).unwrap();
}

fn moved(finished: &Value) -> u64 {
    finished["bytes_moved"].as_u64().unwrap()
}
