//! Tickets: what a person hands on so that others can fetch something. On screens a ticket is called a link.
//!
//! # Participants
//! The *maker* makes a ticket for files of its own. Whoever gives that content to others is a *holder*; whoever has the ticket and wants
//! the content is the *asker*. A ticket says what the content is (the BLAKE3 of its [`crate::Manifest`], in which every file has its root),
//! proves that one may have it (a secret) and says where to begin to ask.
//!
//! # Opening
//! The asker opens a stream with [`Open`]: a [`Proof`] of root and secret, and a transfer that it made up. The holder looks for the ticket of
//! which that is the proof, answers [`Opened`] with a proof of its own, and offers the content as that transfer. The asker takes it without
//! a question if the holder's proof is right and the manifest's hash is the root. All else is a transfer as any other; for the holder it is
//! bound to the ticket, and ends when that is removed or expires.
//!
//! # Taking from all who have it
//! Whoever fetches by a ticket asks everybody in reach with [`Enter`]: the maker, and those who fetch or fetched by the same ticket, let it into
//! the swarm of the ticket ([`SwarmId`], [`TicketKey::swarm`]) and give what they have of it. Nobody's word counts there: the manifest has
//! the root of each file, and hashes of pieces have to make it.
//!
//! # What a proof proves
//! It is a keyed hash of what only the two ends of one TLS connection know, of both their ids and of the role. So it is of no use on another
//! connection, to another peer, or sent back; and it says nothing of root or secret to whoever has neither.
//!
//! # Without the ticket
//! Nothing is served and nothing is learned: a wrong proof, an expired ticket and one that was removed are refused alike, with
//! [`crate::message::CloseCode::NotShared`] and after the same time.
//!
//! # Text form
//! `shoal:` and base32 (RFC 4648, no padding, upper and lower case alike): a version byte, the ticket in postcard, four bytes of a checksum so that a
//! ticket that was copied in part is told from one that is not valid any more. In upper case it is what QR codes hold best.

use crate::{
    Hash, PeerId,
    message::TransferId,
    peer_id::BASE32,
    share::{Few, Text},
    swarm::message::SwarmId,
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, ops::Deref, str::FromStr};

/// How the text form begins, in whatever case.
pub const PREFIX: &str = "shoal:";

/// Most devices that a ticket names.
pub const MAX_MAKERS: usize = 4;

/// Most addresses in a ticket.
pub const MAX_ADDRESSES: usize = 6;

/// Most trackers in a ticket.
pub const MAX_TRACKERS: usize = 4;

/// Longest address of a tracker, in bytes.
pub const MAX_TRACKER: usize = 128;

/// Longest text form, in bytes: all lists full.
pub const MAX_TEXT: usize = 1536;

/// What the exporter of a connection is asked for (RFC 8446 §7.5).
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-shoal-ticket";

const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
const KEY_CONTEXT: &str = "shoal ticket 1: key of proofs and tags";
const SWARM: &[u8] = b"swarm";

/// What a ticket says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// BLAKE3 of the encoded manifest, which has the root of every file.
    pub root: Hash,
    /// What whoever may fetch it knows.
    pub secret: Secret,
    /// Holders stay within the network around them, and so do askers in search of them.
    pub lan_only: bool,
    /// Devices that hold it; the maker first.
    pub makers: Few<PeerId, MAX_MAKERS>,
    /// Where they may be, best first.
    pub addresses: Few<SocketAddr, MAX_ADDRESSES>,
    /// Where else holders may be asked for.
    pub trackers: Few<Tracker, MAX_TRACKERS>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
}

impl Ticket {
    /// The key of its proofs.
    pub fn key(&self) -> TicketKey {
        TicketKey::new(&self.root, &self.secret)
    }

    /// Whether it has ended at a moment, in seconds since 1970.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether a text means to be a ticket, whole or damaged.
    pub fn is_one(text: &str) -> bool {
        let rest = text.get(..PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(PREFIX)).and(text.get(PREFIX.len()..));
        // A device's link goes on with a word and a slash.
        rest.is_some_and(|rest| !rest.contains('/'))
    }
}

/// Never the secret.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("makers", &&*self.makers).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The text form, secret and all: for those who are to have it.
impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = postcard::to_extend(self, vec![VERSION]).map_err(|_| fmt::Error)?;
        bytes.extend_from_slice(&checksum(&bytes));
        write!(f, "{PREFIX}{}", BASE32.encode(&bytes))
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let [first, second, third, fourth, ..] = *blake3::hash(bytes).as_bytes();
    [first, second, third, fourth]
}

