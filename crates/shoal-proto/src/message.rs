//! Every message of the protocol. The crate's documentation says who says what when.

use crate::{
    Hash, PieceIndex,
    manifest::EntryIndex,
    share::{Add, Get, List, Read, Search, Thumb, Watch},
    swarm::{
        holdings::Holdings,
        message::{SwarmId, Take},
    },
    ticket::{Enter, Open},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest device name, in characters.
pub const MAX_DEVICE_NAME: usize = 64;

/// Longest text that travels inside an offer, in bytes. What is longer is sent as a file.
pub const MAX_TEXT: usize = 64 * 1024;

/// Most items in one [`Fetch`].
pub const MAX_FETCH_ITEMS: usize = 1024;

/// Most hashes that a [`Fetch`] may carry in all (32 bytes each).
pub const MAX_FETCH_HAVES: usize = 4096;

/// How long one [`Measure`] may take, in milliseconds. The answerer ends it there.
pub const MAX_MEASURE_MILLIS: u32 = 5_000;

/// How many bytes one [`Measure`] may move. The answerer ends it there.
pub const MAX_MEASURE_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// The first message on every stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Who is there; the dialler's first stream. Answered with a [`Hello`]. A [`Look`] follows each of the two.
    Hello(Hello),
    /// Files or a text for the other end.
    Offer(Offer),
    /// Content of an offer that the other end made and this end accepted.
    Fetch(Fetch),
    /// Start of a comparison of short authentication strings.
    Verify(Commitment),
    /// "Offer this transfer again": the receiver has parts of it and is in reach. No answer; the sender offers, or resets the
    /// stream with [`CloseCode::UnknownTransfer`].
    Again(TransferId),
    /// "Try again what failed of this transfer": the sender, before it offers it again. No answer; the receiver, who consented to all
    /// of it, wants again what failed, or resets the stream with [`CloseCode::UnknownTransfer`].
    Retry(TransferId),
    /// "Let us measure the way between us": filler that means nothing and is kept nowhere. Only for devices that are at least
    /// known; others, and a second one at a time, have the stream reset with [`CloseCode::Refused`] and [`CloseCode::TooMany`].
    Measure(Measure),
    /// What the other end shares with this one. Answered with a [`crate::share::Shares`]; the module says more of this and the following.
    Shares,
    /// A page of a shared folder. Answered with a [`crate::share::Page`].
    List(List),
    /// A search through shared folders. Answered with [`crate::share::Found`]s.
    Search(Search),
    /// Changes of a shared folder. Answered with [`crate::share::Changed`]s.
    Watch(Watch),
    /// "Offer me this of a shared folder." No answer; the owner offers, or resets the stream with [`CloseCode::NotShared`].
    Get(Get),
    /// Bytes of a shared file, to be looked at rather than kept. Answered with a [`crate::share::Reading`] and [`Frame`]s.
    Read(Read),
    /// A small picture of a shared image. Answered with a [`crate::share::Thumbnail`].
    Thumb(Thumb),
    /// An offer whose files are to be added to a share. It goes on as any [`Request::Offer`], or the owner resets the stream with
    /// [`CloseCode::NotShared`].
    Add(Add),
    /// "Offer me what I have the ticket of." Answered with a [`crate::ticket::Opened`], and with an offer; or the stream is reset with
    /// [`CloseCode::NotShared`].
    Open(Open),
    /// "I take of this swarm what you give": a conversation of [`crate::swarm::message::FromTaker`] and
    /// [`crate::swarm::message::FromGiver`], reset with [`CloseCode::UnknownTransfer`] for whoever was not offered the same.
    Join(SwarmId),
    /// A unit of a swarm. Answered with [`crate::swarm::message::Given`] and [`Frame`]s.
    Take(Take),
    /// "Which of these do you share with me?" Answered with a [`crate::swarm::holdings::Held`]; the holder gives them, as a swarm's content, for as
    /// long as the stream stays open. Or reset with [`CloseCode::NotShared`]: none.
    Holds(Holdings),
    /// "I have the ticket of what you hold, too." Answered with a [`crate::ticket::Opened`]; the holder gives what it has of it, as a swarm's
    /// content, for as long as the stream stays open. Or reset with [`CloseCode::NotShared`]; with [`CloseCode::TooMany`]: not yet.
    Enter(Enter),
}

/// Which way filler goes. It ends with a reset of its stream ([`CloseCode::Done`]), so that what waits to be sent need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// The opener writes; once it stops, the answerer says what came with a [`Measured`].
    FromOpener,
    /// The answerer writes for this many milliseconds, at most [`MAX_MEASURE_MILLIS`].
    FromAnswerer(u32),
}

