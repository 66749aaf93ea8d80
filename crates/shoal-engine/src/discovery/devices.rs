//! The one table of devices: who is known, how to reach them, who proved a key.
//!
//! Shared by whoever learns something about a device and whoever wants to know. The rules are in [`table`](super::table);
//! here is the lock, the clock, and who is woken.

use super::table::Table;
use crate::{Device, Path, Trust, Via, greeting::Greeting};
use shoal_proto::{
    PeerId, Ticket,
    message::{Colour, MAX_DEVICE_NAME, Platform},
};
use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A hint from a provider. It never changes trust, the name shown, or who counts as online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sighting {
    /// Somebody says that this device is there. The paths replace those that the same provider gave before for this link.
    Seen {
        /// Whom it is about.
        id: PeerId,
        /// How to reach it.
        paths: Vec<Path>,
        /// Number of the interface on which this was heard; 0 where that means nothing.
        link: u32,
        /// When the hint is stale; `None`: never.
        until: Option<Instant>,
    },
    /// A provider no longer sees it.
    Gone {
        /// Whom it is about.
        id: PeerId,
        /// The provider.
        via: Via,
    },
    /// An interface of this host is gone, and with it what was heard there.
    LinkGone {
        /// Its number.
        link: u32,
    },
}

impl Sighting {
    /// An address typed in for a device, or one that worked before.
    pub(crate) fn address(id: PeerId, via: Via, address: SocketAddr) -> Self {
        Self::Seen { id, paths: vec![Path { via, address }], link: 0, until: None }
    }
}

/// What is kept of a device across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Its key.
    pub(crate) id: PeerId,
    /// What it called itself last, over a connection that proved the key.
    pub(crate) name: Option<String>,
    /// What it ran then.
    pub(crate) platform: Option<Platform>,
    /// The colour that it wished for then.
    pub(crate) colour: Option<Colour>,
    /// Its standing.
    pub(crate) trust: Trust,
    /// Its allowance.
    pub(crate) accepts: Option<u64>,
    /// Where it was reached, latest first. Without link-local ones: their scope means nothing after a restart.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Who [`Devices::find`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Just one fits.
    One(PeerId),
    /// None does.
    None,
    /// All of these fit: their names and ids.
    Several(Vec<(String, PeerId)>),
}

/// What [`Devices::changes`] tells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Changes {
    /// These rows are new or changed.
    Rows(Vec<Change>),
    /// So many changed that all are to be read anew.
    All(Vec<Device>),
}

/// A row's change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// As it is now.
    Row(Device),
    /// No longer shown.
    Gone(PeerId),
}

/// The table. Shared; each method locks for a moment and never across an await.
#[derive(Debug)]
pub(crate) struct Devices {
    table: Mutex<Table>,
    changed: Notify,
    wanted: Notify,
}

impl Devices {
    /// A table for the device `own`, which is never in it, that starts with what is remembered.
    pub(crate) fn new(own: PeerId, remembered: impl IntoIterator<Item = Remembered>) -> Self {
        let table = Table::new(own, remembered, now());
        Self { table: Mutex::new(table), changed: Notify::new(), wanted: Notify::new() }
    }

    /// Standing of a device; [`Trust::Stranger`] when it is not known.
    pub(crate) fn trust(&self, id: PeerId) -> Trust {
        self.table().trust(id)
    }

    /// Addresses to dial, best first: mDNS before remembered before manual, IPv6 and IPv4 interleaved (RFC 8305 §4).
    pub(crate) fn candidates(&self, id: PeerId) -> Vec<SocketAddr> {
        self.table().candidates(id)
    }

    /// TLS proved the key at `address`, it said who it is, and a connection exists now.
    pub(crate) fn proved(&self, id: PeerId, greeting: &Greeting, address: SocketAddr) {
        self.change(|table, _| table.proved(id, greeting, address));
    }

    /// Its last connection is gone.
    pub(crate) fn disconnected(&self, id: PeerId) {
        self.change(|table, now| table.disconnected(id, now));
    }

    /// What a provider says.
    pub(crate) fn sighting(&self, sighting: Sighting) {
        self.change(|table, now| table.sighting(sighting, now));
    }

    /// Drops hints that went stale. To be called about once a second.
    pub(crate) fn expire(&self) {
        self.change(Table::expire);
    }

    /// Bytes in 24 hours that are accepted from a device without asking.
    pub(crate) fn allowance(&self, id: PeerId) -> Option<u64> {
        self.table().allowance(id)
    }

    /// Sets that of a verified device; `false`: it is not verified.
    pub(crate) fn set_allowance(&self, id: PeerId, bytes: Option<u64>) -> bool {
        let mut is_set = false;
        self.change(|table, _| is_set = table.set_allowance(id, bytes));
        is_set
    }

    /// Sets a device's standing; it need not have been seen. Whoever is not verified any more has no allowance any more.
    pub(crate) fn set_trust(&self, id: PeerId, trust: Trust) {
        self.change(|table, now| table.set_trust(id, trust, now));
    }

    /// Forgets standing, name and addresses. While it is announced it stays, as a stranger.
    pub(crate) fn forget(&self, id: PeerId) {
        self.change(|table, now| table.forget(id, now));
    }

