//! scp (of OpenSSH 9: SFTP underneath).

use super::{Rival, programs, ssh};
use crate::{Result, lab::Side, run::Run};
use std::process::Command;

#[derive(Debug)]
pub(super) struct Scp;

impl Rival for Scp {
    fn name(&self) -> &'static str {
        "scp"
    }

    fn find(&self) -> Result {
        ssh::find()?;
        programs(&["scp"], "apt-get install openssh-client")
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let options = ssh::serve(run, None)?.split_off(1);
        let mut client = Command::new("scp");
        client.args(options).args(["-q", "-r"]).arg(&run.data.path);
        client.arg(format!("{}:{}/", ssh::host(run), run.target.display()));
        run.client(Side::Sender, &client)
    }
}
