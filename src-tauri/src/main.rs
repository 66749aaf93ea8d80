//! The window: a thin shell around an engine. Owns the window, tray, notifications, dialogs, drops and what the system hands over;
//! leaves out every decision about devices and transfers, which are the engine's, and everything that is shown, which is the UI's.
//!
//! The page asks through [`commands`], hears through [`stream`] and [`page`], never names a path, for which it has [`handles`], and shows
//! what devices share through [`media`].

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod app;
mod ask;
mod awake;
mod commands;
#[cfg(test)]
mod configuration;
mod engine;
mod handles;
mod media;
mod notice;
mod notices;
mod options;
mod page;
mod stream;
mod table;
mod tray;
mod window;
mod words;

use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    if let Some(code) = shoal_thumbnail::run_if_asked() {
        return code;
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match app::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "Shoal cannot start");
            ExitCode::FAILURE
        }
    }
}
