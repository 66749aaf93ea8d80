//! tar through ssh, without compression.

use super::{Rival, programs, ssh};
use crate::{Result, lab::Side, run::Run};
use std::process::Command;

#[derive(Debug)]
pub(super) struct Tar;

impl Rival for Tar {
    fn name(&self) -> &'static str {
        "tar-ssh"
    }

    fn find(&self) -> Result {
        ssh::find()?;
        programs(&["tar"], "apt-get install tar")
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let shell = ssh::serve(run, None)?.join(" ");
        let (host, target) = (ssh::host(run), run.target.display());
        let folder = run.data.path.parent().unwrap_or(&run.data.path).display();
        let pipe = format!("tar -C {folder} -cf - {} | {shell} {host} tar -xf - -C {target}", run.data.name());
        run.client(Side::Sender, Command::new("sh").args(["-c", &pipe]))
    }
}
