//! How much is under way at once: of everybody, and of one peer.

use shoal_proto::PeerId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Places of one kind.
#[derive(Debug)]
pub(crate) struct Places {
    per_peer: usize,
    in_all: usize,
    taken: Mutex<HashMap<PeerId, usize>>,
}

/// One of them, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    peer: PeerId,
}

impl Places {
    /// So many for one peer, and so many for all together.
    pub(crate) fn new(per_peer: usize, in_all: usize) -> Arc<Self> {
        Arc::new(Self { per_peer, in_all, taken: Mutex::default() })
    }

    /// One for a peer, if there is one left.
    pub(crate) fn take(this: &Arc<Self>, peer: PeerId) -> Option<Place> {
        let mut taken = this.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= this.in_all {
            return None;
        }
        let count = taken.entry(peer).or_default();
        if *count >= this.per_peer {
            return None;
        }
        *count += 1;
        Some(Place { places: this.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_takes_its_own_places_and_all_peers_theirs() {
        let places = Places::new(2, 3);
        let peer = |key| PeerId::from_public_key([key; 32]);
        let first = Places::take(&places, peer(1));
        let _second = Places::take(&places, peer(1));
        assert!(Places::take(&places, peer(1)).is_none());
        let _third = Places::take(&places, peer(2));
        assert!(Places::take(&places, peer(3)).is_none());
        drop(first);
        assert!(Places::take(&places, peer(3)).is_some());
    }
}
