//! One transfer while the engine runs: its row, and the ways to steer the task that carries it.

use super::inbox::Inbox;
use super::{Cause, Direction, State, Transfer, rate::Meter, reader::Reader, record::Receiving, sent::Sent};
use crate::{connection::Connection, store::database::TransferRecord, stream::SendStream};
use shoal_proto::{
    Manifest, PeerId, display,
    message::{FromSender, Progress, TransferId},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::Instant,
};

/// Files of an offer that a prompt names.
const FIRST_NAMES: usize = 5;

/// Characters of each.
const FIRST_NAME_LEN: usize = 100;

/// Fetches of one sending transfer that are admitted at once. A receiver needs three; after it came back on another connection
/// those of the old one may still be there.
const MAX_FETCHES: usize = 16;

/// Those of them that read, each some 3 MiB ahead.
const MAX_READERS: usize = 6;

/// What the person at this end wants of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Run,
    Pause,
    Cancel,
}

/// An offer's stream, handed to the task of a receiving transfer.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) send: SendStream,
    pub(crate) inbox: Inbox<FromSender>,
    /// The sender said that it is paused.
    pub(crate) paused: bool,
    /// The sender said that others take the same.
    pub(crate) swarms: bool,
}

/// A transfer that is not over, or was not when the engine started.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: TransferId,
    pub(crate) direction: Direction,
    pub(crate) peer: PeerId,
    pub(crate) control: watch::Sender<Control>,
    /// Try now rather than after the back-off.
    pub(crate) wake: Notify,
    /// Receiving by a ticket: somebody else who does so asked for what is here.
    pub(crate) others: Notify,
    /// Sending: whether the receiver has consented, for those who wait for it.
    pub(crate) accepted: watch::Sender<bool>,
    /// Sending: the connection that the receiver asked on. Receiving: unused.
    pub(crate) preferred: Mutex<Option<Connection>>,
    /// Sending: places for fetches, and for those that read.
    pub(crate) fetches: Semaphore,
    pub(crate) readers: Semaphore,
    /// Receiving: takes streams of renewed offers.
    pub(crate) sessions: mpsc::Sender<Session>,
    /// Receiving: dropped or answered, once, by the person at this end.
    pub(crate) answer: Mutex<Option<oneshot::Sender<()>>>,
    row: Mutex<Row>,
}

/// Everything about a transfer that changes.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) record: TransferRecord,
    pub(crate) awaits_answer: bool,
    pub(crate) first_names: Vec<String>,
    pub(crate) free: Option<u64>,
    pub(crate) cause: Option<Cause>,
    /// Sending: the receiver is to try again what failed, and has not been told.
    pub(crate) retry: bool,
    /// In memory only while an offer waits here, or is made from here.
    pub(crate) manifest: Option<Manifest>,
    /// Of that manifest, where strangers can have one made.
    pub(crate) memory: Option<OwnedSemaphorePermit>,
    /// Sending: what is read is read by it, while content moves. It keeps files and folders open.
    pub(crate) reader: Option<Arc<Mutex<Reader>>>,
    /// Sending: what was given, to be shown.
    pub(crate) sent: Arc<Mutex<Sent>>,
    /// Receiving: what is under way, while content moves.
    pub(crate) receiving: Weak<Receiving>,
    meter: Meter,
    active_since: Option<Instant>,
}

impl Live {
    /// A transfer and the receiver of its renewed offers.
    pub(crate) fn new(record: TransferRecord, manifest: Option<Manifest>) -> (Self, mpsc::Receiver<Session>) {
        let (sessions, renewed) = mpsc::channel(1);
        // Where the other end paused, the reason says so; it says again whether it is.
        let paused_here = record.state == State::Paused && record.error.is_none();
        let control = if paused_here { Control::Pause } else { Control::Run };
        let first_names = manifest.iter().flat_map(first_names).collect();
        let live = Self {
            id: record.id,
            direction: record.direction,
            peer: record.peer,
            control: watch::Sender::new(control),
            wake: Notify::new(),
            others: Notify::new(),
            accepted: watch::Sender::new(record.accepted),
            preferred: Mutex::new(None),
            fetches: Semaphore::new(MAX_FETCHES),
            readers: Semaphore::new(MAX_READERS),
            sessions,
            answer: Mutex::new(None),
            row: Mutex::new(Row {
                record,
                awaits_answer: false,
                first_names,
                free: None,
                cause: None,
                retry: false,
                manifest,
                memory: None,
                reader: None,
                sent: Arc::default(),
                receiving: Weak::new(),
                meter: Meter::default(),
                active_since: None,
            }),
        };
        (live, renewed)
    }

