//! Why an operation of the engine did not do what was asked: one enum per operation. Each text is one sentence for people.

use shoal_proto::ticket::ParseTicketError;
use shoal_proto::{PeerId, display::size, message::Colour};
use std::{net::SocketAddr, path::PathBuf};

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another engine holds the data folder.
    #[error("another Shoal already runs with the data folder {}: use that one, or give another with --data-dir", .0.display())]
    Locked(PathBuf),
    /// The data folder cannot be used.
    #[error("the data folder {} cannot be used: {reason}", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The key file is not a key.
    #[error("the key {} cannot be read: restore it, or move it away to become a new device", .0.display())]
    Key(PathBuf),
    /// The database is damaged or from a newer Shoal.
    #[error("the database in {} cannot be opened: {reason}", path.display())]
    Database {
        /// The data folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address or port is not to be had.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
}

/// Why a peer was not found or reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// No device has this name or id.
    #[error("no device called {0} is known or near: see `shoal peers`, or give its address as HOST:PORT")]
    NotFound(String),
    /// Several do.
    #[error("{name} could be any of {}: give more of the id", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// `name (id)` of each.
        candidates: Vec<String>,
    },
    /// None of its addresses answers.
    #[error("{name} does not answer: is it on, is Shoal running there, does a firewall stand between?")]
    Unreachable {
        /// Its name.
        name: String,
    },
    /// Something else answers at the address.
    #[error("another device than {expected} answers at {address}")]
    WrongKey {
        /// Who was expected.
        expected: PeerId,
        /// Where.
        address: SocketAddr,
    },
    /// Blocked here, or this device is refused there.
    #[error("{name} is blocked here, or refuses this device: see `shoal peers`")]
    Refused {
        /// Its name.
        name: String,
    },
    /// The engine is shutting down.
    #[error("Shoal is shutting down")]
    ShuttingDown,
}

impl ReachError {
    /// The same, with the name that people know the device by.
    pub(crate) fn about(self, name: String) -> Self {
        match self {
            Self::Unreachable { .. } => Self::Unreachable { name },
            Self::Refused { .. } => Self::Refused { name },
            other => other,
        }
    }
}

/// Why nothing was offered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A path cannot be read.
    #[error("{} cannot be sent: {reason}", path.display())]
    Source {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Nothing to send.
    #[error("there is nothing to send: no file was found in what was given")]
    Nothing,
    /// More than one offer can hold.
    #[error("too many files for one transfer (the limit is {limit}): send the folders one by one")]
    TooMany {
        /// At most.
        limit: u64,
    },
    /// The peer.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// The database.
    #[error("the transfer cannot be recorded: {0}")]
    Store(String),
}

