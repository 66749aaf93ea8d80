//! Short authentication strings: six digits or emoji that two people compare.
//!
//! 1. The initiator sends a [`Commitment`] to a fresh nonce. 2. The other end sends its own nonce. 3. The initiator reveals its
//!    nonce, which must fit the commitment. Nobody in the middle can choose a nonce after seeing the other (Vaudenay, CRYPTO 2005).
//!
//! The string comes from both nonces, both ids with their roles, and the exporter of the TLS connection (RFC 8446 §7.5), so a
//! middle that ends one connection and opens another shows different strings, save one guess in a million (digits) or in 2⁴²
//! (emoji) for each comparison that people make.
//!
//! This module is the arithmetic: nonces come in as arguments, fresh and random for each comparison, and the caller carries the
//! messages. Each state is consumed by its step, so no nonce serves twice.

use crate::{
    PeerId,
    message::{Commitment, Nonce},
};

/// What both screens must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sas {
    /// Six digits, as `123 456`.
    pub digits: String,
    /// Seven emoji, separated by spaces.
    pub emoji: String,
}

/// Why a comparison ends before anything is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SasError {
    /// The revealed nonce is not the committed one: somebody may be in the middle.
    #[error("the other end's nonce does not fit what it committed to")]
    CommitmentBroken,
}

/// The end that began the comparison, waiting for the other's nonce.
#[derive(Debug)]
pub struct Initiator {
    id: PeerId,
    nonce: Nonce,
}

impl Initiator {
    /// Begins; the commitment is sent, the nonce not yet. `id` is this device's own.
    pub fn new(id: PeerId, nonce: Nonce) -> (Self, Commitment) {
        let commitment = commitment(&nonce, id);
        (Self { id, nonce }, commitment)
    }

    /// The responder's nonce came: the own nonce is sent, the string shown.
    pub fn reveal(self, exporter: &[u8; 32], responder: PeerId, nonce: &Nonce) -> (Nonce, Sas) {
        let sas = Sas::derive(exporter, self.id, responder, &self.nonce, nonce);
        (self.nonce, sas)
    }
}

/// The end that was asked, waiting for the initiator to reveal its nonce.
#[derive(Debug)]
pub struct Responder {
    initiator: PeerId,
    commitment: Commitment,
    nonce: Nonce,
}

impl Responder {
    /// A commitment came from `initiator`, as TLS names it: the own nonce, which is returned, is sent.
    pub fn new(initiator: PeerId, commitment: Commitment, nonce: Nonce) -> (Self, Nonce) {
        (Self { initiator, commitment, nonce }, nonce)
    }

    /// The initiator revealed its nonce: the string is shown. `id` is this device's own.
    ///
    /// # Errors
    /// [`SasError::CommitmentBroken`]
    pub fn check(self, exporter: &[u8; 32], id: PeerId, revealed: &Nonce) -> Result<Sas, SasError> {
        if commitment(revealed, self.initiator) != self.commitment {
            return Err(SasError::CommitmentBroken);
        }
        Ok(Sas::derive(exporter, self.initiator, id, revealed, &self.nonce))
    }
}

/// What binds an initiator to its nonce. The id keeps one device's commitment from being passed off as another's.
pub fn commitment(nonce: &Nonce, initiator: PeerId) -> Commitment {
    let mut hasher = blake3::Hasher::new_derive_key("shoal/1 2026 short authentication string, commitment");
    hasher.update(initiator.as_bytes()).update(&nonce.0);
    Commitment(*hasher.finalize().as_bytes())
}

impl Sas {
    /// The string for one comparison on one connection. `exporter` is 32 bytes of that connection's keying material.
    pub fn derive(exporter: &[u8; 32], initiator: PeerId, responder: PeerId, nonce_i: &Nonce, nonce_r: &Nonce) -> Self {
        // Every part is 32 bytes, so no two lists of parts run together to the same bytes.
        let mut hasher = blake3::Hasher::new_derive_key("shoal/1 2026 short authentication string, value");
        for part in [exporter, initiator.as_bytes(), responder.as_bytes(), &nonce_i.0, &nonce_r.0] {
            hasher.update(part);
        }
        let mut output = hasher.finalize_xof();
        let mut number = || {
            let mut bytes = [0; 8];
            output.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        };
        // 2⁶⁴ is no multiple of a million: some strings are likelier than others by less than one part in 2⁴⁴.
        let digits = number() % 1_000_000;
        let choice = number();
        let emoji: Vec<_> = (0..7).map(|place| emoji_at(choice >> (6 * place)).0).collect();
        Self { digits: format!("{:03} {:03}", digits / 1000, digits % 1000), emoji: emoji.join(" ") }
    }