/// A text that is not a [`Ticket`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseTicketError {
    /// It is none, or not all of one.
    #[error("the link is damaged: copy all of it, from shoal: on")]
    Damaged,
    /// Of a later version.
    #[error("the link was made by a newer Shoal: update this one")]
    Newer,
}

impl FromStr for Ticket {
    type Err = ParseTicketError;

    fn from_str(text: &str) -> Result<Self, ParseTicketError> {
        let text = text.trim();
        if text.len() > MAX_TEXT || !Self::is_one(text) {
            return Err(ParseTicketError::Damaged);
        }
        let rest = text.get(PREFIX.len()..).unwrap_or_default().to_ascii_lowercase();
        let bytes = BASE32.decode(rest.as_bytes()).map_err(|_| ParseTicketError::Damaged)?;
        let (said, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(ParseTicketError::Damaged)?;
        if checksum(said) != *sum {
            return Err(ParseTicketError::Damaged);
        }
        let (version, body) = said.split_first().ok_or(ParseTicketError::Damaged)?;
        if *version != VERSION {
            return Err(ParseTicketError::Newer);
        }
        let ticket: Self = postcard::from_bytes(body).map_err(|_| ParseTicketError::Damaged)?;
        // One ticket has one text: nothing may hide in another encoding of the same, or behind its end.
        let again = postcard::to_allocvec(&ticket).map_err(|_| ParseTicketError::Damaged)?;
        if again == body && !ticket.makers.is_empty() { Ok(ticket) } else { Err(ParseTicketError::Damaged) }
    }
}

/// What proves that one may have the content: 128 random bits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(pub [u8; 16]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The address of a tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker(Text<MAX_TRACKER>);

/// A text that is not a [`Tracker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a tracker: it begins with udp://, http:// or https:// and has at most {MAX_TRACKER} characters")]
pub struct ParseTrackerError;

impl FromStr for Tracker {
    type Err = ParseTrackerError;

    fn from_str(text: &str) -> Result<Self, ParseTrackerError> {
        let host = ["udp://", "http://", "https://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
        let is_one = host.is_some_and(|host| !host.is_empty()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let text = Text::new(text).map_err(|_| ParseTrackerError)?;
        is_one.then_some(Self(text)).ok_or(ParseTrackerError)
    }
}

impl Deref for Tracker {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Tracker {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tracker {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::<MAX_TRACKER>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Who proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Whoever wants the content.
    Asker = 1,
    /// Whoever gives it.
    Holder = 2,
}

/// Two ends of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// What only the two know: [`EXPORTER_LABEL`].
    pub exporter: [u8; 32],
    /// Who asks.
    pub asker: PeerId,
    /// Who is asked.
    pub holder: PeerId,
}

/// The key under which a ticket is proved. As secret as the ticket.
#[derive(Clone)]
pub struct TicketKey([u8; 32]);

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey")
    }
}

impl TicketKey {
    /// Of a root and a secret.
    pub fn new(root: &Hash, secret: &Secret) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
        hasher.update(root.as_bytes()).update(&secret.0);
        Self(*hasher.finalize().as_bytes())
    }

    /// The swarm of all who have the ticket with this root. In the origin's place is what only they know: no device has it as its key.
    pub fn swarm(&self, root: Hash) -> SwarmId {
        let nobody = blake3::keyed_hash(&self.0, SWARM);
        SwarmId { manifest: root, origin: PeerId::from_public_key(*nobody.as_bytes()) }
    }

    /// That the one in this role knows root and secret.
    pub fn proof(&self, role: Role, ends: &Ends) -> Proof {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[role as u8]).update(&ends.exporter);
        hasher.update(ends.asker.as_bytes()).update(ends.holder.as_bytes());
        Proof(*hasher.finalize().as_bytes())
    }
}

/// That one knows root and secret of a ticket, good on one connection and in one direction.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Proof(pub [u8; 32]);

/// In constant time.
impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        blake3::Hash::from(self.0) == blake3::Hash::from(other.0)
    }
}

impl Eq for Proof {}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

/// "Offer me what this is the ticket of."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Of the asker.
    pub proof: Proof,
    /// The transfer as which it is to be offered; the asker's choice.
    pub transfer: TransferId,
}

/// "Let me in among those who hold what this is the ticket of."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enter {
    /// Of the asker.
    pub proof: Proof,
}

/// The answer to an [`Open`], before the offer; and to an [`Enter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Of the holder.
    pub proof: Proof,
}

#[cfg(test)]
#[path = "ticket_tests.rs"]
mod tests;