/// What arrived of a [`Measure::FromOpener`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Bytes.
    pub bytes: u64,
    /// From the first to the last of them, in microseconds.
    pub micros: u64,
}

/// How a device introduces itself. Hints for a screen, never grounds for trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What its owner calls it, at most [`MAX_DEVICE_NAME`] characters.
    pub name: String,
    /// What it runs.
    pub platform: Platform,
    /// Version of Shoal, for the details of a device.
    pub version: String,
}

/// How a device wants to look on a screen. It follows each [`Hello`] on its stream, in the opener's and in the answerer's direction;
/// whoever ends the stream after the hello leaves it to others. A hint like the hello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Index of a [`Colour`]; others derive one from the device's key when there is none, or none that they know.
    pub colour: Option<u8>,
}

impl Look {
    /// Its colour, if it is one of the palette.
    pub fn colour(self) -> Option<Colour> {
        self.colour.and_then(Colour::new)
    }
}

/// A colour of the palette by which devices are told apart. What each looks like is the front ends' business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Colour(u8);

impl Colour {
    /// Number of colours.
    pub const COUNT: u8 = 12;

    /// The colour with this index; `None` from [`Self::COUNT`] on.
    pub fn new(index: u8) -> Option<Self> {
        (index < Self::COUNT).then_some(Self(index))
    }

    /// Its place in the palette, below [`Self::COUNT`].
    pub const fn index(self) -> u8 {
        self.0
    }
}

/// The family of system that a device runs; it decides the drawing beside its name and the names that its disk takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platform {
    /// Linux and everything that is none of the others.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
}

impl Platform {
    /// What this build runs on.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };
}

