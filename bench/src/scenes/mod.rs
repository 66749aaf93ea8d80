//! The scenes: which link, which data, who.

use crate::{
    Result,
    contest::Contest,
    data::{DataSet, Shape},
    lab::Link,
    report::{Outcome, Report},
    rivals::Rival,
};
use std::{path::PathBuf, time::Duration};
use tempfile::TempDir;

/// One of the things measured.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether it is part of a run that names none.
    pub(crate) usual: bool,
    pub(crate) run: fn(&mut Bench, &Scene, &mut Report) -> Result,
}

/// All of them, in the order they are run.
pub(crate) const ALL: &[Scene] = &[
    Scene { name: "1gib", about: "1 GiB file, unlimited link", usual: true, run: one_gib },
    Scene { name: "small", about: "10,000 files of 4 KiB, unlimited link", usual: true, run: small },
];

/// How long a run may take where nothing is slow on purpose.
const LONGEST: Duration = Duration::from_secs(120);

/// What all scenes share.
#[derive(Debug)]
pub(crate) struct Bench {
    rivals: Vec<&'static dyn Rival>,
    rounds: usize,
    folder: TempDir,
}

impl Bench {
    /// Data and what is received go to a new folder in `folder`; in the system's place for large temporary files unless given.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(rivals: Vec<&'static dyn Rival>, rounds: usize, folder: Option<PathBuf>) -> Result<Self> {
        let folder = folder.unwrap_or_else(|| "/var/tmp".into());
        let made = TempDir::with_prefix_in("shoal-bench-", &folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Self { rivals, rounds, folder: made })
    }

    /// A data set, made when it is first asked for.
    fn data(&self, shape: Shape) -> Result<DataSet> {
        DataSet::make(&self.folder.path().join("data"), shape)
    }

    /// All rivals on one link with one data set.
    fn contest(&self, scene: &Scene, link: Link, shape: Shape, limit: Duration) -> Result<Outcome> {
        let data = self.data(shape)?;
        let runs = self.folder.path().join("runs");
        let contest = Contest { scene: scene.name, link, data: &data, limit, rounds: self.rounds, folder: &runs };
        let rows = contest.hold(&self.rivals);
        Ok(Outcome { scene: scene.name.to_owned(), about: scene.about.to_owned(), bytes: shape.bytes(), rows })
    }
}

fn one_gib(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    report.add(bench.contest(scene, Link::Unlimited, Shape::File { mib: 1024 }, LONGEST)?);
    Ok(())
}

fn small(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    report.add(bench.contest(scene, Link::Unlimited, Shape::SMALL_FILES, LONGEST)?);
    Ok(())
}
