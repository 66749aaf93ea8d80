//! Small pictures of images, made in a process of its own that has given up nearly everything else.
//!
//! Images come from anywhere, and what decodes them is the first thing that somebody attacks. So a host starts itself again with
//! [`ARGUMENT`], with the image as standard input; that process gives away every right that it can ([`mod@guard`]), decodes within
//! limits, and writes a small JPEG or PNG to standard output. Whatever goes wrong in there ends there. The one who started it waits only so
//! long, and reads only so much.

#![warn(missing_docs)]

pub mod guard;
mod picture;

pub use picture::{MAX_FILE, MAX_PIXELS, MAX_SIDE, Refusal, make};

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::ExitCode,
};

/// First argument of a process that makes a thumbnail. Two more follow: the longer side in pixels, and most bytes of the result.
pub const ARGUMENT: &str = "make-thumbnail";

/// Does what the arguments of this process ask, if it was started for this: call it first in `main`, before any thread runs.
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    Some(match run(arguments.next(), arguments.next()) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads words here: that there is no picture is the answer.
        Err(_) => ExitCode::FAILURE,
    })
}

fn run(edge: Option<OsString>, most: Option<OsString>) -> io::Result<()> {
    let number = |argument: Option<OsString>| {
        let number = argument.and_then(|argument| argument.to_str()?.parse().ok());
        number.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    };
    let (edge, most): (u32, u32) = (number(edge)?, number(most)?);
    guard::give_up_rights()?;
    let mut file = Vec::new();
    io::stdin().take(MAX_FILE + 1).read_to_end(&mut file)?;
    let picture = make(&file, edge, most as usize).map_err(io::Error::other)?;
    io::stdout().write_all(&picture)
}
