//! One content from many peers at once, and every receiver a source.
//!
//! Owns the decisions: what a receiver asks of whom ([`scheduler`]), and what a source gives to whom ([`giver`]). Pure state machines: what
//! happened comes in as `handle_*`, what is to be done goes out as `poll*`, time is passed in. Leaves out streams, bytes, hashes
//! and rights.
//!
//! # Units
//! What is asked for, given and told about as one: a piece of a file of several, or a run of small files. Units are numbered through a whole
//! transfer, the same on all peers, since all of them have the same manifest.
//!
//! # The course
//! 1. A receiver tells its peers what it has ("have"), and again whenever more came, bundled for [`scheduler::NEWS`]. Nobody needs to know
//!    everybody: a few dozen peers each are enough.
//! 2. A source has [`giver::SLOTS`] places for those who ask. Those who have one may ask; after [`giver::TURN`] units another gets it, if
//!    one waits that can be given something. Who misses no more than a turn's units is not made to wait. While it is paused, a source takes
//!    all places back.
//! 3. A receiver asks for the rarest unit that the peer has, counted over the peers that it knows, and leaves a tie to chance. It asks for
//!    [`scheduler::MIN_ASKED`] to [`scheduler::MAX_ASKED`] units of each, as many as come in [`scheduler::ASKED_AHEAD`].
//! 4. Of the only peer who has everything it asks for a unit of that one's choice: the one of which there are fewest copies, so that every
//!    unit is out in the world as soon as can be. That one gives no unit twice by its own choice unless it spreads no further
//!    ([`giver::SPREAD`]); it is asked by number only by those who get far less from the others than from it. A receiver that wants only
//!    some units always asks by number.
//! 5. Whoever begins to send a unit says so ([`scheduler::Scheduler::handle_granted`]). Until then the unit is asked of up to
//!    [`scheduler::MAX_REQUESTS`] peers, if they have nothing else to give; who begins first sends it, and the others are told to forget it.
//! 6. What is being sent by somebody ten times slower than another is asked of that one, too; at the end, when everything was asked for,
//!    what is twice as late. At most [`scheduler::MAX_COPIES`] are sent at once. What came is cancelled elsewhere.
//! 7. Who is silent for [`scheduler::SNUB`] loses what it was asked for. Who gives a wrong unit is banned by the driver
//!    ([`scheduler::Scheduler::handle_banned`]) and stays so; what was asked of it is wanted again. Who can't give one unit is not asked for
//!    that one again ([`scheduler::Scheduler::handle_failed`]).

mod bits;
mod chance;
pub mod giver;
pub mod holdings;
pub mod message;
mod rate;
pub mod scheduler;
#[cfg(test)]
mod simulation;
pub mod units;

pub use bits::Bits;
pub use chance::Chance;
pub use rate::Rate;
pub use units::{Unit, Units};