    /// Round trip of the live connection.
    pub(crate) fn set_rtt(&self, id: PeerId, rtt: Option<Duration>) {
        self.change(|table, _| table.set_rtt(id, rtt));
    }

    /// Every row that is shown: devices known, and strangers in reach. Sorted by id.
    pub(crate) fn all(&self) -> Vec<Device> {
        self.table().all()
    }

    /// One row, shown or not.
    pub(crate) fn get(&self, id: PeerId) -> Option<Device> {
        self.table().get(id)
    }

    /// What people know it by: its name once it proved its key, else its short id.
    pub(crate) fn name(&self, id: PeerId) -> String {
        self.get(id).map_or_else(|| id.short(), |device| device.name)
    }

    /// The device with this name (whatever the case) or whose id starts with this (4 characters or more). Where several have
    /// the name, the one that is trusted, if just one is: nobody takes a known device's place by taking its name.
    pub(crate) fn find(&self, text: &str) -> Found {
        self.table().find(text)
    }

    /// Takes up where the holders of a ticket may be. A hint like any other.
    pub(crate) fn sight(&self, ticket: &Ticket) {
        // The addresses are the maker's.
        let Some(maker) = ticket.makers.first() else { return };
        for address in ticket.addresses.iter() {
            self.sighting(Sighting::address(*maker, Via::Manual, *address));
        }
    }

    /// What to keep of a device: `None` for strangers.
    pub(crate) fn remembered(&self, id: PeerId) -> Option<Remembered> {
        self.table().remembered(id)
    }

    /// Waits until rows changed since the last call and says which. One listener at a time; while it is slow the changes
    /// gather, at most one for each row.
    pub(crate) async fn changes(&self) -> Changes {
        loop {
            if let Some(changes) = self.table().take_changes() {
                return changes;
            }
            self.changed.notified().await;
        }
    }

    /// Waits for a device that should be dialled to learn who it is: it is new, or its addresses are, or the last try is
    /// long ago. The caller dials its [`candidates`](Self::candidates), as many devices at once as it likes; a success ends
    /// in [`proved`](Self::proved), a failure needs no word, later tries come by themselves. Never a blocked device.
    pub(crate) async fn probe_wanted(&self) -> PeerId {
        loop {
            let next = {
                let mut table = self.table();
                if let Some(id) = table.next_to_probe(now()) {
                    return id;
                }
                table.next_probe_at()
            };
            match next {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = self.wanted.notified() => {}
                },
                None => self.wanted.notified().await,
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Table, Instant)) {
        let mut table = self.table();
        change(&mut table, now());
        let (changed, probe_planned) = (table.has_changes(), table.take_probe_planned());
        drop(table);
        if changed {
            self.changed.notify_one();
        }
        if probe_planned {
            self.wanted.notify_one();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No method leaves a row half written, so a panic elsewhere does not spoil the table.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device's name as a screen may show it: without control and bidi characters, cut to its longest; `None` when that
/// leaves nothing.
pub(super) fn printable(name: &str) -> Option<String> {
    let is_bidi = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name = name.chars().filter(|&c| !c.is_control() && !is_bidi(c)).take(MAX_DEVICE_NAME).collect::<String>();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The scope of a link-local address.
pub(super) fn scope_of(address: SocketAddr) -> Option<u32> {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => Some(v6.scope_id()),
        _ => None,
    }
}

/// Tokio's clock: the one that waits for probes go by, and that tests may stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::sync::Arc;
    use tokio::time::timeout;

    fn id(key: u8) -> PeerId {
        PeerId::from_public_key([key; 32])
    }

    fn typed_in(key: u8) -> Sighting {
        Sighting::address(id(key), Via::Manual, "10.0.0.2:5".parse().unwrap())
    }

    #[tokio::test]
    async fn a_slow_listener_stalls_nobody_and_loses_nothing() {
        let devices = Devices::new(id(1), []);
        for round in 0..1000 {
            devices.sighting(typed_in(2 + (round % 50) as u8));
        }
        let Changes::Rows(rows) = devices.changes().await else { panic!("not that many") };
        assert_eq!(rows.len(), 50);
        assert!(timeout(Duration::from_millis(20), devices.changes()).await.is_err());
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_what_happens() {
        let devices = Arc::new(Devices::new(id(1), []));
        let changes = tokio::spawn({
            let devices = devices.clone();
            async move { devices.changes().await }
        });
        let wanted = tokio::spawn({
            let devices = devices.clone();
            async move { devices.probe_wanted().await }
        });
        tokio::task::yield_now().await;
        devices.sighting(typed_in(2));
        assert_eq!(changes.await.unwrap(), Changes::Rows(vec![Change::Row(devices.get(id(2)).unwrap())]));
        assert_eq!(wanted.await.unwrap(), id(2));
        // The next try is a second away, unless its addresses change.
        assert!(timeout(Duration::from_millis(50), devices.probe_wanted()).await.is_err());
        let retried = timeout(Duration::from_secs(2), devices.probe_wanted()).await;
        assert_eq!(retried, Ok(id(2)));
    }
}