/// Why a steering command on a transfer had no effect.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// No such transfer.
    #[error("there is no transfer {0}: see `shoal transfers --all`")]
    NotFound(String),
    /// It is in a state in which this makes no sense.
    #[error("{name} cannot be {verb}: it is {state}")]
    WrongState {
        /// Its name.
        name: String,
        /// What was asked: "paused", "accepted".
        verb: &'static str,
        /// Where it stands.
        state: &'static str,
    },
    /// It would not fit.
    #[error("{name} needs {} and {} has {} free: make room or choose another folder", size(*.needed), into.display(), size(*.free))]
    NoSpace {
        /// The offer's name.
        name: String,
        /// Needed, in bytes.
        needed: u64,
        /// Free, in bytes.
        free: u64,
        /// Where.
        into: PathBuf,
    },
    /// The target folder cannot be written.
    #[error("{} cannot be written: {reason}", into.display())]
    CannotWrite {
        /// Where.
        into: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The globs of a consent fit no file.
    #[error("nothing in {name} fits {globs}: a pattern is held against each name and each whole path")]
    NothingFits {
        /// The offer's name.
        name: String,
        /// What was asked for.
        globs: String,
    },
    /// An entry that is none of the transfer's, or none of that kind.
    #[error("{name} has no such entry {entry}: look again at what it holds")]
    NoSuchEntry {
        /// The offer's name.
        name: String,
        /// The number asked for.
        entry: u32,
    },
    /// A glob that is none.
    #[error("{0} is not a pattern: use * and ?")]
    BadPattern(String),
    /// A received file that is not, or no longer, where it was put.
    #[error("{name} is not there: it has not come yet, or was moved, changed or removed since")]
    NotThere {
        /// Its name.
        name: String,
    },
    /// The database.
    #[error("the change cannot be recorded: {0}")]
    Store(String),
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The inbox cannot be a folder there.
    #[error("{} cannot be the inbox: {reason}", inbox.display())]
    Inbox {
        /// Which.
        inbox: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Names that no interface has.
    #[error("these are not names of network interfaces: take them from the settings")]
    Interfaces,
    /// An index that is none of a [`Colour`].
    #[error("there is no colour {index}: they go from 0 to {}", Colour::COUNT - 1)]
    Colour {
        /// Which.
        index: u8,
    },
    /// The database.
    #[error("the change cannot be recorded: {0}")]
    Store(String),
}

/// Why a device's standing was not changed or compared.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The peer.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// Only verified devices may be given an allowance.
    #[error("{0} is not verified, and only verified devices may send without asking: compare codes with `shoal verify` first")]
    NotVerified(String),
    /// The other end broke off or does not hold to its commitment.
    #[error("the comparison with {0} was broken off: try again")]
    BrokenOff(String),
    /// The database.
    #[error("the change cannot be recorded: {0}")]
    Store(String),
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The peer.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// The other end does it only for devices that it knows.
    #[error("{0} does not know this device and will not measure with it: send it something that it accepts, or verify it")]
    Stranger(String),
    /// It measures with somebody else.
    #[error("{0} is measuring already: try again in a few seconds")]
    Busy(String),
    /// Its version cannot.
    #[error("{0} runs an older Shoal, which cannot measure: update it")]
    TooOld(String),
    /// The connection went, or fell silent.
    #[error("the connection to {0} was lost while it was measured: try again")]
    Lost(String),
    /// One is under way here.
    #[error("this device is measuring already: try again when that is done")]
    Running,
    /// The inbox cannot be written.
    #[error("{} cannot be measured: {reason}", folder.display())]
    Disk {
        /// The inbox.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Why a folder is not shared, or not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// No such share.
    #[error("nothing is shared under the name {0}: see `shoal share list`")]
    NotFound(String),
    /// It cannot be shared.
    #[error("{} cannot be shared: {reason}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is shared.
    #[error("{} is shared already, as {name}: change that, or remove it first", path.display())]
    Already {
        /// Which.
        path: PathBuf,
        /// Under which name.
        name: String,
    },
    /// Another share has this name.
    #[error("another folder is shared as {0}: choose another name")]
    NameTaken(String),
    /// No name for a share.
    #[error("{0} cannot be the name of a share: it takes 1 to 64 characters that can be shown, without a slash")]
    Name(String),
    /// A pattern that is none.
    #[error("{0}")]
    Pattern(String),
    /// For nobody, or for too many by name.
    #[error("choose between 1 and {limit} devices, or share with all that are known or verified")]
    Audience {
        /// At most.
        limit: usize,
    },
    /// Too many.
    #[error("no more than {limit} folders can be shared: remove one first")]
    TooMany {
        /// At most.
        limit: usize,
    },
    /// The database or the index.
    #[error("the change cannot be recorded: {0}")]
    Store(String),
}

/// Why nothing is seen of what a device shares.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The peer.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// It is not there, or not for this device: nobody but its owner can tell which.
    #[error("{peer} does not share {what} with this device, or not any more: see `shoal ls {peer}`")]
    NotShared {
        /// Whose.
        peer: String,
        /// What was asked for.
        what: String,
    },
    /// It has enough to do.
    #[error("{0} is answering too much at once: try again in a moment, or fetch less")]
    Busy(String),
    /// It became another while it was looked at.
    #[error("{what} of {peer} was just changed: open it again")]
    Changed {
        /// Whose.
        peer: String,
        /// What was looked at.
        what: String,
    },
    /// What came is not what its hash says.
    #[error("what {0} sent arrived damaged: try again, and look at its drive and memory if that goes on")]
    Damaged(String),
    /// It cannot be fetched as one.
    #[error("{what} of {peer} holds too many files to be fetched at once: fetch its folders one by one")]
    TooLarge {
        /// Whose.
        peer: String,
        /// What was asked for.
        what: String,
    },
    /// More than one request holds.
    #[error("no more than {limit} files can be asked of {peer} by name at once: fetch their folder instead")]
    TooMany {
        /// Whose.
        peer: String,
        /// At most.
        limit: usize,
    },
    /// It lets this device look, not add.
    #[error("{peer} lets this device look into {what} but not add to it: ask for that, or send the files")]
    ReadOnly {
        /// Whose.
        peer: String,
        /// The share.
        what: String,
    },
    /// What was to be added cannot be.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Its version shares nothing.
    #[error("{0} runs an older Shoal, which shares no folders: update it")]
    TooOld(String),
    /// The connection went, or what came was no answer.
    #[error("{0} went away: try again when it is back")]
    Lost(String),
    /// What came cannot be taken.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// Why a ticket was not made, found or of use. People call tickets links.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// A text that is none.
    #[error(transparent)]
    Text(#[from] ParseTicketError),
    /// The holder.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// What it was to be of.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A file of what it was to be of.
    #[error("no link was made: {} is in it, and {reason}", path.display())]
    Source {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// More files than one can be of.
    #[error("a link to so many files cannot be made: make one for each of the folders")]
    TooLarge,
    /// Too many own ones.
    #[error("no more than {limit} links can be kept: remove one first")]
    TooMany {
        /// At most.
        limit: usize,
    },
    /// Too many trackers.
    #[error("a link holds no more than {limit} trackers: name fewer")]
    TooManyTrackers {
        /// At most.
        limit: usize,
    },
    /// The time that it was to end at is over.
    #[error("the link would have expired already: choose a later time")]
    Past,
    /// Somebody stopped it.
    #[error("the link was not made: it was stopped")]
    Cancelled,
    /// No such own one.
    #[error("there is no link {0} here: see `shoal link list`")]
    NotFound(String),
    /// It has ended.
    #[error("the link has expired: ask for a new one")]
    Expired,
    /// This device made it.
    #[error("the link is one of this device: its files are here")]
    Own,
    /// It expired, was removed, or never was: nobody but its maker can tell which.
    #[error("{0} gives nothing for this link, or not any more: ask for a new one")]
    NotGiven(String),
    /// Whoever answered does not have it.
    #[error("{0} answers for this link without having it: nothing was taken")]
    Impostor(String),
    /// It has enough to do.
    #[error("{0} is answering too much at once: try again in a moment")]
    Busy(String),
    /// Its version knows no tickets.
    #[error("{0} runs an older Shoal, which knows no links: update it")]
    TooOld(String),
    /// The connection went, or what came was no answer.
    #[error("{0} went away: try again when it is back")]
    Lost(String),
    /// What came cannot be taken.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The database.
    #[error("the change cannot be recorded: {0}")]
    Store(String),
}

impl TicketError {
    /// Another holder may give what this one did not.
    pub(crate) const fn is_of_one_holder(&self) -> bool {
        matches!(self, Self::Reach(_) | Self::NotGiven(_) | Self::Impostor(_) | Self::Busy(_) | Self::TooOld(_) | Self::Lost(_))
    }
}
