//! What Shoal's system tests are made of: files to send, a way to compare what arrived, and a lab of hosts and cables.
//!
//! - [`data`] makes files and folders, the same for the same seed;
//! - [`compare`] says in what two folders differ;
//! - [`film`] makes films to play, with ffmpeg;
//! - `hostile` (Linux) is a peer that keeps to no rule;
//! - `lab` (Linux, root) makes hosts as network namespaces, joins them by switches and by cables with a rate, a delay and loss,
//!   and runs `shoal` on them;
//! - `window` (Linux, root) opens real windows on such hosts, with a display, a mouse and a keyboard each.
//!
//! The tests themselves are in `tests/system`. Those that need root are `#[ignore]`d; `cargo xtask test` runs them too.
//!
//! Everything here panics when it cannot do what it is asked: a test whose lab does not stand has nothing to say.

#![warn(missing_docs)]

pub mod compare;
pub mod data;
pub mod film;
#[cfg(target_os = "linux")]
pub mod hostile;
#[cfg(target_os = "linux")]
pub mod lab;
pub mod sim;
#[cfg(target_os = "linux")]
pub mod window;

/// Prints a measured figure; `cargo xtask test` lists them all at the end.
pub fn figure(what: &str, value: impl std::fmt::Display) {
    println!("figure: {what}: {value}");
}
