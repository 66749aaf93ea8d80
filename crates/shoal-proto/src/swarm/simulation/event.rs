//! What happens in a simulated swarm.

use super::{Member, Peer};
use std::rc::Rc;

/// To whom, from whom, what.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Ask(Peer, Peer, u32),
    AskAny(Peer, Peer, Vec<u32>),
    Cancel(Peer, Peer, u32),
    Gives(Peer, Peer, bool),
    Granted(Peer, Peer, u32),
    /// It left the giver's link.
    Sent(Peer, Peer, u32),
    /// It came.
    Unit(Peer, Peer, u32),
    /// [`Self::Gives`] is next on the giver's link.
    Place(Peer, Peer, bool),
    /// From whom, to all that know it.
    Have(Peer, Rc<[u32]>),
    Wake(Peer),
    News(Peer),
    Leave(Peer),
    Vanish(Peer),
    Join(Member),
}

impl Event {
    pub(super) fn to(&self) -> Peer {
        match self {
            Self::Ask(to, ..)
            | Self::AskAny(to, ..)
            | Self::Cancel(to, ..)
            | Self::Gives(to, ..)
            | Self::Granted(to, ..)
            | Self::Sent(to, ..)
            | Self::Unit(to, ..)
            | Self::Place(to, ..)
            | Self::Have(to, _)
            | Self::Wake(to)
            | Self::News(to)
            | Self::Leave(to)
            | Self::Vanish(to) => *to,
            Self::Join(_) => Peer::MAX,
        }
    }

    pub(super) fn from(&self) -> Option<Peer> {
        match self {
            Self::Ask(_, from, ..)
            | Self::AskAny(_, from, ..)
            | Self::Cancel(_, from, ..)
            | Self::Gives(_, from, ..)
            | Self::Granted(_, from, ..)
            | Self::Unit(_, from, ..) => Some(*from),
            _ => None,
        }
    }
}

// Events are in order of time and number: what they are does not matter.
impl PartialEq for Event {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Event {}
impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Event {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}
