//! What peers of a swarm say to each other. [`super`] says when.

use super::scheduler::MAX_EXCEPT;
use crate::{Hash, PeerId, RangeSet, share::Few};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Runs of units in one message, at most; more go in several.
pub const MAX_RUNS: usize = 8192;

/// Hashes in one message, at most.
pub const MAX_HASHES: usize = 4096;

/// Peers in one message, and in a swarm, at most.
pub const MAX_MATES: usize = 256;

/// Addresses of one peer, at most.
pub const MAX_MATE_ADDRESSES: usize = 8;

/// Which swarm: a content and who offered it. The same content from somebody else is another's to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SwarmId {
    /// Hash of the content's manifest.
    pub manifest: Hash,
    /// Who offered it; of a ticket [`crate::ticket::TicketKey::swarm`], of holdings who asks for them.
    pub origin: PeerId,
}

/// A request for a unit. Answered with a [`Given`], then as a [`crate::message::Fetch`] of the unit is; or reset with
/// [`crate::message::CloseCode::TooMany`] when the asker has to wait for its turn after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// Of which swarm.
    pub swarm: SwarmId,
    /// What.
    pub want: Want,
}

/// Which unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// This one.
    Unit(u32),
    /// One of the giver's choice, but none of these.
    Any(Few<u32, MAX_EXCEPT>),
}

/// What follows is this unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given(pub u32);

/// Units by their numbers: runs of a first and a count.
pub type Runs = Few<(u32, u32), MAX_RUNS>;

/// What the opener of a [`crate::message::Request::Join`] writes: it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromTaker {
    /// These are here, besides what was told before.
    Have(Runs),
    /// The origin is away: what it told is to be told on, from now to the end.
    TellHashes,
}

/// What the answerer of a [`crate::message::Request::Join`] writes: it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromGiver {
    /// These are here, besides what was told before.
    Have(Runs),
    /// The taker may ask; or it has to wait, and what it asked for is not given.
    Gives(bool),
    /// Hashes of units. They are what others' units are checked against: of the origin, or told on by one who was asked to.
    Hashes(SignedHashes),
    /// Of the origin: all who were offered the same and took it, but for the one that this is told. It replaces what was told before.
    Mates(Few<Mate, MAX_MATES>),
}

/// Hashes of units as the origin tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHashes {
    /// Each with one for every file in it; at most [`MAX_HASHES`] in all.
    pub hashes: Few<UnitHashes, MAX_HASHES>,
    /// Of [`signed_text`], by the origin's key.
    pub signature: Signature,
}

/// An Ed25519 signature (RFC 8032), in its two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(pub [[u8; 32]; 2]);

/// How what is signed begins: the key signs for TLS, too, whose texts begin otherwise (RFC 8446 §4.4.3).
const SIGNED: &[u8] = b"shoal swarm hashes 1\0";

/// What the origin signs.
pub fn signed_text(swarm: &SwarmId, hashes: &[UnitHashes]) -> Vec<u8> {
    let mut text = SIGNED.to_vec();
    text.extend_from_slice(swarm.manifest.as_bytes());
    text.extend_from_slice(swarm.origin.as_bytes());
    for of_unit in hashes {
        text.extend_from_slice(&of_unit.unit.to_le_bytes());
        text.extend_from_slice(&(of_unit.hashes.len() as u64).to_le_bytes());
        of_unit.hashes.iter().for_each(|hash| text.extend_from_slice(hash.as_bytes()));
    }
    text
}

/// The hashes of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitHashes {
    /// Its number.
    pub unit: u32,
    /// The hash of its piece, or of each of its files in order.
    pub hashes: Few<Hash, { super::units::UNIT_ENTRIES as usize }>,
}

/// Somebody who takes and gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mate {
    /// Its key.
    pub id: PeerId,
    /// Where the origin sees it.
    pub addresses: Few<SocketAddr, MAX_MATE_ADDRESSES>,
}

/// Units as they travel: in as many messages as it takes.
pub fn runs(units: &RangeSet) -> Vec<Runs> {
    let all: Vec<(u32, u32)> = units.ranges().map(|run| (run.start, run.end - run.start)).collect();
    all.chunks(MAX_RUNS).filter_map(|part| Runs::try_from(part.to_vec()).ok()).collect()
}

/// Units that were told, below `extent`; what lies beyond does not exist.
pub fn told(runs: &Runs, extent: u32) -> RangeSet {
    runs.iter().map(|(first, count)| *first..first.saturating_add(*count).min(extent)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::codec;

    #[test]
    fn units_travel_in_as_many_messages_as_it_takes_and_none_is_too_long() {
        let all: RangeSet = (0..50_000).map(|unit| unit * 20..unit * 20 + 3).collect();
        let mut back = RangeSet::new();
        for part in runs(&all) {
            let mut out = Vec::new();
            codec::encode(&FromGiver::Have(part), codec::MAX_MESSAGE, &mut out).unwrap();
            let FromGiver::Have(part) = codec::decode(out.get(codec::PREFIX_LEN..).unwrap()).unwrap() else { panic!() };
            told(&part, 1_000_000).ranges().for_each(|run| back.insert(run));
        }
        assert_eq!(back, all);
    }

    #[test]
    fn units_beyond_the_last_do_not_exist() {
        let wild = Runs::try_from(vec![(5, u32::MAX), (u32::MAX, u32::MAX), (20, 0), (90, 5)]).unwrap();
        assert_eq!(told(&wild, 10).iter().collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    }
}
