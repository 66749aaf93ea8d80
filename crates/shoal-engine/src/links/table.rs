//! Which connections there are, and who gets in when there are many. Bookkeeping only: nothing here waits.

use super::{Directory, Links};
use crate::{
    ReachError, Trust,
    connection::{Connection, close},
    greeting::Greeting,
};
use shoal_proto::{PeerId, message::CloseCode};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// Connections in all, ready or not. A quiet one costs some 50 KiB.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// Connections from strangers, and again as many to strangers that this device dialled. Above it the newest is refused, unless
/// somebody has more than [`STRANGERS_SHARE`]; known and verified devices always get in.
pub(super) const MAX_STRANGER_CONNECTIONS: usize = 32;

/// How many of them one [`Source`] keeps when others want in. What it has above is closed for who has less. No fixed limit, since
/// all devices of a house may share an IPv6 network, or an IPv4 address.
pub(super) const STRANGERS_SHARE: usize = 4;

/// Connections with one peer: one, one dialled the other way at the same moment, and leftovers of a peer that restarts.
pub(super) const MAX_CONNECTIONS_PER_PEER: usize = 4;

/// Connections of one peer that are younger than another by no more than this were dialled by both ends at once.
pub(super) const SAME_MOMENT: Duration = Duration::from_secs(3);

/// What a dial comes to; `None` while it is under way.
pub(super) type Outcome = Option<Result<Connection, ReachError>>;

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: HashMap<u64, Slot>,
    next: u64,
    pub(super) dials: HashMap<PeerId, watch::Receiver<Outcome>>,
}

/// A connection whose peer proved its key.
#[derive(Debug)]
struct Slot {
    peer: PeerId,
    dialled: bool,
    quinn: quinn::Connection,
    /// Once the hellos were said.
    ready: Option<Connection>,
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.ready.as_ref().is_some_and(Connection::is_idle)
    }
}

/// Where a connection comes from, as far as one host can be told from another: an IPv4 address, or an IPv6 network of 64 bits, of
/// which a host may take as many addresses as it likes. Every host has the same link-local network, so there the address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(v6) if !v6.is_unicast_link_local() => Self(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into()),
            other => Self(other),
        }
    }
}

impl Table {
    /// Finds room for one more connection, at the cost of an idle one if need be.
    fn admit(
        &mut self,
        directory: &dyn Directory,
        peer: PeerId,
        quinn: quinn::Connection,
        dialled: bool,
    ) -> Result<u64, CloseCode> {
        let trust = directory.trust(peer);
        if trust == Trust::Blocked {
            return Err(CloseCode::Refused);
        }
        let is_stranger = |slot: &Slot| directory.trust(slot.peer) == Trust::Stranger;
        let from = Source::of(quinn.remote_address().ip());
        if self.slots.values().filter(|slot| slot.peer == peer).count() >= MAX_CONNECTIONS_PER_PEER {
            self.evict(CloseCode::Done, |slot| slot.peer == peer)?;
        }
        if trust == Trust::Stranger {
            self.make_way(from, |slot| slot.dialled == dialled && is_stranger(slot))?;
        }
        if self.slots.len() >= MAX_CONNECTIONS {
            self.evict(CloseCode::TooMany, |slot| trust != Trust::Stranger && is_stranger(slot))?;
        }
        let id = self.next;
        self.next += 1;
        self.slots.insert(id, Slot { peer, dialled, quinn, ready: None });
        Ok(id)
    }

    /// Lets a stranger in among `rivals`: when there is no room, in the place of the newest of the source that has most of them.
    fn make_way(&mut self, from: Source, rivals: impl Fn(&Slot) -> bool) -> Result<(), CloseCode> {
        let mut held = HashMap::<Source, Vec<u64>>::new();
        // One that was closed goes with its task, and is nobody's rival.
        for (id, slot) in self.slots.iter().filter(|(_, slot)| slot.quinn.close_reason().is_none() && rivals(slot)) {
            held.entry(Source::of(slot.quinn.remote_address().ip())).or_default().push(*id);
        }
        if held.values().map(Vec::len).sum::<usize>() < MAX_STRANGER_CONNECTIONS {
            return Ok(());
        }
        let has_its_share = held.get(&from).is_some_and(|own| own.len() >= STRANGERS_SHARE);
        let most = held.into_values().max_by_key(Vec::len).filter(|most| most.len() > STRANGERS_SHARE && !has_its_share);
        let newest = most.and_then(|most| most.into_iter().max()).and_then(|id| self.slots.get(&id));
        close(&newest.ok_or(CloseCode::TooMany)?.quinn, CloseCode::TooMany);
        Ok(())
    }

    /// Closes the oldest idle connection among those that may go.
    fn evict(&mut self, code: CloseCode, may_go: impl Fn(&Slot) -> bool) -> Result<(), CloseCode> {
        let oldest = self.slots.iter().filter(|(_, slot)| slot.is_idle() && may_go(slot)).map(|(id, _)| *id).min();
        // Its entry goes with its task; until then the table is one over its limit.
        let slot = oldest.and_then(|id| self.slots.get(&id)).ok_or(CloseCode::TooMany)?;
        close(&slot.quinn, code);
        Ok(())
    }

    /// The connection that requests to `peer` go on.
    pub(super) fn live(&self, me: PeerId, peer: PeerId) -> Option<Connection> {
        let of_peer = self.ready_in_order().into_iter().filter(|connection| connection.peer() == peer);
        of_peer.reduce(|best, next| if replaces(me, next, best) { next } else { best }).cloned()
    }

