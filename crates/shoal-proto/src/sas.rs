//! Short authentication strings: six digits or emoji that two people compare.
//!
//! 1. The initiator sends a [`Commitment`] to a fresh nonce. 2. The other end sends its own nonce. 3. The initiator reveals its
//!    nonce, which must fit the commitment. Nobody in the middle can choose a nonce after seeing the other (Vaudenay, CRYPTO 2005).

/// What both screens must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sas {
    /// Six digits, as `123 456`.
    pub digits: String,
    /// Seven emoji, separated by spaces.
    pub emoji: String,
}
