//! Tests that cross a network, with real `shoal` processes on hosts in network namespaces.
//!
//! Linux and root only, therefore ignored by a plain `cargo test`. `cargo xtask test` runs them, one at a time: they measure time.
//! By hand, as root: `cargo test -p shoal-tests --test system -- --include-ignored --test-threads=1 --nocapture FILTER`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod browser;
mod discovery;
mod film;
mod holders;
mod holiday;
mod hostile;
mod lab;
mod links;
mod shares;
mod survival;
mod swarm;
mod transfers;
mod window;