/// One transfer, the same on both ends and across restarts. Random, so that it names nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId(pub [u8; 16]);

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a [`TransferId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a transfer id: it has 32 hexadecimal digits")]
pub struct ParseTransferIdError;

impl FromStr for TransferId {
    type Err = ParseTransferIdError;

    fn from_str(text: &str) -> Result<Self, ParseTransferIdError> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| ParseTransferIdError)?;
        bytes.try_into().map(Self).map_err(|_| ParseTransferIdError)
    }
}

/// What a sender proposes. The counts must agree with the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The transfer; a known one is gone on with, not asked about again.
    pub transfer: TransferId,
    /// What a person sees as its name: the file's or folder's, or the first of several.
    pub name: String,
    /// What it is.
    pub content: Content,
}

/// What an offer offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A text of at most [`MAX_TEXT`] bytes; there is nothing to fetch.
    Text(String),
    /// Files and folders, described by a manifest.
    Files {
        /// Number of files.
        files: u32,
        /// Sum of their sizes, in bytes.
        bytes: u64,
        /// Length of the encoded manifest, in bytes; at most [`crate::manifest::MAX_ENCODED`].
        manifest_len: u32,
        /// BLAKE3 of the encoded manifest: what consent binds to.
        manifest: Hash,
    },
}

/// What a receiver writes on an offer's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromReceiver {
    /// Send the manifest's bytes now, raw, as many as the offer said.
    WantManifest,
    /// Somebody is asked.
    Asking,
    /// Taken, all or a part; fetches follow.
    Accepted {
        /// Number of files wanted.
        files: u32,
        /// Their size, in bytes.
        bytes: u64,
    },
    /// Not taken.
    Declined(Decline),
    /// How far it is; at most ten a second.
    Progress(Progress),
    /// The receiver paused (`true`) or goes on.
    Paused(bool),
    /// The receiver cannot go on for now, and will by itself when it can.
    Stuck(Obstacle),
    /// The receiver gave the transfer up. Last message.
    Cancelled,
    /// It cannot be finished. Last message.
    Failed(Failure),
    /// Every wanted entry is in place or has failed for good. Last message.
    Finished(Progress),
}

/// How far a receiver is, counted over the entries that it wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Files in place.
    pub files_done: u32,
    /// Files that failed.
    pub files_failed: u32,
    /// Bytes verified and written or found present.
    pub bytes_done: u64,
    /// Bytes of content that crossed the network.
    pub bytes_moved: u64,
}

/// Why an offer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decline {
    /// A person said no.
    Person,
    /// The receiver's rules say no, or it is not accepting now.
    NotAllowed,
    /// Too many offers wait already: it may be offered again later.
    Busy,
    /// It would not fit.
    NoSpace {
        /// Bytes that the transfer needs.
        needed: u64,
        /// Bytes that the target drive has.
        free: u64,
    },
    /// The transfer is over for the receiver: finished or cancelled before.
    Over,
}

/// What keeps a receiver from going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// The target drive is full.
    NoSpace,
    /// The target folder cannot be written.
    CannotWrite,
}

/// Why a receiver cannot finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// What came was not what its hash says.
    Verification,
    /// Anything else.
    Other,
}

/// What a sender writes on an offer's stream after the offer (and the manifest).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSender {
    /// The sender paused (`true`) or goes on. While it is paused, fetches wait.
    Paused(bool),
    /// The sender withdrew the transfer. Last message.
    Cancelled,
    /// The end was heard and kept. Last message.
    Heard,
    /// Others take the same: the receiver joins the swarm (`true`), or does without (`false`).
    Swarm(bool),
}

/// A request for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Which accepted offer.
    pub transfer: TransferId,
    /// What of it, at most [`MAX_FETCH_ITEMS`]; answered in this order.
    pub items: Vec<FetchItem>,
}

/// One thing to fetch. `have` lists hashes of what the receiver holds in the same places, from an older copy: where they
/// are equal the sender answers [`Frame::Same`] and sends no bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchItem {
    /// Whole files of one piece, `count` of them from `first`; folders among them are skipped.
    Files {
        /// First entry.
        first: EntryIndex,
        /// How many entries.
        count: u32,
    },
    /// Pieces of one file, `count` of them from `first`.
    Pieces {
        /// The file.
        entry: EntryIndex,
        /// First piece.
        first: PieceIndex,
        /// How many.
        count: u32,
        /// Empty, or one hash for each piece.
        have: Vec<Hash>,
    },
    /// The file's root, once every piece is there.
    Root {
        /// The file.
        entry: EntryIndex,
    },
}

/// The head of each part of an answer to [`Fetch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// A piece; `len` raw bytes follow.
    Block {
        /// The file.
        entry: EntryIndex,
        /// The piece.
        piece: PieceIndex,
        /// Its hash as a subtree ([`crate::piece::hash_piece`]).
        hash: Hash,
        /// Its length: what size and index say, or the frame is refused.
        len: u32,
    },
    /// The receiver's hash for this piece is right.
    Same {
        /// The file.
        entry: EntryIndex,
        /// The piece.
        piece: PieceIndex,
    },
    /// The root that the sender read for a file of several pieces.
    Root {
        /// The file.
        entry: EntryIndex,
        /// Its BLAKE3 hash.
        root: Hash,
    },
    /// The sender cannot give this file. The rest goes on.
    Failed {
        /// The file.
        entry: EntryIndex,
        /// Why.
        reason: EntryFailure,
    },
    /// Every item was answered. Last frame.
    End,
}

/// Why a sender cannot give a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryFailure {
    /// It is gone.
    Gone,
    /// Its size, time or content is not what was offered.
    Changed,
    /// The system refuses to read it.
    Unreadable,
}

/// The initiator's commitment to its nonce ([`crate::sas`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment(pub [u8; 32]);

/// A nonce of a comparison, revealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonce(pub [u8; 32]);

/// Why a connection (or, for [`CloseCode::Unsupported`], a stream) was closed: QUIC application error codes (RFC 9000 §20.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum CloseCode {
    /// Nothing left to say.
    Done = 0,
    /// The device shuts down; it may be back.
    ShuttingDown = 1,
    /// The other end is blocked or was forgotten.
    Refused = 2,
    /// A message that the protocol does not allow there.
    Violation = 3,
    /// Too many connections, streams or offers.
    TooMany = 4,
    /// A request that this version does not know.
    Unsupported = 5,
    /// A transfer that this end does not have, or no longer.
    UnknownTransfer = 6,
    /// A share, or something in one, that is not there for this peer.
    NotShared = 7,
    /// More is asked for than can be given as one.
    TooLarge = 8,
}

impl CloseCode {
    /// The code as it travels.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The meaning of a code that arrived, if it is one of ours.
    pub fn from_code(code: u64) -> Option<Self> {
        let codes = [
            Self::Done,
            Self::ShuttingDown,
            Self::Refused,
            Self::Violation,
            Self::TooMany,
            Self::Unsupported,
            Self::UnknownTransfer,
            Self::NotShared,
            Self::TooLarge,
        ];
        codes.into_iter().find(|known| u64::from(known.code()) == code)
    }
}
