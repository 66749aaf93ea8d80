//! The one table of devices: who is known, how to reach them, who proved a key.

use crate::{Device, Path, Trust};
use shoal_proto::{PeerId, message::Hello};
use std::net::SocketAddr;

/// A hint from a provider. It never changes trust, the name shown, or who counts as online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sighting {
    /// Somebody says that this device is there. The paths replace those that the same provider gave before.
    Seen { id: PeerId, paths: Vec<Path> },
    /// A provider no longer sees it.
    Gone { id: PeerId, via: crate::Via },
}

/// The table. Shared; each method locks for a moment and never across an await.
#[derive(Debug)]
pub(crate) struct Devices {}

impl Devices {
    /// Standing of a device; [`Trust::Stranger`] when it is not known.
    pub(crate) fn trust(&self, _id: PeerId) -> Trust {
        todo!()
    }
    /// Addresses to dial, best first: mDNS before remembered before manual, IPv6 and IPv4 interleaved (RFC 8305 §4).
    pub(crate) fn candidates(&self, _id: PeerId) -> Vec<SocketAddr> {
        todo!()
    }
    /// TLS proved the key at `address` and it said who it is. `live`: a connection exists now.
    pub(crate) fn proved(&self, _id: PeerId, _hello: &Hello, _address: SocketAddr) {
        todo!()
    }
    /// Its last connection is gone.
    pub(crate) fn disconnected(&self, _id: PeerId) {
        todo!()
    }
    /// What a provider says.
    pub(crate) fn sighting(&self, _sighting: Sighting) {
        todo!()
    }
    /// Every row.
    pub(crate) fn all(&self) -> Vec<Device> {
        todo!()
    }
}