    /// The same for every peer.
    pub(super) fn preferred(&self, me: PeerId) -> Vec<Connection> {
        let mut best = HashMap::<PeerId, &Connection>::new();
        for connection in self.ready_in_order() {
            let entry = best.entry(connection.peer()).or_insert(connection);
            if replaces(me, connection, entry) {
                *entry = connection;
            }
        }
        best.into_values().cloned().collect()
    }

    /// Every connection that can be used, preferred or not.
    pub(super) fn all_ready(&self) -> Vec<Connection> {
        self.ready().map(|(_, connection)| connection.clone()).collect()
    }

    pub(super) fn close_peer(&self, peer: PeerId, code: CloseCode) {
        for slot in self.slots.values().filter(|slot| slot.peer == peer) {
            close(&slot.quinn, code);
        }
    }

    /// Closes every connection, and returns them.
    pub(super) fn close_all(&self, code: CloseCode) -> Vec<quinn::Connection> {
        self.slots.values().for_each(|slot| close(&slot.quinn, code));
        self.slots.values().map(|slot| slot.quinn.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    fn ready_in_order(&self) -> Vec<&Connection> {
        let mut ready: Vec<_> = self.ready().collect();
        ready.sort_unstable_by_key(|&(id, _)| id);
        ready.into_iter().map(|(_, connection)| connection).collect()
    }

    fn ready(&self) -> impl Iterator<Item = (u64, &Connection)> {
        self.slots.iter().filter_map(|(id, slot)| slot.ready.as_ref().filter(|ready| ready.is_live()).map(|ready| (*id, ready)))
    }
}

/// Whether requests go on `newer` rather than on `older`. Whoever dials while there is a connection knows that it is dead, or about to
/// be: its address changed, or it was restarted. Where both dialled at the same moment, both ends choose what the lower id dialled.
fn replaces(me: PeerId, newer: &Connection, older: &Connection) -> bool {
    let by_lower = |connection: &Connection| {
        let dialler = if connection.dialled() { me } else { connection.peer() };
        dialler == me.min(connection.peer())
    };
    newer.since().duration_since(older.since()) > SAME_MOMENT || by_lower(newer) || !by_lower(older)
}

/// A place in the table, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    links: Arc<Links>,
    id: u64,
}

impl Place {
    /// Takes a place for a connection whose key is proved.
    ///
    /// # Errors
    /// The code to close it with when it does not get in.
    pub(super) fn take(links: &Arc<Links>, peer: PeerId, quinn: &quinn::Connection, dialled: bool) -> Result<Self, CloseCode> {
        let id = links.table().admit(&*links.directory, peer, quinn.clone(), dialled)?;
        Ok(Self { links: links.clone(), id })
    }

    /// The hellos were said: the connection can be used.
    pub(super) fn ready(&self, connection: &Connection) {
        let peer = connection.peer();
        let mut table = self.links.table();
        let first = !table.ready().any(|(_, other)| other.peer() == peer);
        if let Some(slot) = table.slots.get_mut(&self.id) {
            slot.ready = Some(connection.clone());
        }
        self.heard(connection, connection.greeting());
        drop(table);
        if first {
            let _ = self.links.connected.send(peer); // fails when nobody listens
        }
    }

    /// The peer said who it is.
    pub(super) fn heard(&self, connection: &Connection, greeting: &Greeting) {
        self.links.directory.proved(connection.peer(), greeting, connection.remote_address());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.links.table();
        let Some(slot) = table.slots.remove(&self.id) else { return };
        let others = table.slots.values().any(|other| other.peer == slot.peer && other.ready.is_some());
        if slot.ready.is_some() && !others {
            self.links.directory.disconnected(slot.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network() {
        let same = |one: &str, other: &str| Source::of(one.parse().unwrap()) == Source::of(other.parse().unwrap());
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(!same("fe80::1", "fe80::2"), "every host has this network");
    }

    /// Invariant 7. Who has more keys than others has no more room for it. Linux answers for all of 127.0.0.0/8.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_crowd_at_one_address_gives_way_to_strangers_elsewhere() {
        use super::super::tests::{Peer, soon};
        use crate::identity::Identity;
        use std::net::Ipv4Addr;

        let server = Peer::new("server");
        let stranger = async |last: u8| {
            let stranger = Peer::on(Ipv4Addr::new(127, 0, 0, last), "stranger", &Identity::ephemeral().unwrap(), Some(0));
            let connection = stranger.links.dial_address(server.address()).await;
            (stranger, connection)
        };
        let mut crowd = Vec::new();
        for _ in 0..MAX_STRANGER_CONNECTIONS + 8 {
            crowd.push(stranger(2).await);
        }
        let of_crowd = |crowd: &[(Peer, Result<Connection, ReachError>)]| {
            crowd.iter().filter(|(_, connection)| connection.as_ref().is_ok_and(Connection::is_live)).count()
        };
        assert_eq!(of_crowd(&crowd), MAX_STRANGER_CONNECTIONS, "while nobody else wants in");
        let mut others = Vec::new();
        for last in 10..18 {
            for _ in 0..2 {
                others.push(stranger(last).await);
            }
        }
        assert_eq!(of_crowd(&others), others.len(), "from elsewhere each gets in");
        soon("the crowd gave way", || of_crowd(&crowd) == MAX_STRANGER_CONNECTIONS - others.len()).await;
        assert!(stranger(2).await.1.is_err(), "the crowd does not come back");
        // Down to its share and no further.
        for last in 20..40 {
            others.push(stranger(last).await);
        }
        let expected = MAX_STRANGER_CONNECTIONS - STRANGERS_SHARE;
        assert_eq!((of_crowd(&crowd), of_crowd(&others)), (STRANGERS_SHARE, expected));
        assert!(server.connections() <= MAX_STRANGER_CONNECTIONS + 1);
    }
}