    /// The emoji's English names in order, to be read out or shown below them.
    pub fn emoji_names(&self) -> Vec<&'static str> {
        self.emoji.split(' ').filter_map(|shown| EMOJI.iter().find(|(emoji, _)| *emoji == shown)).map(|(_, name)| *name).collect()
    }
}

/// The emoji that the lowest six bits choose.
fn emoji_at(bits: u64) -> (&'static str, &'static str) {
    // In range by its length of 64; the first stands in only to please the compiler.
    EMOJI.get((bits % 64) as usize).copied().unwrap_or(EMOJI[0])
}

/// The emoji and their names, part of the protocol: both ends must show the same. Each is one character of Unicode 9 or before,
/// coloured without a variation selector, and a thing that is told apart at a glance and by one word.
pub const EMOJI: [(&str, &str); 64] = [
    ("🐱", "cat"),
    ("🐶", "dog"),
    ("🦁", "lion"),
    ("🐴", "horse"),
    ("🐘", "elephant"),
    ("🐼", "panda"),
    ("🐰", "rabbit"),
    ("🐸", "frog"),
    ("🐢", "turtle"),
    ("🐍", "snake"),
    ("🐧", "penguin"),
    ("🦉", "owl"),
    ("🐳", "whale"),
    ("🐙", "octopus"),
    ("🦀", "crab"),
    ("🐝", "bee"),
    ("🦋", "butterfly"),
    ("🐌", "snail"),
    ("🌵", "cactus"),
    ("🌲", "tree"),
    ("🌷", "tulip"),
    ("🍄", "mushroom"),
    ("🌈", "rainbow"),
    ("⚡", "lightning"),
    ("🔥", "fire"),
    ("⛄", "snowman"),
    ("🌙", "moon"),
    ("🌍", "globe"),
    ("🍎", "apple"),
    ("🍌", "banana"),
    ("🍇", "grapes"),
    ("🍓", "strawberry"),
    ("🍋", "lemon"),
    ("🥕", "carrot"),
    ("🌽", "corn"),
    ("🍕", "pizza"),
    ("🍔", "burger"),
    ("🎂", "cake"),
    ("🍦", "ice cream"),
    ("☕", "coffee"),
    ("🎩", "hat"),
    ("👑", "crown"),
    ("👓", "glasses"),
    ("👟", "shoe"),
    ("💎", "diamond"),
    ("🔑", "key"),
    ("🔒", "lock"),
    ("🔔", "bell"),
    ("🔨", "hammer"),
    ("💡", "light bulb"),
    ("⏰", "clock"),
    ("📷", "camera"),
    ("📕", "book"),
    ("🎈", "balloon"),
    ("🎁", "gift"),
    ("🎲", "dice"),
    ("🎸", "guitar"),
    ("🥁", "drum"),
    ("🚗", "car"),
    ("🚲", "bicycle"),
    ("🚂", "train"),
    ("🚀", "rocket"),
    ("⛵", "sailboat"),
    ("🏠", "house"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const ALICE: PeerId = PeerId::from_public_key([1; 32]);
    const BOB: PeerId = PeerId::from_public_key([2; 32]);
    const MALLORY: PeerId = PeerId::from_public_key([3; 32]);

    #[test]
    fn both_ends_show_the_same() {
        let (alice, commitment) = Initiator::new(ALICE, Nonce([4; 32]));
        let (bob, nonce) = Responder::new(ALICE, commitment, Nonce([5; 32]));
        let (revealed, shown) = alice.reveal(&[6; 32], BOB, &nonce);
        assert_eq!(bob.check(&[6; 32], BOB, &revealed), Ok(shown.clone()));
        println!("{} / {} / {}", shown.digits, shown.emoji, shown.emoji_names().join(", "));
    }

    /// The values are part of the protocol: a change of any constant breaks pairs of versions.
    #[test]
    fn the_string_is_the_same_in_every_version() {
        let sas = Sas::derive(&[6; 32], ALICE, BOB, &Nonce([4; 32]), &Nonce([5; 32]));
        assert_eq!((sas.digits.as_str(), sas.emoji.as_str()), ("307 517", "💡 🐴 💎 🥁 🦉 ☕ 🍦"));
    }

    #[test]
    fn a_nonce_that_was_not_committed_to_is_refused() {
        let (_, commitment) = Initiator::new(ALICE, Nonce([4; 32]));
        for (initiator, revealed) in [(ALICE, Nonce([7; 32])), (MALLORY, Nonce([4; 32]))] {
            let (bob, _) = Responder::new(initiator, commitment, Nonce([5; 32]));
            assert_eq!(bob.check(&[6; 32], BOB, &revealed), Err(SasError::CommitmentBroken));
        }
    }

    #[test]
    fn somebody_in_the_middle_shows_different_strings() {
        let nonces = (Nonce([4; 32]), Nonce([5; 32]));
        let with_alice = Sas::derive(&[6; 32], ALICE, MALLORY, &nonces.0, &nonces.1);
        let with_bob = Sas::derive(&[7; 32], MALLORY, BOB, &nonces.0, &nonces.1);
        assert!(with_alice.digits != with_bob.digits && with_alice.emoji != with_bob.emoji);
    }

    #[test]
    fn every_emoji_is_one_character_and_differs_from_all_others() {
        assert_eq!(EMOJI.iter().map(|(emoji, _)| emoji).collect::<HashSet<_>>().len(), EMOJI.len());
        assert_eq!(EMOJI.iter().map(|(_, name)| name).collect::<HashSet<_>>().len(), EMOJI.len());
        assert!(EMOJI.iter().all(|(emoji, _)| emoji.chars().count() == 1));
    }

    /// Over many comparisons each digit and each emoji is about as frequent as any other.
    #[test]
    fn strings_are_spread_evenly() {
        let mut firsts = [0_u32; 64];
        let mut digits = [0_u32; 10];
        for round in 0..6400_u32 {
            let mut nonce = [0; 32];
            nonce[..4].copy_from_slice(&round.to_le_bytes());
            let sas = Sas::derive(&[0; 32], ALICE, BOB, &Nonce(nonce), &Nonce([0; 32]));
            assert_eq!((sas.digits.len(), sas.emoji_names().len()), (7, 7));
            firsts[EMOJI.iter().position(|(emoji, _)| sas.emoji.starts_with(emoji)).unwrap()] += 1;
            digits[sas.digits.chars().next().unwrap().to_digit(10).unwrap() as usize] += 1;
        }
        assert!(firsts.iter().all(|count| (50..=160).contains(count)), "{firsts:?}");
        assert!(digits.iter().all(|count| (540..=740).contains(count)), "{digits:?}");
    }

    proptest! {
        #[test]
        fn any_changed_input_changes_the_string(parts: [[u8; 32]; 5], which in 0_usize..5, byte in 0_usize..32, bit in 0_u8..8) {
            let derive = |[exporter, i, r, ni, nr]: [[u8; 32]; 5]| {
                Sas::derive(&exporter, PeerId::from_public_key(i), PeerId::from_public_key(r), &Nonce(ni), &Nonce(nr))
            };
            let mut changed = parts;
            changed[which][byte] ^= 1 << bit;
            prop_assert_ne!(derive(parts).emoji, derive(changed).emoji);
        }

        #[test]
        fn roles_matter(a: [u8; 32], b: [u8; 32]) {
            prop_assume!(a != b);
            let (id_a, id_b) = (PeerId::from_public_key(a), PeerId::from_public_key(b));
            let one = Sas::derive(&[0; 32], id_a, id_b, &Nonce(a), &Nonce(b));
            prop_assert_ne!(one.emoji, Sas::derive(&[0; 32], id_b, id_a, &Nonce(b), &Nonce(a)).emoji);
        }
    }
}
