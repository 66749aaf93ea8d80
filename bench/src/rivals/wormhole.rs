//! magic-wormhole with a mailbox server of its own at the receiver, and a direct connection.

use super::{Rival, SLOW, program, programs};
use crate::{
    Result,
    lab::Side,
    run::{READY, Run},
};
use std::{net::TcpStream, process::Command};

const PORT: u16 = 4000;
const CODE: &str = "7-crossover-clockwork";

#[derive(Debug)]
pub(super) struct Wormhole;

impl Rival for Wormhole {
    fn name(&self) -> &'static str {
        "wormhole"
    }

    fn find(&self) -> Result {
        programs(&["wormhole", "twist"], SLOW)
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let mut mailbox = Command::new(program("twist").ok_or("twist is gone")?);
        let database = run.scratch.join("mailbox.sqlite").display().to_string();
        mailbox.args(["wormhole-mailbox", &format!("--port=tcp:{PORT}"), &format!("--channel-db={database}")]);
        let (host, address) = (run.lab.host(Side::Receiver).clone(), (run.to(), PORT));
        let server = run.server(Side::Receiver, mailbox.current_dir(&run.scratch))?;
        server.wait_until("listen", READY, || host.within(|| TcpStream::connect(address).is_ok()))?;
        let wormhole = program("wormhole").ok_or("wormhole is gone")?;
        let both = || {
            let mut command = Command::new(&wormhole);
            // A helper that nobody has: the two find each other directly.
            command.args([format!("--relay-url=ws://{}:{PORT}/v1", run.to()), "--transit-helper=".to_owned()]);
            command
        };
        let (mut send, mut receive) = (both(), both());
        send.args(["send", "--hide-progress", "--code", CODE]).arg(&run.data.path);
        receive.args(["receive", "--hide-progress", "--accept-file", "-o"]).arg(run.target.join(run.data.name())).arg(CODE);
        let sender = run.start(Side::Sender, &send)?;
        run.client(Side::Receiver, &receive)?;
        run.wait(sender).map(drop)
    }
}
