//! rsync over ssh.

use super::{Rival, programs, ssh};
use crate::{Result, lab::Side, run::Run};
use std::process::Command;

#[derive(Debug)]
pub(super) struct Rsync {
    pub(super) name: &'static str,
    /// ssh's own choice unless set.
    pub(super) cipher: Option<&'static str>,
}

impl Rival for Rsync {
    fn name(&self) -> &'static str {
        self.name
    }

    fn find(&self) -> Result {
        ssh::find()?;
        programs(&["rsync"], "apt-get install rsync")
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let shell = ssh::serve(run, self.cipher)?.join(" ");
        let mut client = Command::new("rsync");
        client.args(["-a", "-e", &shell]).arg(&run.data.path).arg(format!("{}:{}/", ssh::host(run), run.target.display()));
        run.client(Side::Sender, &client)
    }
}
