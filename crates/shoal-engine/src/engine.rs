//! The engine's public face: start, ask, command, listen, stop.

use crate::{
    Config, Device, Event, Snapshot, Trust,
    error::{ReachError, SendError, StartError, TransferError, TrustError},
    transfer::{Consent, Limits, Outgoing, Transfer},
};
use shoal_proto::{PeerId, message::TransferId, sas::Sas};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// A running peer. Clones share it.
#[derive(Debug, Clone)]
pub struct Engine {}

/// A stream of [`Event`]s for one front end.
#[derive(Debug)]
pub struct Events {}

impl Events {
    /// The next event; `None` once the engine is shut down.
    pub async fn next(&mut self) -> Option<Event> {
        todo!()
    }
}

impl Engine {
    /// Starts a peer: takes the data folder's lock, opens the database, binds the socket, announces itself, goes on with
    /// transfers that are not over.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        todo!()
    }

    /// This device.
    pub fn id(&self) -> PeerId {
        todo!()
    }

    /// Its name.
    pub fn name(&self) -> String {
        todo!()
    }

    /// Addresses at which others can reach it now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        todo!()
    }

    /// Where accepted files go by default.
    pub fn inbox(&self) -> PathBuf {
        todo!()
    }

    /// Everything at this moment.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Events from now on.
    pub fn events(&self) -> Events {
        todo!()
    }

    /// Devices known and in reach.
    pub fn devices(&self) -> Vec<Device> {
        todo!()
    }

    /// The device that a name, the beginning of an id (4 characters or more), a link or `HOST:PORT` means. Waits up to `wait`
    /// for it to show up. An address is dialled to learn who is there.
    pub async fn find(&self, peer: &str, wait: Duration) -> Result<PeerId, ReachError> {
        todo!()
    }

    /// Compares short authentication strings with a peer; both ends then show the same.
    pub async fn verify(&self, peer: PeerId) -> Result<Sas, TrustError> {
        todo!()
    }

    /// Sets a device's standing. Blocking closes its connections within a second.
    pub async fn set_trust(&self, peer: PeerId, trust: Trust) -> Result<(), TrustError> {
        todo!()
    }

    /// Forgets a device: its standing, addresses and connections.
    pub async fn forget(&self, peer: PeerId) -> Result<(), TrustError> {
        todo!()
    }

    /// Offers files or a text; returns at once with a transfer for each receiver, in the order of `outgoing.to`.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Vec<Transfer>, SendError> {
        todo!()
    }

    /// Transfers that are not over; with `all`, the ended ones too, newest first.
    pub async fn transfers(&self, all: bool) -> Result<Vec<Transfer>, TransferError> {
        todo!()
    }

    /// The transfer that an id or the beginning of one (4 characters or more) means.
    pub async fn find_transfer(&self, id: &str) -> Result<TransferId, TransferError> {
        todo!()
    }

    /// Takes an offer, all or a part.
    pub async fn accept(&self, id: TransferId, consent: Consent) -> Result<(), TransferError> {
        todo!()
    }

    /// Turns an offer down.
    pub async fn decline(&self, id: TransferId) -> Result<(), TransferError> {
        todo!()
    }

    /// Pauses a transfer, on either end.
    pub async fn pause(&self, id: TransferId) -> Result<(), TransferError> {
        todo!()
    }

    /// Goes on with a paused or interrupted transfer now.
    pub async fn resume(&self, id: TransferId) -> Result<(), TransferError> {
        todo!()
    }

    /// Gives a transfer up, on either end; partial files are removed, finished ones stay.
    pub async fn cancel(&self, id: TransferId) -> Result<(), TransferError> {
        todo!()
    }

    /// Tries the failed files of a transfer again (receiving end), or offers a failed one again (sending end).
    pub async fn retry(&self, id: TransferId) -> Result<(), TransferError> {
        todo!()
    }

    /// Limits in force.
    pub fn limits(&self) -> Limits {
        todo!()
    }

    /// Sets limits; kept across restarts.
    pub async fn set_limits(&self, limits: Limits) -> Result<(), TransferError> {
        todo!()
    }

    /// Ends everything: says goodbye, closes connections, keeps what resuming needs, joins every task. At most two seconds.
    pub async fn shutdown(&self) {
        todo!()
    }
}
