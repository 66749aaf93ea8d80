//! Rivals on the same work, in turn: each once a round, in an order that moves by one a round, so that none always follows the same.

use crate::{
    Result,
    data::DataSet,
    lab::{Lab, Link},
    report::Row,
    rivals::Rival,
    run::{Measure, Run},
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// Memory of the programs themselves and of the kernel's queues between them.
const WARM_MORE_MIB: u64 = 256;

/// A scene's work.
#[derive(Debug)]
pub(crate) struct Contest<'a> {
    pub(crate) scene: &'a str,
    pub(crate) link: Link,
    pub(crate) data: &'a DataSet,
    /// How long one run may take.
    pub(crate) limit: Duration,
    pub(crate) rounds: usize,
    /// Which contest of this bench it is.
    pub(crate) number: usize,
    /// A folder for what is received and for what rivals keep.
    pub(crate) folder: &'a Path,
}

impl Contest<'_> {
    /// Lets them all do it. One that fails, or does not come to its end in time, does not do it again.
    pub(crate) fn hold(&self, rivals: &[&dyn Rival]) -> Vec<Row> {
        let suited: Vec<&dyn Rival> = rivals.iter().copied().filter(|rival| rival.suits(self.data)).collect();
        let mut rows: Vec<Row> = suited.iter().map(|rival| Row::new(rival.name())).collect();
        for round in 0..self.rounds {
            for turn in 0..suited.len() {
                let place = (round + turn) % suited.len();
                let (Some(rival), Some(row)) = (suited.get(place), rows.get_mut(place)) else { continue };
                if row.failure.is_some() || row.runs.iter().any(|run| !run.finished) {
                    continue;
                }
                match self.once(*rival, round) {
                    Ok(measure) => {
                        let end = if measure.finished { "" } else { ", stopped there" };
                        eprintln!(
                            "{} {}/{}: {:18} {:.2} s{end}",
                            self.scene,
                            round + 1,
                            self.rounds,
                            rival.name(),
                            measure.seconds
                        );
                        row.runs.push(measure);
                    }
                    Err(error) => {
                        eprintln!("{} {}/{}: {:18} failed: {error}", self.scene, round + 1, self.rounds, rival.name());
                        row.failure = Some(error);
                    }
                }
            }
        }
        rows
    }

    /// One run, on hosts of its own: no route, no ARP entry and no TCP metric of an earlier one helps or harms it.
    pub(crate) fn once(&self, rival: &dyn Rival, round: usize) -> Result<Measure> {
        // Every contest has a folder of its own, also the second of one scene.
        let name = format!("{}-{}-{round}-{}", self.scene, self.number, rival.name());
        let mut place = Place::new(self.folder, &name)?;
        if !self.data.is_file() {
            place.keep();
        }
        place.warm_memory(self.data.shape.bytes())?;
        let lab = Lab::new(self.link);
        let mut run = Run::new(&lab, self.data, &place.target(), &place.scratch(), self.limit);
        rival.transfer(&mut run)?;
        run.finish(rival.delivers())
    }
}

/// The folders of a run, new ones each time. Removed when dropped, with nothing of them left to be written while the next run is
/// measured. Many files are better kept until the end of the bench: for minutes ext4 creates files many times slower where others
/// were just removed, and the next rival would pay for that.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    keep: bool,
}

impl Place {
    /// Makes them below `folder`.
    ///
    /// # Errors
    /// When they cannot be made.
    pub(crate) fn new(folder: &Path, name: &str) -> Result<Self> {
        let place = Self { folder: folder.join(name), keep: false };
        let made = fs::create_dir_all(place.target()).and_then(|()| fs::create_dir_all(place.scratch()));
        made.map_err(|e| format!("{}: {e}", place.folder.display()))?;
        Ok(place)
    }

    /// Writes and removes as much as will arrive: a virtual machine's host takes back memory that was not used for a while, and giving
    /// it again costs up to ten times as much as writing to it, which is nobody's merit or fault.
    ///
    /// # Errors
    /// When there is no room.
    pub(crate) fn warm_memory(&self, bytes: u64) -> Result {
        const BLOCK: usize = 1 << 20;
        let path = self.folder.join("warm");
        let write = || -> std::io::Result<()> {
            let (mut file, block) = (fs::File::create(&path)?, vec![1; BLOCK]);
            (0..bytes / BLOCK as u64 + WARM_MORE_MIB).try_for_each(|_| file.write_all(&block))?;
            fs::remove_file(&path)
        };
        write().map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Leaves them to whoever removes the folder that they are in.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed is in the way of nothing but the disk.
            let _ = fs::remove_dir_all(&self.folder);
        }
        rustix::fs::sync();
    }
}
