//! Moving content: offers, consent, sending, receiving.

pub(crate) mod added;
pub(crate) mod asked;
pub(crate) mod bases;
mod buffers;
pub(crate) mod entries;
pub(crate) mod fetch;
mod history;
pub(crate) mod inbox;
pub(crate) mod incoming;
pub(crate) mod limit;
pub(crate) mod live;
pub(crate) mod offer;
mod outline;
pub(crate) mod pull;
pub(crate) mod rate;
pub(crate) mod reader;
pub(crate) mod receive;
mod received;
pub(crate) mod record;
pub(crate) mod select;
pub(crate) mod send;
pub(crate) mod sent;
pub(crate) mod serve;
mod several;
pub(crate) mod shared;
pub(crate) mod standing;
mod steering;
pub(crate) mod transfers;
pub(crate) mod write;
#[cfg(test)]
mod write_tests;

pub use received::{Received, ReceivedFile};

use shoal_proto::{PeerId, message::TransferId};
use std::{
    ops::Range,
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// Which way content flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From here.
    Send,
    /// To here.
    Receive,
}

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// For consent, for its turn, or for the peer to be reached the first time.
    Waiting,
    /// Content moves.
    Active,
    /// Somebody paused it.
    Paused,
    /// Stopped by circumstances; goes on by itself.
    Interrupted,
    /// Over: everything wanted is in place, or what failed is listed.
    Finished,
    /// Over: it cannot be done.
    Failed,
    /// Over: somebody gave it up.
    Cancelled,
    /// Over: the receiver did not want it.
    Declined,
}

impl State {
    /// Nothing changes any more, but for a retry.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled | Self::Declined)
    }
}

/// What ended a transfer, or stands in its way, where a front end does something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// What came was not what its hash says.
    Verification,
    /// The receiver's drive has no room.
    NoSpace,
}

/// A transfer as front ends see it: one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// The same on both ends.
    pub id: TransferId,
    /// Which way.
    pub direction: Direction,
    /// This device asked for it, out of a share of the other end's.
    pub fetched: bool,
    /// Its files are added to a share of the receiver's: the share's name and the folder in it, safe to print.
    pub added_to: Option<String>,
    /// The other end.
    pub peer: PeerId,
    /// Its name, safe to print.
    pub peer_name: String,
    /// The offer's name, safe to print.
    pub name: String,
    /// The text, when the offer is one. Control and bidi characters are as they came: replace them before a screen.
    pub text: Option<String>,
    /// Where it stands.
    pub state: State,
    /// It came in, and nobody has answered it yet.
    pub awaits_answer: bool,
    /// Files wanted.
    pub files: u32,
    /// Files in place.
    pub files_done: u32,
    /// Files that failed.
    pub files_failed: u32,
    /// Size of what is wanted, in bytes.
    pub bytes: u64,
    /// Bytes in place or verified.
    pub bytes_done: u64,
    /// Bytes of content that crossed the network.
    pub bytes_moved: u64,
    /// Bytes a second, smoothed over two seconds.
    pub rate: u64,
    /// Time left at that rate.
    pub eta: Option<Duration>,
    /// What stands in the way, or what ended it: one sentence.
    pub error: Option<String>,
    /// What kind of obstacle `error` describes, if it is one of these.
    pub cause: Option<Cause>,
    /// Where received files go.
    pub into: Option<PathBuf>,
    /// Free bytes where an offer would go.
    pub free: Option<u64>,
    /// The first few files of an offer by their paths, safe to print.
    pub first_names: Vec<String>,
    /// When it came to be.
    pub started: SystemTime,
    /// When it came into its state.
    pub since: SystemTime,
}

/// What to offer, and to whom.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Receivers; each gets a transfer of its own.
    pub to: Vec<PeerId>,
    /// What.
    pub content: OutgoingContent,
}

/// What is offered.
#[derive(Debug, Clone)]
pub enum OutgoingContent {
    /// Files and folders, folders whole.
    Paths(Vec<PathBuf>),
    /// A text. Longer than [`shoal_proto::message::MAX_TEXT`]: it goes as a file.
    Text(String),
}

/// A consent.
#[derive(Debug, Clone, Default)]
pub struct Consent {
    /// Where to; `None`: the inbox.
    pub into: Option<PathBuf>,
    /// Only files whose path or name fits one of these globs; empty: all.
    pub only: Vec<String>,
    /// Only the entries in one of these ranges of their numbers, with the folders above them; empty: all.
    pub entries: Vec<Range<u32>>,
    /// What has the same name and other content is replaced (the old one goes to the trash) rather than kept beside.
    pub replace: bool,
}

/// Limits in bytes a second; `None`: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// What leaves.
    pub up: Option<u64>,
    /// What arrives.
    pub down: Option<u64>,
}
