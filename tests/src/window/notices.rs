//! The notifications of a display's session: a server (`notices.py`) that tells of each and presses its buttons.

use super::{Display, SOON};
use crate::lab::Process;
use rustix::process::Signal;
use serde_json::Value;

const SCRIPT: &str = "notices.py";

/// The server. It ends when dropped.
#[derive(Debug)]
pub struct Notices {
    server: Process,
}

impl Notices {
    /// Starts it, before what notifies.
    pub(super) fn start(display: &Display) -> Self {
        let server = Process::start(display.host(), &mut display.python(SCRIPT), display.folder().join("notices-log.txt"));
        server.wait_for("notification server", SOON, |line| line == "ready");
        Self { server }
    }

    /// Waits for a notification whose summary holds `words`.
    pub(super) fn wait_for(&self, words: &str) -> Value {
        self.server.wait_for(words, SOON, |line| line["summary"].as_str().is_some_and(|summary| summary.contains(words)))
    }

    /// How many there were whose summary holds `words`.
    pub(super) fn count(&self, words: &str) -> usize {
        self.server.lines().iter().filter(|line| line["summary"].as_str().is_some_and(|summary| summary.contains(words))).count()
    }

    /// Presses a button of one.
    pub(super) fn press(&self, display: &Display, notice: &Value, action: &str) {
        let mut command = display.python(SCRIPT);
        command.args([&notice["id"].to_string(), action]);
        let mut press = Process::start(display.host(), &mut command, display.folder().join("press-log.txt"));
        assert!(press.finish(SOON).success(), "the button was not pressed: {}", press.log());
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.server.signal(Signal::TERM);
    }
}
