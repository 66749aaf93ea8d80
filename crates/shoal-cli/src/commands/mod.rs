//! The commands, a file for each family.

pub(crate) mod bench;
pub(crate) mod devices;
pub(crate) mod limit;
pub(crate) mod link;
pub(crate) mod look;
pub(crate) mod offers;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod share;
pub(crate) mod transfers;
pub(crate) mod trust;

use crate::{args::Cli, exit::Stop};
use clap::{CommandFactory, ValueEnum};
use shoal_api::{AcceptRule, Code};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Who is accepted without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accept {
    /// Nobody
    Ask,
    /// Devices that were verified
    Verified,
    /// Everybody
    All,
}

impl From<Accept> for AcceptRule {
    fn from(accept: Accept) -> Self {
        match accept {
            Accept::Ask => Self::Ask,
            Accept::Verified => Self::Verified,
            Accept::All => Self::All,
        }
    }
}

/// Prints completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shoal", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

/// A path as another process understands it.
fn absolute(path: &Path) -> Result<PathBuf, Stop> {
    std::path::absolute(path).map_err(|error| {
        Stop::because(Code::Usage, format_args!("{} is no path: {}", path.display(), crate::words::system(&error)))
    })
}
