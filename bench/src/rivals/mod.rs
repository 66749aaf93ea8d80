//! Those who move the files, each in a file of its own: whether it is there, and how it is made to do a run.

mod bare;
mod curl;
pub(crate) mod iperf;
mod rsync;
mod scp;
mod sendme;
pub(crate) mod shoal;
mod ssh;
mod syncthing;
mod tar;
mod torrent;
mod wormhole;

use crate::{Result, data::DataSet, run::Run};
use std::path::{Path, PathBuf};

/// One competitor.
pub(crate) trait Rival: std::fmt::Debug + Sync {
    /// As the table and `--only` have it.
    fn name(&self) -> &'static str;

    /// Whether it can run here.
    ///
    /// # Errors
    /// When it cannot: how to get it.
    fn find(&self) -> Result;

    /// Whether it can do this work at all.
    fn suits(&self, _data: &DataSet) -> bool {
        true
    }

    /// Whether files arrive that can be compared.
    fn delivers(&self) -> bool {
        true
    }

    /// Does a run: starts servers, waits for them, starts clients, waits for them.
    ///
    /// # Errors
    /// When anything fails.
    fn transfer(&self, run: &mut Run<'_>) -> Result;
}

/// The name of the one that all are compared with.
pub(crate) const SHOAL: &str = "shoal";
/// The name of the upper bound.
pub(crate) const BARE: &str = "bare";

/// All of them, in the table's order.
pub(crate) const ALL: &[&dyn Rival] = &[
    &shoal::Shoal,
    &bare::Bare { name: BARE, bbr: false },
    &bare::Bare { name: "bare-bbr", bbr: true },
    &iperf::Iperf,
    &curl::Curl,
    &rsync::Rsync { name: "rsync", cipher: None },
    &rsync::Rsync { name: "rsync-aes128-gcm", cipher: Some("aes128-gcm@openssh.com") },
    &tar::Tar,
    &scp::Scp,
    &wormhole::Wormhole,
    &torrent::Torrent,
    &syncthing::Syncthing,
    &sendme::Sendme,
];

/// Where `cargo xtask bench --install-slow` puts what is not packaged: below this folder, in `bin` and `venv/bin`.
const INSTALLED: &str = "SHOAL_RIVALS";
/// How to get those.
const SLOW: &str = "cargo xtask bench --install-slow";

/// The path of a program, `sbin` folders included: they are not on every path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::var_os(INSTALLED).map(PathBuf::from);
    let installed = installed.iter().flat_map(|folder| [folder.join("bin"), folder.join("venv/bin")]);
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    installed.chain(std::env::split_paths(&path)).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// All of some programs, or how to get them.
fn programs(names: &[&str], how: &str) -> Result {
    match names.iter().find(|name| program(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(format!("{name} is not here: {how}")),
    }
}

fn write(path: &Path, text: &str) -> Result {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}
