//! Who may do what with a share. Pure: the owner's engine asks it on every request, with the key that TLS proved.

use crate::PeerId;
use std::collections::BTreeSet;

/// Most devices that a share is for by name.
pub const MAX_CHOSEN: usize = 256;

/// What the owner thinks of a device, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Never talked to.
    Blocked,
    /// Never accepted anything from it.
    Stranger,
    /// Accepted once.
    Known,
    /// Short authentication strings were compared.
    Verified,
}

/// Whom a share is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Strangers on the networks that this device is on, and known devices wherever they are.
    Everyone,
    /// Known devices.
    Known,
    /// Verified devices.
    Verified,
    /// These, at most [`MAX_CHOSEN`], whatever their standing unless blocked.
    Chosen(BTreeSet<PeerId>),
}

/// What a device may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// See, search and fetch.
    Read,
    /// And add files, which never overwrite or remove anything.
    ReadAndAdd,
}

/// The rights of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Whom it is for.
    pub audience: Audience,
    /// What they may do.
    pub access: Access,
    /// For nobody, for the time being.
    pub paused: bool,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The key that it proved.
    pub peer: PeerId,
    /// What the owner thinks of it.
    pub standing: Standing,
    /// It is reached over a network that this device is on, not over the internet.
    pub near: bool,
}

impl Rights {
    /// What `asker` may do; `None`: for it there is no such share.
    pub fn of(&self, asker: &Asker) -> Option<Access> {
        let meant = match &self.audience {
            Audience::Everyone => asker.near || asker.standing >= Standing::Known,
            Audience::Known => asker.standing >= Standing::Known,
            Audience::Verified => asker.standing >= Standing::Verified,
            Audience::Chosen(peers) => peers.contains(&asker.peer),
        };
        (meant && !self.paused && asker.standing != Standing::Blocked).then_some(self.access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDINGS: [Standing; 4] = [Standing::Blocked, Standing::Stranger, Standing::Known, Standing::Verified];

    fn peer(last: u8) -> PeerId {
        PeerId::from_public_key([last; 32])
    }

    fn may(audience: &Audience, peer: PeerId, standing: Standing, near: bool) -> bool {
        let rights = Rights { audience: audience.clone(), access: Access::Read, paused: false };
        rights.of(&Asker { peer, standing, near }).is_some()
    }

    /// Every audience against every kind of device, written out.
    #[test]
    fn each_audience_is_those_that_it_says() {
        let chosen = Audience::Chosen(BTreeSet::from([peer(1)]));
        let expected: [(&Audience, [bool; 4], [bool; 4]); 4] = [
            (&Audience::Everyone, [false, true, true, true], [false, false, true, true]),
            (&Audience::Known, [false, false, true, true], [false, false, true, true]),
            (&Audience::Verified, [false, false, false, true], [false, false, false, true]),
            (&chosen, [false, true, true, true], [false, true, true, true]),
        ];
        for (audience, near, far) in expected {
            assert_eq!(STANDINGS.map(|standing| may(audience, peer(1), standing, true)), near, "{audience:?} near");
            assert_eq!(STANDINGS.map(|standing| may(audience, peer(1), standing, false)), far, "{audience:?} far");
        }
        assert!(STANDINGS.iter().all(|standing| !may(&chosen, peer(2), *standing, true)), "others are not chosen");
    }

    #[test]
    fn a_paused_share_is_there_for_nobody() {
        let rights = Rights { audience: Audience::Everyone, access: Access::ReadAndAdd, paused: true };
        let asker = Asker { peer: peer(1), standing: Standing::Verified, near: true };
        assert_eq!(rights.of(&asker), None);
        assert_eq!(Rights { paused: false, ..rights }.of(&asker), Some(Access::ReadAndAdd));
    }
}
