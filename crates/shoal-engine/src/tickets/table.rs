//! The tickets that this device made.

use super::TicketId;
use crate::{
    error::TicketError,
    store::database::{Database, DatabaseError, TicketRecord},
};
use shoal_proto::{
    Manifest, display,
    ticket::{Ends, Proof, Role, TicketKey},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

/// Most tickets of one device. Each that is opened is held against all of them.
pub(crate) const MAX_TICKETS: usize = 1000;

/// Characters of an id that name a ticket, at least.
const MIN_ID_PREFIX: usize = 4;

/// All of them. Shared; each method locks for a moment.
#[derive(Debug)]
pub(crate) struct Tickets {
    database: Arc<Database>,
    held: Mutex<BTreeMap<TicketId, Held>>,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Held {
    record: TicketRecord,
    key: TicketKey,
}

impl Held {
    fn new(record: TicketRecord) -> Self {
        Self { key: TicketKey::new(&record.root, &record.secret), record }
    }

    fn is_good(&self, near: bool, now: u64) -> bool {
        self.record.expires.is_none_or(|expires| expires > now) && (near || !self.record.lan_only)
    }
}

impl Tickets {
    /// Those from before.
    ///
    /// # Errors
    /// The database.
    pub(crate) fn open(database: Arc<Database>) -> Result<Arc<Self>, DatabaseError> {
        let held = database.tickets()?.into_iter().map(|record| (record.id, Held::new(record))).collect();
        Ok(Arc::new(Self { database, held: Mutex::new(held), changed: watch::Sender::new(0) }))
    }

    /// Takes up a new one.
    ///
    /// # Errors
    /// [`TicketError::TooMany`], [`TicketError::Store`].
    pub(super) fn add(&self, record: TicketRecord, manifest: &Manifest) -> Result<(), TicketError> {
        self.has_room()?;
        self.database.add_ticket(&record, manifest).map_err(|error| TicketError::Store(error.to_string()))?;
        self.held().insert(record.id, Held::new(record));
        self.tell();
        Ok(())
    }

    /// There may be one more.
    ///
    /// # Errors
    /// [`TicketError::TooMany`].
    pub(super) fn has_room(&self) -> Result<(), TicketError> {
        if self.held().len() < MAX_TICKETS { Ok(()) } else { Err(TicketError::TooMany { limit: MAX_TICKETS }) }
    }

    /// Every one, the newest first.
    pub(super) fn list(&self) -> Vec<TicketRecord> {
        let mut list: Vec<_> = self.held().values().map(|held| held.record.clone()).collect();
        list.sort_by_key(|record| std::cmp::Reverse(record.created));
        list
    }

    /// The one that an id or the beginning of one (4 characters or more) means.
    ///
    /// # Errors
    /// [`TicketError::NotFound`].
    pub(super) fn find(&self, text: &str) -> Result<TicketId, TicketError> {
        let prefix = text.to_ascii_lowercase();
        let held = self.held();
        let mut fits = held.keys().filter(|id| prefix.len() >= MIN_ID_PREFIX && id.to_string().starts_with(&prefix));
        match (fits.next(), fits.next()) {
            (Some(id), None) => Ok(*id),
            _ => Err(TicketError::NotFound(display::shown(text))),
        }
    }

    /// What is recorded of one.
    pub(super) fn get(&self, id: TicketId) -> Option<TicketRecord> {
        Some(self.held().get(&id)?.record.clone())
    }

    /// Forgets one. `false`: there is none.
    ///
    /// # Errors
    /// [`TicketError::Store`]: it is good as before.
    pub(super) fn remove(&self, id: TicketId) -> Result<bool, TicketError> {
        self.database.remove_ticket(id).map_err(|error| TicketError::Store(error.to_string()))?;
        let was_there = self.held().remove(&id).is_some();
        self.tell();
        Ok(was_there)
    }

    /// Those that have ended at a moment in seconds since 1970, and the moment when the next does.
    pub(super) fn expired(&self, now: u64) -> (Vec<TicketId>, Option<u64>) {
        let held = self.held();
        let over = held.values().filter(|held| !held.is_good(true, now)).map(|held| held.record.id).collect();
        let next = held.values().filter_map(|held| held.record.expires).filter(|expires| *expires > now).min();
        (over, next)
    }

    /// The ticket that a proof is of, and the proof to answer with. Takes as long whichever it is, and if there is none.
    pub(super) fn proved(&self, proof: &Proof, ends: &Ends, near: bool) -> Option<(TicketRecord, Proof)> {
        let (held, now) = (self.held(), now());
        let mut found = None;
        for held in held.values() {
            let is_it = held.key.proof(Role::Asker, ends) == *proof;
            if is_it && held.is_good(near, now) {
                found = Some(held);
            }
        }
        found.map(|held| (held.record.clone(), held.key.proof(Role::Holder, ends)))
    }

    /// Whether somebody `near` or not, who had it, may fetch by it.
    pub(crate) fn may_use(&self, id: TicketId, near: bool) -> bool {
        self.held().get(&id).is_some_and(|held| held.is_good(near, now()))
    }

    /// There is such a ticket, good or not.
    pub(crate) fn has(&self, id: TicketId) -> bool {
        self.held().contains_key(&id)
    }

    /// Somebody takes something by it.
    pub(crate) fn used(&self, id: TicketId) {
        self.change(id, |record| record.used += 1);
    }

    /// A file of it is gone, or another.
    pub(crate) fn outdated(&self, id: TicketId) {
        self.change(id, |record| record.outdated = true);
    }

    fn change(&self, id: TicketId, change: impl FnOnce(&mut TicketRecord)) {
        let mut all = self.held();
        let Some(held) = all.get_mut(&id) else { return };
        change(&mut held.record);
        let record = held.record.clone();
        drop(all);
        if let Err(error) = self.database.update_ticket(&record) {
            tracing::error!(%error, "how often a link was used is not recorded");
        }
        self.tell();
    }

    /// Hears of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<TicketId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    seconds(SystemTime::now())
}

/// As much, of a moment.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
