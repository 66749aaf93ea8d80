//! Shoal itself, as people run it: `shoal serve` on one host, `shoal send` on the other, everything on.

use super::{Rival, SHOAL};
use crate::{
    Result,
    lab::Side,
    run::{READY, Run},
};
use std::{net::SocketAddr, path::PathBuf, process::Command};

const PORT: u16 = 47474;

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
        let mut send = Command::new(binary());
        send.arg("--data-dir").arg(run.scratch.join("sender")).args(["--json", "send"]).arg(&run.data.path);
        send.args(["--to", &SocketAddr::new(run.to(), PORT).to_string()]).env("HOME", &run.scratch);
        run.client(Side::Sender, &send)
    }
}

/// The receiving peer, which accepts whatever comes.
pub(crate) fn serve(run: &Run<'_>) -> Command {
    let mut serve = Command::new(binary());
    serve.arg("--data-dir").arg(run.scratch.join("receiver")).args(["--json", "--port", &PORT.to_string()]);
    serve.args(["serve", "--name", "receiver", "--accept", "all", "--inbox"]).arg(&run.target).env("HOME", &run.scratch);
    serve
}

/// The release build: `SHOAL_BIN`, or the one beside this program.
pub(crate) fn binary() -> PathBuf {
    let beside = || std::env::current_exe().map(|own| own.with_file_name("shoal")).unwrap_or_default();
    std::env::var_os("SHOAL_BIN").map_or_else(beside, PathBuf::from)
}
