//! What limits a transfer: disk, processor and network, each measured apart.
//!
//! Owns the figures and what follows from them. Leaves out how they are said to people.

pub(crate) mod local;
pub(crate) mod network;

pub(crate) use network::Meter;
use std::time::Duration;

/// Share of a core above which the processor, not the way to the peer, sets the pace of a stream: its packets are made by one thread.
const CORE_FULL: f64 = 0.85;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    /// The drive of the inbox.
    pub disk: Disk,
    /// This computer's processor.
    pub processor: Processor,
    /// The way to the peer that was named.
    pub network: Option<Network>,
}

/// A drive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disk {
    /// One file written and brought to the disk, in bytes a second.
    pub write: f64,
    /// The same file read again, in bytes a second; past the system's memory where the system lets us.
    pub read: f64,
    /// Files of 4 KiB made, in files a second.
    pub small_files: f64,
}

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Processor {
    /// Hashing and encrypting on one core, in bytes a second: what each byte sent costs besides the network stack.
    pub seal: f64,
    /// BLAKE3 on one core, in bytes a second.
    pub hash: f64,
    /// BLAKE3 on every core at once, in bytes a second.
    pub hash_all: f64,
}

/// The way to a peer and back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// Round trip while nothing else is sent.
    pub rtt: Duration,
    /// To the peer, memory to memory, in bytes a second.
    pub to_peer: f64,
    /// From it.
    pub from_peer: f64,
    /// Processor time of this process while it sent, in cores; `None` where the system does not say.
    pub cores: Option<f64>,
}

/// What a transfer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The way to the peer.
    Network,
    /// Making packets: encryption and the system's network stack.
    Processor,
    /// Reading from or writing to the drive.
    Disk,
    /// BLAKE3.
    Hashing,
}

impl Bench {
    /// What limits a transfer from here (to the peer, if one was named), and the rate that it leaves, in bytes a second.
    pub fn limit(&self) -> (Limit, f64) {
        let Self { disk, processor, network } = self;
        // Without a peer nobody knows which way things go: the slower side of the drive counts.
        let drive = if network.is_some() { disk.read } else { disk.read.min(disk.write) };
        let mut limits = vec![(Limit::Disk, drive), (Limit::Hashing, processor.hash), (Limit::Processor, processor.seal)];
        if let Some(Network { to_peer, cores, .. }) = *network {
            let what = if cores.is_some_and(|cores| cores > CORE_FULL) { Limit::Processor } else { Limit::Network };
            limits.push((what, to_peer));
        }
        limits.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((Limit::Disk, drive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Bench = Bench {
        disk: Disk { write: 2e9, read: 3e9, small_files: 3e4 },
        processor: Processor { seal: 1e9, hash: 3e9, hash_all: 1e10 },
        network: None,
    };

    fn network(to_peer: f64, cores: Option<f64>) -> Option<Network> {
        Some(Network { rtt: Duration::from_millis(1), to_peer, from_peer: to_peer, cores })
    }

    #[test]
    fn the_slowest_part_is_named() {
        assert_eq!(FAST.limit(), (Limit::Processor, 1e9));
        assert_eq!(Bench { network: network(1e7, Some(0.1)), ..FAST }.limit(), (Limit::Network, 1e7));
        assert_eq!(Bench { network: network(1e7, None), ..FAST }.limit(), (Limit::Network, 1e7));
        assert_eq!(Bench { network: network(8e8, Some(1.2)), ..FAST }.limit(), (Limit::Processor, 8e8));
        let slow = Disk { read: 5e6, write: 4e6, small_files: 100.0 };
        assert_eq!(Bench { disk: slow, ..FAST }.limit(), (Limit::Disk, 4e6));
        assert_eq!(Bench { disk: slow, network: network(1e7, Some(0.1)), ..FAST }.limit(), (Limit::Disk, 5e6));
    }
}
