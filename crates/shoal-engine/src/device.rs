//! A device as the engine shows it: one row however many ways it was found.

use shoal_proto::{
    PeerId,
    message::{Colour, Platform},
};
use std::{net::SocketAddr, time::Duration};

/// What this device's owner thinks of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// Never accepted anything from it: asked each time, shown unverified.
    Stranger,
    /// Accepted once.
    Known,
    /// Short authentication strings were compared.
    Verified,
    /// Never talked to.
    Blocked,
}

/// How an address became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// Announced on this network.
    Mdns,
    /// Typed in.
    Manual,
    /// It worked before.
    Remembered,
}

/// One way to reach a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// How it became known.
    pub via: Via,
    /// Where; link-local IPv6 carries its scope.
    pub address: SocketAddr,
}

/// One device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its key.
    pub id: PeerId,
    /// What it calls itself, once TLS proved the key; until then the short id. Safe to print.
    pub name: String,
    /// What it runs, if it said so.
    pub platform: Option<Platform>,
    /// The colour that its owner chose; `None`: derived from its key.
    pub colour: Option<Colour>,
    /// Its standing here.
    pub trust: Trust,
    /// Bytes in 24 hours that are accepted from it without asking; `None`: each offer is asked about. Verified devices only.
    pub accepts: Option<u64>,
    /// It proved its key here and is still announced or connected.
    pub online: bool,
    /// Ways to reach it.
    pub paths: Vec<Path>,
    /// Round trip of the live connection.
    pub rtt: Option<Duration>,
}
