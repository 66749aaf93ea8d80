//! What is sent arrives: the same bytes, names, times and executable bits. If this fails, nothing else matters.

use super::scene::{Pair, names_in};
use serde_json::Value;
use shoal_tests::{compare, data, figure};
use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::tempdir;

#[test]
#[ignore = "needs root and ip netns"]
fn a_large_file_arrives_whole() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let file = source.path().join("image.iso");
    data::random_file(&file, 1 << 30, 1);
    let finished = pair.send(&file);
    tell("1 GiB random file", &finished);
    assert_eq!((&finished["files"], &finished["bytes"]), (&Value::from(1), &Value::from(1_u64 << 30)));
    compare::assert_same(&file, &pair.ben.inbox().join("image.iso"));
    assert_eq!(names_in(&pair.ben.inbox()), ["image.iso"]);
}

#[test]
#[ignore = "needs root and ip netns"]
fn many_small_files_arrive_whole() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let folder = source.path().join("photos");
    data::many_files(&folder, 10_000, 4096, 100, 2);
    let finished = pair.send(&folder);
    tell("10,000 files of 4 KiB", &finished);
    assert_eq!(compare::assert_same(source.path(), &pair.ben.inbox()), 10_000);
    compare::assert_same_folder_times(source.path(), &pair.ben.inbox());
}

#[test]
#[ignore = "needs root and ip netns"]
fn difficult_names_times_and_bits_arrive_as_they_are() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let folder = source.path().join("- ünd 日本\n\"all\" of it");
    let files = data::difficult_names(&folder, 3);
    let times = [
        ("moon landing", -14_182_940 * NANOS),
        ("just before 1970", -1),
        ("the first second", 0),
        ("with nanoseconds", 1_234_567_890 * NANOS + 987_654_321),
        ("before 1970 with nanoseconds", -1_000 * NANOS + 123_456_789),
        ("beyond 2038", 5_000_000_000 * NANOS + 1),
    ];
    for (name, time) in times {
        let file = folder.join("times").join(name);
        data::random_file(&file, 5000, 4);
        set_time(&file, time);
        fs::create_dir_all(folder.join("times/folders").join(name)).unwrap();
        set_time(&folder.join("times/folders").join(name), time);
    }
    // Folders last, deepest first: writing into one changes its time.
    set_time(&folder.join("times"), -5_000_000 * NANOS + 5);
    set_time(&folder.join("empty"), 1_500_000_000 * NANOS + 77);
    set_time(&folder, 1_400_000_000 * NANOS + 99);
    let finished = pair.send(&folder);
    tell("difficult names", &finished);
    let arrived = compare::assert_same(source.path(), &pair.ben.inbox());
    assert_eq!(arrived, files + times.len());
    compare::assert_same_folder_times(source.path(), &pair.ben.inbox());
    for (name, time) in times {
        for place in [Path::new("times").join(name), Path::new("times/folders").join(name)] {
            let file = pair.ben.inbox().join(folder.file_name().unwrap()).join(&place);
            assert_eq!(nanos(fs::metadata(&file).unwrap().modified().unwrap()), time, "{}", place.display());
        }
    }
}

const NANOS: i128 = 1_000_000_000;

fn set_time(path: &Path, nanos: i128) {
    let away = Duration::from_nanos(nanos.unsigned_abs().try_into().unwrap());
    let time = if nanos < 0 { UNIX_EPOCH - away } else { UNIX_EPOCH + away };
    // A folder opened for reading takes a time too.
    File::open(path).and_then(|file| file.set_modified(time)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn nanos(time: SystemTime) -> i128 {
    let signed = |away: Duration| i128::try_from(away.as_nanos()).unwrap();
    time.duration_since(UNIX_EPOCH).map_or_else(|before| -signed(before.duration()), signed)
}

/// Prints what a transfer took.
fn tell(what: &str, finished: &Value) {
    let seconds = finished["seconds"].as_f64().unwrap();
    let (files, bytes) = (finished["files"].as_f64().unwrap(), finished["bytes"].as_f64().unwrap());
    figure(what, format!("{seconds:.2} s, {:.0} MB/s, {:.0} files/s", bytes / 1e6 / seconds, files / seconds));
}
