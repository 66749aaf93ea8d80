//! The command `shoal`: a headless peer, and everything a script or a person at a terminal asks of a running one.
//!
//! Each command parses, asks ([`shoal_api::Request`]), and says what came back: in words for people, in JSON lines for scripts.
//! Names, fields and exit codes are a contract. No engine logic here.

mod args;
mod bars;
mod commands;
mod exit;
mod follow;
mod output;
mod question;
mod rate;
mod session;
mod story;
mod words;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = shoal_thumbnail::run_if_asked() {
        return code;
    }
    let cli = args::Cli::parse();
    output::log_to_stderr(cli.global.verbose);
    match session::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.say();
            ExitCode::from(stop.code())
        }
    }
}
