//! What the database keeps, as the engine sees it.

use crate::{Direction, State, Trust, store::file_key::FileKey, tickets::TicketId};
use shoal_proto::{
    Hash, PeerId, PieceIndex, RangeSet, Ticket,
    manifest::EntryIndex,
    message::{Colour, EntryFailure, Platform, TransferId},
    share::{Place, ShareId},
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// A device as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeviceRecord {
    pub(crate) id: PeerId,
    pub(crate) name: Option<String>,
    pub(crate) platform: Option<Platform>,
    pub(crate) colour: Option<Colour>,
    pub(crate) trust: Trust,
    /// Addresses that worked, best first.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Bytes in 24 hours that are accepted from it without asking.
    pub(crate) accepts: Option<u64>,
}

/// A transfer as it is kept, without its manifest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TransferRecord {
    pub(crate) id: TransferId,
    pub(crate) direction: Direction,
    pub(crate) peer: PeerId,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) text: Option<String>,
    /// Files wanted, and their size.
    pub(crate) files: u32,
    pub(crate) bytes: u64,
    pub(crate) files_done: u32,
    pub(crate) files_failed: u32,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_moved: u64,
    pub(crate) error: Option<String>,
    /// Receiving: where to. Sending: nothing.
    pub(crate) into: Option<PathBuf>,
    pub(crate) replace: bool,
    /// Sending: each top-level name with the path that it stands for.
    pub(crate) sources: Vec<(String, PathBuf)>,
    /// The share that it is from, at whichever end.
    pub(crate) share: Option<ShareId>,
    /// The folder that its files must not leave: of a sending out of a share, and of what is added to one.
    pub(crate) beneath: Option<PathBuf>,
    /// The place in a share of the receiver's that its files are added to, at whichever end.
    pub(crate) added: Option<Added>,
    /// Sending: the ticket of this device that it is bound to.
    pub(crate) own_ticket: Option<TicketId>,
    /// Receiving: the ticket that it was asked for by.
    pub(crate) ticket: Option<Ticket>,
    /// Sending: the receiver has consented.
    pub(crate) accepted: bool,
    /// Time that content moved, over all sessions.
    pub(crate) active: Duration,
    /// When it came to be, and when it came into its state; kept to the millisecond.
    pub(crate) created: SystemTime,
    pub(crate) changed: SystemTime,
}

impl TransferRecord {
    /// A transfer that comes to be now: it waits, and nothing of it is known but whose it is and what it is called.
    pub(crate) fn new(id: TransferId, direction: Direction, peer: PeerId, name: String) -> Self {
        let now = SystemTime::now();
        Self {
            id,
            direction,
            peer,
            name,
            state: State::Waiting,
            text: None,
            files: 0,
            bytes: 0,
            files_done: 0,
            files_failed: 0,
            bytes_done: 0,
            bytes_moved: 0,
            error: None,
            into: None,
            replace: false,
            sources: Vec::new(),
            share: None,
            beneath: None,
            added: None,
            own_ticket: None,
            ticket: None,
            accepted: false,
            active: Duration::ZERO,
            created: now,
            changed: now,
        }
    }

    /// The share of this device that it is bound to.
    pub(crate) fn own_share(&self) -> Option<ShareId> {
        match self.direction {
            Direction::Send => self.share,
            Direction::Receive => self.added.as_ref().map(|added| added.place.share),
        }
    }

    /// It goes on for as long as a share or a ticket of this device is there, and the other end may use it.
    pub(crate) fn is_bound(&self) -> bool {
        self.own_share().is_some() || self.own_ticket.is_some()
    }

    /// This device asked for it.
    pub(crate) fn is_fetched(&self) -> bool {
        self.direction == Direction::Receive && (self.share.is_some() || self.ticket.is_some())
    }

    /// A person offers it and a person, or a rule that one made for offers, takes it; no share is its source or its place, and no ticket
    /// the reason for it.
    pub(crate) const fn is_for_a_person(&self) -> bool {
        self.share.is_none() && self.added.is_none() && self.own_ticket.is_none() && self.ticket.is_none()
    }

    /// Puts it into a state.
    pub(crate) fn enter(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.changed = SystemTime::now();
        }
    }
}

/// A place in a share that files are added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) place: Place,
    /// The share's name when it began, and the folder in it; not safe to print.
    pub(crate) name: String,
}

/// Why a file of a transfer failed, as the receiving end knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFailure {
    /// It is gone at the sender.
    Gone,
    /// It changed at the sender.
    Changed,
    /// The sender cannot read it.
    Unreadable,
    /// It could not be written here.
    Disk,
}

impl FileFailure {
    /// In words, at the end that is `direction`'s.
    pub(crate) const fn words(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (Self::Gone, Direction::Receive) => "it is gone at the sender",
            (Self::Changed, Direction::Receive) => "it changed at the sender",
            (Self::Unreadable, Direction::Receive) => "the sender cannot read it",
            (Self::Disk, _) => "it could not be written here",
            (Self::Gone, Direction::Send) => "it is gone",
            (Self::Changed, Direction::Send) => "it changed since it was offered",
            (Self::Unreadable, Direction::Send) => "it cannot be read",
        }
    }
}

impl From<EntryFailure> for FileFailure {
    fn from(failure: EntryFailure) -> Self {
        match failure {
            EntryFailure::Gone => Self::Gone,
            EntryFailure::Changed => Self::Changed,
            EntryFailure::Unreadable => Self::Unreadable,
        }
    }
}

/// How far a receiving transfer is, as kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) wanted: RangeSet,
    pub(crate) settled: RangeSet,
    pub(crate) failures: BTreeMap<EntryIndex, FileFailure>,
    /// Runs of verified pieces of files in progress.
    pub(crate) verified: Vec<(EntryIndex, PieceIndex, Vec<Hash>)>,
}

/// What a checkpoint of a receiving transfer adds, in one transaction.
#[derive(Debug, Default)]
pub(crate) struct Checkpoint<'a> {
    pub(crate) settled: Option<&'a RangeSet>,
    pub(crate) failures: &'a [(EntryIndex, FileFailure)],
    /// Runs of pieces verified and synced since the last one.
    pub(crate) verified: &'a [(EntryIndex, PieceIndex, Vec<Hash>)],
    /// Files whose verified pieces are no longer needed.
    pub(crate) forget: &'a [EntryIndex],
    /// Hashes of files that are in place.
    pub(crate) hashes: &'a [(PathBuf, FileKey, Vec<Hash>)],
    /// Offered path → name that it got, where the two differ.
    pub(crate) placed: &'a [(PathBuf, String, String)],
}
