//! A lab of several hosts on one machine: network namespaces joined by switches and cables, with real `shoal` processes on them.
//!
//! ```no_run
//! use shoal_tests::lab::{Line, Net, Peer};
//! use std::time::Duration;
//!
//! let net = Net::new();
//! let (ann, ben) = (net.host("ann"), net.host("ben"));
//! let cable = net.cable(&ann, &ben, Line::gigabit());
//! ann.add_address("eth0", "10.77.0.1/24");
//! ben.add_address("eth0", "10.77.0.2/24");
//! let peer = Peer::at(&ann).start();
//! cable.cut();
//! peer.wait_for("an interruption", Duration::from_secs(30), |event| event["event"] == "interrupted");
//! ```
//!
//! Everything is removed when its last user is dropped. What a killed test run left behind is removed by the next [`Net::new`]:
//! names carry the process id of the run that made them.
//!
//! Needs root, `ip` (iproute2) and `/dev/net/tun`; [`Peer`]s with faults need `strace`, [`SmallDisk`] needs `mount`.

mod cable;
mod disk;
mod host;
mod peer;
mod process;

pub use cable::{Cable, Carried, Line};
pub use disk::SmallDisk;
pub use host::{Counters, Host, Net, Port, Switch};
pub use peer::{Exit, Fault, Home, Peer, PeerSetup, Ready, Reply, shoal_binary};
pub use process::{Figures, Process};
