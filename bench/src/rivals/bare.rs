//! The bare copy of [`crate::bare`], as two processes.

use super::Rival;
use crate::{
    Result,
    lab::Side,
    options::{BARE_RECEIVE, BARE_SEND},
    run::{READY, Run},
};
use std::process::Command;

const PORT: u16 = 4700;

#[derive(Debug)]
pub(super) struct Bare {
    pub(super) name: &'static str,
    /// BBR in the place of Cubic.
    pub(super) bbr: bool,
}

impl Rival for Bare {
    fn name(&self) -> &'static str {
        self.name
    }

    fn find(&self) -> Result {
        Ok(())
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let own = std::env::current_exe().map_err(|e| format!("this program's own path is unknown: {e}"))?;
        let address = format!("{}:{PORT}", run.to());
        let bbr = self.bbr.then_some("--bbr");
        let mut receive = Command::new(&own);
        receive.args([BARE_RECEIVE, &address]).arg(&run.target).args(bbr);
        run.server(Side::Receiver, &receive)?.wait_for_word("ready", READY)?;
        let mut send = Command::new(&own);
        send.args([BARE_SEND, &address]).arg(&run.data.path).args(bbr);
        run.client(Side::Sender, &send)
    }
}
