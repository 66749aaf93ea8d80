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
//! 1. A receiver tells its peers what it has ("have"), and again whenever more came, bundled for [`scheduler::NEWS`].
//! 2. A source has a few places. Those who have one may ask; after [`giver::TURN`] units another one gets it.
//! 3. A receiver asks for the rarest unit that the peer has, counted over the peers that it knows, and leaves a tie to chance. Of the only
//!    peer who has everything it asks for a unit of that one's choice: the one of which there are fewest copies, so that every unit is out
//!    in the world as soon as can be, and none is given twice before.
//! 4. What comes from somebody ten times slower than another is asked of that one, too; at the end, when everything was asked for, what is
//!    late is asked for twice. What came is cancelled elsewhere.
//! 5. Who gives a wrong unit is banned by the driver ([`scheduler::Scheduler::handle_left`]); what was asked of it is wanted again.

mod bits;
mod chance;
pub mod giver;
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
