//! Shoal itself, as people run it: `shoal serve` on one host, `shoal send` on the other, everything on.

use super::{Rival, SHOAL};
use crate::{
    Result,
    data::Shape,
    lab::Side,
    run::{READY, Run},
};
use std::{net::SocketAddr, path::PathBuf, process::Command};

const PORT: u16 = 47474;
/// Longer lists of files are taken from verified devices only.
const LONG_LIST: usize = 100_000;
/// The receiving peer's folder.
pub(crate) const RECEIVER: &str = "receiver";

#[derive(Debug)]
pub(super) struct Shoal;

impl Rival for Shoal {
    fn name(&self) -> &'static str {
        SHOAL
    }

    fn find(&self) -> Result {
        if binary().is_file() { Ok(()) } else { Err("set SHOAL_BIN, or use `cargo xtask bench`, which builds it".to_owned()) }
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        run.server(Side::Receiver, &serve(run))?.wait_for_word("\"ready\"", READY)?;
        if matches!(run.data.shape, Shape::Folder { files, .. } if files > LONG_LIST) {
            verify(run)?;
        }
        let mut send = peer(run, "sender");
        send.arg("send").arg(&run.data.path).args(["--to", &receiver(run)]);
        run.client(Side::Sender, &send)
    }
}

/// Has the receiver hold the sender for verified, before the clock runs.
fn verify(run: &Run<'_>) -> Result {
    let said = output(peer(run, "sender").arg("id"))?;
    let own: serde_json::Value = serde_json::from_str(&said).map_err(|e| format!("shoal id: {e}"))?;
    let id = own["id"].as_str().ok_or("shoal id says none")?;
    output(peer(run, RECEIVER).args(["trust", id, "verified"])).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How a sender names the receiving peer.
pub(crate) fn receiver(run: &Run<'_>) -> String {
    SocketAddr::new(run.to(), PORT).to_string()
}

/// A command of the peer whose key and database lie in `folder` of the run's.
pub(crate) fn peer(run: &Run<'_>, folder: &str) -> Command {
    let mut command = Command::new(binary());
    command.arg("--data-dir").arg(run.scratch.join(folder)).arg("--json").env("HOME", &run.scratch);
    command
}

/// The receiving peer, which accepts whatever comes.
pub(crate) fn serve(run: &Run<'_>) -> Command {
    let mut serve = peer(run, RECEIVER);
    serve.args(["--port", &PORT.to_string(), "serve", "--name", "receiver", "--accept", "all", "--inbox"]).arg(&run.target);
    serve
}

/// The release build: `SHOAL_BIN`, or the one beside this program.
pub(crate) fn binary() -> PathBuf {
    let beside = || std::env::current_exe().map(|own| own.with_file_name("shoal")).unwrap_or_default();
    std::env::var_os("SHOAL_BIN").map_or_else(beside, PathBuf::from)
}
