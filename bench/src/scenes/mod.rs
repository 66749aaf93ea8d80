//! The scenes: which link, which data, who.

mod contests;
mod idle;
mod sharing;
pub(crate) mod small;

use crate::{
    Result,
    contest::Contest,
    data::{DataSet, Shape},
    lab::Link,
    report::{Outcome, Report},
    rivals::Rival,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// One of the things measured.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&mut Bench, &Scene, &mut Report) -> Result,
}

/// All of them, in the order they are run.
#[rustfmt::skip]
pub(crate) const ALL: &[Scene] = &[
    Scene { name: "1gib", about: "1 GiB file, unlimited link", run: contests::one_gib },
    Scene { name: "small", about: "10,000 files of 4 KiB, unlimited link", run: contests::small },
    Scene { name: "gigabit", about: "512 MiB file, 1 Gbit/s, 1 ms", run: contests::gigabit },
    Scene { name: "fast", about: "1 GiB file, 2.5 and 10 Gbit/s", run: contests::fast },
    Scene { name: "long", about: "256 MiB file, 100 Mbit/s, 50 ms", run: contests::long },
    Scene { name: "lossy", about: "256 MiB file, 100 Mbit/s, 50 ms, 1 % loss", run: contests::lossy },
    Scene { name: "wifi", about: "512 MiB file, 300 Mbit/s, 5 ms and jitter, 3 % loss", run: contests::wifi },
    Scene { name: "latency", about: "10,000 files of 4 KiB, 1 Gbit/s, 1 ms and 50 ms", run: contests::latency },
    Scene { name: "many", about: "what a file costs, from 1,000 files to 100,000 (--long: 1,000,000)", run: contests::many },
    Scene { name: "fair", about: "8 transfers at once at 1 Gbit/s", run: sharing::fair },
    Scene { name: "ping", about: "a ping beside a transfer at 100 Mbit/s", run: sharing::ping },
    Scene { name: "beside", about: "beside one TCP Cubic flow at 100 Mbit/s, 10 ms", run: sharing::beside },
    Scene { name: "idle", about: "a headless peer that knows 50 others and has nothing to do", run: idle::idle },
];

/// What takes part in a scene.
pub(crate) type AnyRival = &'static dyn Rival;

/// What all scenes share.
#[derive(Debug)]
pub(crate) struct Bench {
    rivals: Vec<AnyRival>,
    rounds: usize,
    /// The long forms of scenes.
    long: bool,
    /// How many contests were held.
    contests: usize,
    folder: TempDir,
}

impl Bench {
    /// Data and what is received go to a new folder in `folder`; in the system's place for large temporary files unless given.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(rivals: Vec<AnyRival>, rounds: usize, long: bool, folder: Option<PathBuf>) -> Result<Self> {
        let folder = folder.unwrap_or_else(|| "/var/tmp".into());
        let made = TempDir::with_prefix_in("shoal-bench-", &folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Self { rivals, rounds, long, contests: 0, folder: made })
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A data set, made when it is first asked for.
    fn data(&self, shape: Shape) -> Result<DataSet> {
        DataSet::make(&self.folder().join("data"), shape)
    }

    /// All rivals on one link with one data set.
    fn contest(&mut self, scene: &Scene, link: Link, shape: Shape, limit: Duration, report: &mut Report) -> Result {
        report.add(self.outcome(scene.name, scene.about, link, shape, limit)?);
        Ok(())
    }

    /// The same, with the outcome in the caller's hands.
    pub(crate) fn outcome(&mut self, scene: &str, about: &str, link: Link, shape: Shape, limit: Duration) -> Result<Outcome> {
        let data = self.data(shape)?;
        let runs = self.folder().join("runs");
        self.contests += 1;
        let contest = Contest { scene, link, data: &data, limit, rounds: self.rounds, number: self.contests, folder: &runs };
        let rows = contest.hold(&self.rivals);
        Ok(Outcome { scene: scene.to_owned(), about: about.to_owned(), bytes: shape.bytes(), rows })
    }
}
