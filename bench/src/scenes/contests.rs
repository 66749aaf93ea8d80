//! Scenes in which all rivals do the same work.

use super::{Bench, Scene};
use crate::{
    Result,
    data::Shape,
    lab::Link,
    report::{Figure, Report},
    rivals::{BARE, SHOAL},
};
use shoal_tests::lab::Line;
use std::time::Duration;

/// How long a run may take where nothing is slow on purpose.
const LONGEST: Duration = Duration::from_secs(120);
/// How long a run may take over a bad link: TCP takes minutes there.
const LONGEST_BAD: Duration = Duration::from_secs(40);
/// Bytes of each of very many files.
const TINY: u64 = 100;
/// Of files in one folder, when there are very many.
const IN_A_FOLDER: usize = 1000;

pub(super) fn one_gib(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    bench.contest(scene, Link::Unlimited, Shape::File { mib: 1024 }, LONGEST, report)
}

pub(super) fn small(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    bench.contest(scene, Link::Unlimited, Shape::SMALL_FILES, LONGEST, report)
}

pub(super) fn gigabit(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    bench.contest(scene, Link::Shaped(Line::gigabit()), Shape::File { mib: 512 }, LONGEST, report)
}

/// Faster cables than most have: whether they, or this machine, are the limit.
pub(super) fn fast(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    for (mbit, about) in [(2500, "1 GiB file, 2.5 Gbit/s"), (10_000, "1 GiB file, 10 Gbit/s")] {
        bench.contest(&Scene { about, ..*scene }, Link::Limited(mbit), Shape::File { mib: 1024 }, LONGEST, report)?;
    }
    Ok(())
}

pub(super) fn long(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let clean = Line { loss: 0.0, ..Line::poor() };
    bench.contest(scene, Link::Shaped(clean), Shape::File { mib: 256 }, LONGEST_BAD, report)
}

pub(super) fn lossy(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    bench.contest(scene, Link::Shaped(Line::poor()), Shape::File { mib: 256 }, LONGEST_BAD, report)
}

pub(super) fn wifi(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let (delay, jitter) = (Duration::from_micros(2500), Duration::from_millis(3));
    let line = Line { mbit: 300.0, delay, jitter, loss: 0.03, ..Line::gigabit() };
    bench.contest(scene, Link::Shaped(line), Shape::File { mib: 512 }, LONGEST_BAD, report)
}

/// The same small files near and far: what a round trip costs.
pub(super) fn latency(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let far = Line { delay: Duration::from_millis(25), ..Line::gigabit() };
    for (line, about) in
        [(Line::gigabit(), "10,000 files of 4 KiB, 1 Gbit/s, 1 ms"), (far, "10,000 files of 4 KiB, 1 Gbit/s, 50 ms")]
    {
        bench.contest(&Scene { about, ..*scene }, Link::Shaped(line), Shape::SMALL_FILES, LONGEST_BAD, report)?;
    }
    Ok(())
}

/// More and more files: whether each costs the same.
pub(super) fn many(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let all = std::mem::take(&mut bench.rivals);
    let done = many_for(bench, scene, report, &all);
    bench.rivals = all;
    done
}

fn many_for(bench: &mut Bench, scene: &Scene, report: &mut Report, all: &[super::AnyRival]) -> Result {
    bench.rivals = all.iter().copied().filter(|rival| [SHOAL, BARE].contains(&rival.name())).collect();
    let counts: &[usize] = if bench.long { &[1000, 10_000, 100_000, 1_000_000] } else { &[1000, 10_000, 100_000] };
    for &files in counts {
        let shape = Shape::Folder { files, bytes: TINY, folders: files.div_ceil(IN_A_FOLDER) };
        let about = format!("{files} files of {TINY} bytes, unlimited link");
        let limit = LONGEST * u32::try_from(files / 100_000).unwrap_or(1).max(1);
        let outcome = bench.outcome(scene.name, &about, Link::Unlimited, shape, limit)?;
        for row in &outcome.rows {
            if let Some(seconds) = row.seconds(outcome.bytes) {
                let what = format!("{}: each of {files} files", row.rival);
                report.figure(Figure { scene: scene.name.into(), what, value: seconds / files as f64 * 1e6, unit: "µs" });
            }
        }
        report.add(outcome);
    }
    Ok(())
}
