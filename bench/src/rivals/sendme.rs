//! sendme (iroh), without relays: the ticket names addresses. Its clock includes the sender's hashing, as that of others does.

use super::{Rival, SLOW, program, programs};
use crate::{Result, lab::Side, run::Run};
use std::{process::Command, time::Duration};

/// What the sender says before the ticket.
const BEFORE_TICKET: &str = "sendme receive ";

#[derive(Debug)]
pub(super) struct Sendme;

impl Rival for Sendme {
    fn name(&self) -> &'static str {
        "sendme"
    }

    fn find(&self) -> Result {
        programs(&["sendme"], SLOW)
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let sendme = program("sendme").ok_or("sendme is gone")?;
        let mut send = Command::new(&sendme);
        send.arg("send")
            .arg(&run.data.path)
            .args(["--relay", "disabled", "--ticket-type", "addresses"])
            .current_dir(&run.scratch);
        let sender = run.start(Side::Sender, &send)?;
        run.wait_until(Duration::from_millis(5), |run| ticket(&run.log(sender)).is_some())?;
        let ticket = ticket(&run.log(sender)).ok_or("sendme made no ticket in time")?;
        let mut receive = Command::new(&sendme);
        receive.args(["receive", &ticket, "--relay", "disabled"]).current_dir(&run.target);
        run.client(Side::Receiver, &receive)
    }
}

/// The ticket, once its line is whole.
fn ticket(log: &str) -> Option<String> {
    let rest = log.split_once(BEFORE_TICKET)?.1;
    rest.split_once(char::is_whitespace).map(|(ticket, _)| ticket.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_taken_when_its_line_is_whole() {
        assert_eq!(ticket("imported\nto get this data, use\nsendme receive blobab"), None);
        assert_eq!(ticket("use\nsendme receive blobabc\n"), Some("blobabc".to_owned()));
    }
}