    /// The row; hold it for a moment only.
    pub(crate) fn row(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it stands.
    pub(crate) fn state(&self) -> State {
        self.row().record.state
    }

    /// What the person wants now.
    pub(crate) fn wanted(&self) -> Control {
        *self.control.borrow()
    }

    /// Its picture for front ends.
    pub(crate) fn picture(&self, peer_name: String) -> Transfer {
        self.row().picture(peer_name)
    }
}

impl Row {
    /// Enters a state, keeping the time that it was active.
    pub(crate) fn enter(&mut self, state: State, error: Option<String>) {
        if let Some(since) = self.active_since.take() {
            self.record.active += since.elapsed();
        }
        if state == State::Active {
            self.active_since = Some(Instant::now());
        } else {
            self.meter.stop();
            self.reader = None;
        }
        if state.is_over() {
            self.manifest = None;
            self.memory = None;
        }
        self.record.enter(state);
        self.record.error = error;
    }

    /// What can be had again is not kept in memory.
    pub(crate) fn put_away(&mut self) {
        (self.manifest, self.memory, self.reader) = (None, None, None);
    }

    /// How far it is. Totals never shrink, but for a retry.
    pub(crate) fn advance(&mut self, progress: Progress) {
        self.record.files_done = progress.files_done;
        self.record.files_failed = progress.files_failed;
        self.record.bytes_done = progress.bytes_done;
        self.record.bytes_moved = progress.bytes_moved;
        self.meter.record(Instant::now(), progress.bytes_done);
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            files_done: self.record.files_done,
            files_failed: self.record.files_failed,
            bytes_done: self.record.bytes_done,
            bytes_moved: self.record.bytes_moved,
        }
    }

    /// The manifest, if it is in memory.
    pub(crate) fn manifest_at_hand(&self) -> Option<Manifest> {
        self.manifest.clone().or_else(|| Some(self.receiving.upgrade()?.manifest.clone()))
    }

    /// Time from consent on that content moved.
    pub(crate) fn took(&self) -> Duration {
        self.record.active + self.active_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn picture(&self, peer_name: String) -> Transfer {
        let record = &self.record;
        let rate = if record.state == State::Active { self.meter.rate(Instant::now()) } else { 0 };
        let left = record.bytes.saturating_sub(record.bytes_done);
        Transfer {
            id: record.id,
            direction: record.direction,
            fetched: record.is_fetched(),
            added_to: record.added.as_ref().map(|added| display::shown(&added.name)),
            peer: record.peer,
            peer_name,
            name: display::shown(&record.name),
            text: record.text.clone(),
            state: record.state,
            awaits_answer: self.awaits_answer,
            files: record.files,
            files_done: record.files_done,
            files_failed: record.files_failed,
            bytes: record.bytes,
            bytes_done: record.bytes_done,
            bytes_moved: record.bytes_moved,
            rate,
            eta: left.checked_div(rate).map(Duration::from_secs),
            error: record.error.clone(),
            cause: self.cause.filter(|_| record.error.is_some()),
            into: record.into.clone(),
            free: self.free,
            first_names: self.first_names.clone(),
            started: record.created,
            since: record.changed,
        }
    }
}

fn first_names(manifest: &Manifest) -> Vec<String> {
    let files = manifest.entries().filter(|(_, entry)| entry.kind.is_file());
    files.take(FIRST_NAMES).map(|(_, entry)| display::shown_within(entry.path.as_str(), FIRST_NAME_LEN)).collect()
}
