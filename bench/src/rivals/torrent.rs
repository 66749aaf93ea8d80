//! libtorrent: a seed and one downloader, without trackers. Its clock includes making the torrent, as that of others does hashing.

use super::{Rival, write};
use crate::{Result, lab::Side, run::Run};
use std::process::{Command, Stdio};

const PORT: &str = "6881";
const SCRIPT: &str = include_str!("torrent.py");
/// Debian's own Python, for which its package is.
const PYTHON: &str = "/usr/bin/python3";

#[derive(Debug)]
pub(super) struct Torrent;

impl Rival for Torrent {
    fn name(&self) -> &'static str {
        "libtorrent"
    }

    fn find(&self) -> Result {
        let tried = Command::new(PYTHON).args(["-c", "import libtorrent"]).stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) { Ok(()) } else { Err("apt-get install python3-libtorrent".to_owned()) }
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let script = run.scratch.join("torrent.py");
        write(&script, SCRIPT)?;
        let (from, to) = (run.from().to_string(), run.to().to_string());
        let torrent = run.scratch.join("torrent");
        let mut seed = Command::new(PYTHON);
        seed.arg(&script).arg("seed").arg(&run.data.path).arg(&torrent).args([&from, PORT]);
        let mut get = Command::new(PYTHON);
        get.arg(&script).arg("get").arg(&run.target).arg(&torrent).args([&to, PORT, &from, PORT]);
        run.start(Side::Sender, &seed)?;
        run.client(Side::Receiver, &get)
    }
}
