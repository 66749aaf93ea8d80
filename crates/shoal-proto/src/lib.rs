//! The wire protocol of Shoal, version 1 (ALPN [`ALPN`]): what two peers say to each other, and nothing of how it is carried.
//!
//! # Participants
//! Two *peers*, each an Ed25519 key ([`PeerId`]). Either may dial; after that they are equal. Below this crate lies QUIC with
//! mutual TLS 1.3, so each end knows the other's key before the first message. There is no 0-RTT and no resumption.
//!
//! # Streams
//! One bidirectional stream per request. The opener writes one [`message::Request`]; what follows depends on its kind. Messages
//! are framed by [`codec`]: a 32-bit little-endian length, then postcard. File content follows its frame raw, never inside postcard.
//! A request that is not understood ends its stream with [`message::CloseCode::Unsupported`], not the connection: later versions
//! may append requests. Nor is anything that follows what this table lists on a hello's stream: a version reads the frames that it
//! knows and leaves the rest, and takes for unsaid what is missing at the end. Later versions may append frames there.
//!
//! | request | opener writes | answerer writes |
//! |---|---|---|
//! | `Hello` | own [`message::Hello`], then [`message::Look`] | its own |
//! | `Offer` | [`message::Offer`], then [`message::FromSender`] | [`message::FromReceiver`] |
//! | `Fetch` | [`message::Fetch`] | [`message::Frame`]s, each block followed by its bytes |
//! | `Again` | nothing more | nothing: it offers, or resets the stream |
//! | `Retry` | nothing more | nothing, or resets the stream |
//! | `Verify` | commitment, later the nonce | its nonce ([`sas`]) |
//! | `Measure` | filler, or nothing | [`message::Measured`], or filler |
//! | `Shares`, `List`, `Search`, `Watch`, `Get`, `Read`, `Thumb` | nothing more | see [`share`] |
//! | `Add` | [`share::Add`], then [`message::FromSender`] | [`message::FromReceiver`] |
//! | `Holds` | nothing more | [`swarm::holdings::Held`]; it ends when the opener wants no more |
//! | `Open` | nothing more | [`ticket::Opened`]; then it offers |
//! | `Enter` | nothing more | [`ticket::Opened`]; it ends when the opener wants no more |
//! | `Join` | [`swarm::message::FromTaker`]s | [`swarm::message::FromGiver`]s |
//! | `Take` | nothing more | [`swarm::message::Given`], then [`message::Frame`]s, each block followed by its bytes |
//!
//! # A transfer
//! 1. The sender offers: counts, sizes, the hash of a [`manifest::Manifest`]. The receiver asks for the manifest unless it holds it.
//! 2. A person, or a rule that a person made, consents to all or a part. Nothing of the content crosses before.
//! 3. The receiver *pulls*: it opens `Fetch` streams for [`message::FetchItem`]s, telling what it already has, and checks each piece
//!    against its hash before it writes it ([`piece`]). [`plan::Plan`] decides what to ask for next.
//! 4. The offer's stream stays open for pause, resume, cancel and the receiver's progress. When the connection is lost, the sender
//!    offers the same transfer again on the next one (the receiver may ask for that: `Again`); the receiver answers from what it
//!    keeps and goes on.
//! 5. Entries that failed can be tried again when it is over: the receiver asks for the offer (`Again`), the sender says `Retry` and
//!    offers. Consent stays what it was.
//!
//! # Non-goals
//! No relaying, no metadata before TLS, no negotiation of hashes or ciphers: a new version gets a new ALPN.
//!
//! # Trust in input
//! Everything that a peer says is hostile until parsed. Parsers here neither panic, nor index, nor allocate by a peer's number;
//! each length has a named limit beside its type.

#![warn(missing_docs)]
#![warn(clippy::indexing_slicing)]

pub mod codec;
pub mod display;
pub mod hash;
pub mod manifest;
pub mod mapping;
pub mod media;
pub mod message;
pub mod name;
pub mod peer_id;
pub mod piece;
pub mod plan;
pub mod ranges;
pub mod sas;
pub mod share;
pub mod swarm;
pub mod ticket;

pub use hash::Hash;
pub use manifest::{Entry, Manifest};
pub use media::Media;
pub use name::RelativePath;
pub use peer_id::PeerId;
pub use piece::PieceIndex;
pub use ranges::RangeSet;
pub use ticket::Ticket;

/// The application protocol of version 1, negotiated by TLS (RFC 7301).
pub const ALPN: &[u8] = b"shoal/1";
