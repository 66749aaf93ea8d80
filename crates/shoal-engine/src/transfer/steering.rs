//! What people do to transfers: offer, accept, decline, pause, resume, cancel, try again; and a receiver that asks once more.
//!
//! Each call changes what is wanted of a transfer and returns; the transfer's own task ([`super::send`], [`super::receive`]) acts
//! on it.

use super::{
    Consent, Direction, Outgoing, OutgoingContent, State, Transfer, added,
    live::{Control, Live},
    select, send,
    transfers::{Transfers, blocking, new_id, recording, state_text},
};
use crate::{
    Event, Trust,
    connection::Connection,
    error::{SendError, TransferError},
    store::{database::TransferRecord, disk, names},
    stream::SendStream,
};
use shoal_proto::{
    PeerId, display,
    message::{self, CloseCode, TransferId},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::SystemTime,
};

impl Transfers {
    /// Offers files or a text to each receiver.
    pub(crate) async fn offer(self: &Arc<Self>, outgoing: Outgoing) -> Result<Vec<Transfer>, SendError> {
        let prepared = match outgoing.content {
            OutgoingContent::Text(text) if text.len() <= message::MAX_TEXT => send::Prepared::text(text),
            OutgoingContent::Text(text) => {
                let id = new_id();
                let path = self.text_file(id, &text).map_err(|error| SendError::Store(error.to_string()))?;
                send::Prepared::scan(vec![path], self.database.clone(), self.cancel.clone()).await?
            }
            OutgoingContent::Paths(paths) => send::Prepared::scan(paths, self.database.clone(), self.cancel.clone()).await?,
        };
        let mut transfers = Vec::new();
        for peer in outgoing.to {
            transfers.push(self.begin_sending(&prepared, peer).await?);
        }
        Ok(transfers)
    }

    /// Offers it to one receiver.
    pub(super) async fn begin_sending(self: &Arc<Self>, prepared: &send::Prepared, peer: PeerId) -> Result<Transfer, SendError> {
        let record = prepared.record(new_id(), peer);
        let (this, kept, manifest) = (self.clone(), record.clone(), prepared.manifest.clone());
        blocking(move || this.database.add_transfer(&kept, manifest.as_ref(), None))
            .await
            .map_err(|error| SendError::Store(error.to_string()))?;
        let live = self.insert(Live::new(record, prepared.manifest.clone()).0);
        let picture = self.picture(&live);
        self.emit(Event::Offered(picture.clone()));
        self.tasks.spawn(send::run(self.clone(), live));
        Ok(picture)
    }

    /// A text too long for an offer, as a file that can be offered.
    fn text_file(&self, id: TransferId, text: &str) -> std::io::Result<PathBuf> {
        let folder = self.database.folder().join("texts").join(id.to_string());
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("text.txt");
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Takes an offer: checks the place, records the consent, then lets its task go on.
    pub(crate) async fn accept(self: &Arc<Self>, id: TransferId, consent: Consent) -> Result<(), TransferError> {
        self.take(id, consent, false).await.map(|_| ())
    }

    /// Takes an offer that fits the allowance of its device. `false`: a person is asked, who can also make room or choose a folder.
    pub(crate) async fn accept_unasked(self: &Arc<Self>, live: &Live) -> bool {
        if self.devices.allowance(live.peer).is_none() {
            return false;
        }
        self.take(live.id, Consent::default(), true).await.unwrap_or_else(|error| {
            tracing::warn!(transfer = %live.id, %error, "an offer within its allowance is not accepted: a person is asked");
            false
        })
    }

    /// `false`: it is more than its device may send unasked, and waits as before.
    async fn take(self: &Arc<Self>, id: TransferId, consent: Consent, unasked: bool) -> Result<bool, TransferError> {
        let live = self.live(id).ok_or_else(|| TransferError::NotFound(id.to_string()))?;
        let (record, manifest) = {
            let row = live.row();
            if !row.awaits_answer {
                return Err(wrong_state(&row.record, "accepted"));
            }
            (row.record.clone(), row.manifest.clone())
        };
        let is_for_a_person = record.is_for_a_person();
        let into = consent.into.clone().unwrap_or_else(|| self.inbox());
        let this = self.clone();
        // Taken first: who declines or accepts meanwhile comes too late.
        let answer = live.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(answer) = answer else { return Err(wrong_state(&live.row().record, "accepted")) };
        let accepted = match blocking(move || this.consent(record, manifest, &consent, into, unasked)).await {
            Ok(Some(accepted)) => accepted,
            refused => {
                *live.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
                return refused.map(|_| false);
            }
        };
        // What was asked for came from whoever has it, and what is added to a share from whoever may: that says nothing about them.
        if is_for_a_person {
            self.became_known(live.peer);
        }
        {
            let mut row = live.row();
            row.record = accepted.clone();
            row.awaits_answer = false;
            // It is recorded; many that wait for their turn must not hold it in memory.
            row.manifest = None;
        }
        // Told before the transfer's task goes on.
        self.emit(Event::Transfer(self.picture(&live)));
        if answer.send(()).is_err() {
            // The sender left in this very moment, and the offer with it. It is asked to offer again.
            self.start(accepted);
        }
        Ok(true)
    }

    /// The blocking part of a consent: pattern, folder, space, allowance, record. `None`: it is beyond the allowance.
    fn consent(
        &self,
        mut record: TransferRecord,
        manifest: Option<shoal_proto::Manifest>,
        consent: &Consent,
        into: PathBuf,
        unasked: bool,
    ) -> Result<Option<TransferRecord>, TransferError> {
        let peer = record.peer;
        let may_come = |entries: u32, bytes: u64| {
            if !unasked {
                return Ok(true);
            }
            // As it is now: it may have been taken back since the offer came.
            let Some(allowance) = self.devices.allowance(peer) else { return Ok(false) };
            self.database.spend(peer, entries, bytes, allowance, SystemTime::now()).map_err(recording)
        };
        record.replace = consent.replace;
        let Some(manifest) = manifest else {
            if !may_come(1, record.text.as_ref().map_or(0, String::len) as u64)? {
                return Ok(None);
            }
            self.database.add_transfer(&record, None, None).map_err(recording)?;
            return Ok(Some(record));
        };
        if let Some(bad) = consent.entries.iter().find(|range| range.is_empty() || range.end > manifest.len()) {
            return Err(TransferError::NoSuchEntry { name: display::shown(&record.name), entry: bad.end.saturating_sub(1) });
        }
        let selection = select::select(&manifest, &consent.only, &consent.entries)?;
        if selection.wanted.is_empty() {
            let globs = display::shown(&consent.only.join(" "));
            return Err(TransferError::NothingFits { name: display::shown(&record.name), globs });
        }
        let into = std::path::absolute(&into).unwrap_or(into);
        let target = added::target(&record, &into).map_err(|error| cannot_write(&into, &error))?;
        let needed = select::space_needed(&manifest, &selection.wanted, &target);
        let free = disk::free_space(&into).map_err(|error| cannot_write(&into, &error))?;
        if needed > free {
            return Err(TransferError::NoSpace { name: display::shown(&record.name), needed, free, into });
        }
        if !may_come(u32::try_from(selection.wanted.len()).unwrap_or(u32::MAX), selection.bytes)? {
            return Ok(None);
        }
        record.into = Some(into);
        record.files = selection.files;
        record.bytes = selection.bytes;
        record.accepted = true;
        // Before the first of them is written, so that every shortened name on the disk has its original.
        self.database.add_long_names(&names::shortened(&manifest)).map_err(recording)?;
        self.database.add_transfer(&record, Some(&manifest), Some(&selection.wanted)).map_err(recording)?;
        Ok(Some(record))
    }

    /// Accepting something from a device, or having something accepted by it, makes it known.
    pub(crate) fn became_known(&self, peer: PeerId) {
        if self.devices.trust(peer) == Trust::Stranger {
            self.devices.set_trust(peer, Trust::Known);
        }
    }

    pub(crate) fn decline(&self, id: TransferId) -> Result<(), TransferError> {
        let live = self.live(id).ok_or_else(|| TransferError::NotFound(id.to_string()))?;
        let mut row = live.row();
        let answer = live.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Without it somebody is just accepting it.
        let Some(answer) = answer.filter(|_| row.awaits_answer) else { return Err(wrong_state(&row.record, "declined")) };
        row.awaits_answer = false;
        // Dropping the sender declines.
        drop(answer);
        Ok(())
    }

    pub(crate) fn pause(&self, id: TransferId) -> Result<(), TransferError> {
        self.steer(id, Control::Pause, "paused")
    }

    pub(crate) fn resume(&self, id: TransferId) -> Result<(), TransferError> {
        self.steer(id, Control::Run, "resumed")
    }

    pub(crate) fn cancel(&self, id: TransferId) -> Result<(), TransferError> {
        if self.live(id).is_some_and(|live| live.row().awaits_answer) {
            return self.decline(id);
        }
        self.steer(id, Control::Cancel, "cancelled")
    }

    /// Transfers with these peers try now.
    pub(crate) fn wake(&self, with: impl Fn(PeerId) -> bool) {
        self.rows().values().filter(|live| with(live.peer)).for_each(|live| live.wake.notify_one());
    }

    /// A device is blocked or forgotten: nothing with it goes on.
    pub(crate) fn cancel_all_of(&self, peer: PeerId) {
        let of_peer: Vec<Arc<Live>> = self.rows().values().filter(|live| live.peer == peer).cloned().collect();
        for live in of_peer {
            // One that ends by itself meanwhile is none to cancel.
            let _ = self.cancel(live.id);
        }
    }

    fn steer(&self, id: TransferId, control: Control, verb: &'static str) -> Result<(), TransferError> {
        let Some(live) = self.live(id) else {
            let ended = self.database.transfer(id).map_err(recording)?;
            return Err(ended.map_or_else(|| TransferError::NotFound(id.to_string()), |record| wrong_state(&record, verb)));
        };
        if live.row().awaits_answer {
            return Err(wrong_state(&live.row().record, verb));
        }
        live.control.send_replace(control);
        live.wake.notify_one();
        Ok(())
    }

    /// Tries again what failed, or offers again what came to nothing.
    pub(crate) fn retry(self: &Arc<Self>, id: TransferId) -> Result<(), TransferError> {
        let _alone = self.taking_up();
        if let Some(live) = self.live(id) {
            return Err(wrong_state(&live.row().record, "tried again"));
        }
        let record = self.database.transfer(id).map_err(recording)?;
        let mut record = record.ok_or_else(|| TransferError::NotFound(id.to_string()))?;
        let may_be = match (record.direction, record.state) {
            (Direction::Receive, _) => return self.retry_receiving(record),
            (Direction::Send, State::Finished) => record.files_failed > 0,
            (Direction::Send, state) => matches!(state, State::Failed | State::Declined),
        };
        if !may_be {
            return Err(wrong_state(&record, "tried again"));
        }
        // What was never accepted is offered like new; to the rest the receiver has consented, and has it as over.
        let retry = record.accepted;
        record.files_failed = 0;
        self.start_again(record, retry)
    }

    fn retry_receiving(self: &Arc<Self>, mut record: TransferRecord) -> Result<(), TransferError> {
        let may_be = record.into.is_some() && matches!(record.state, State::Finished | State::Failed);
        let failures = if may_be { self.database.forget_failures(record.id).map_err(recording)? } else { 0 };
        if failures == 0 && record.state != State::Failed || !may_be {
            return Err(wrong_state(&record, "tried again"));
        }
        record.files_failed = 0;
        self.start_again(record, false)
    }

    fn start_again(self: &Arc<Self>, mut record: TransferRecord, retry: bool) -> Result<(), TransferError> {
        record.enter(State::Waiting);
        record.error = None;
        self.database.update_transfer(&record).map_err(recording)?;
        self.start_with(record, retry);
        Ok(())
    }

    /// The sender wants tried again what failed here. It was consented to, as a whole, so nobody is asked; what was cancelled or
    /// declined is not taken up.
    pub(crate) async fn retry_for_sender(self: &Arc<Self>, peer: PeerId, id: TransferId, mut send: SendStream) {
        let this = self.clone();
        let may_go_on = blocking(move || {
            let _alone = this.taking_up();
            if let Some(live) = this.live(id) {
                return live.direction == Direction::Receive && live.peer == peer;
            }
            let record = this.database.transfer(id).ok().flatten();
            let Some(record) = record.filter(|record| record.direction == Direction::Receive && record.peer == peer) else {
                return false;
            };
            // With nothing to try again it is as finished as the offer will be told.
            let is_whole = record.state == State::Finished && record.files_failed == 0;
            is_whole || this.may_receive_more(peer) && this.retry_receiving(record).is_ok()
        })
        .await;
        if may_go_on { send.finish() } else { send.refuse(CloseCode::UnknownTransfer) }
    }

    /// The receiver asks for an offer once more.
    pub(crate) async fn again(self: &Arc<Self>, connection: Connection, id: TransferId, mut send: SendStream) {
        if self.live(id).is_none() && !self.revive(id, connection.peer()).await {
            send.refuse(CloseCode::UnknownTransfer);
            return;
        }
        let Some(live) = self.live(id).filter(|live| live.direction == Direction::Send && live.peer == connection.peer()) else {
            send.refuse(CloseCode::UnknownTransfer);
            return;
        };
        if !self.may_send(&live, &connection) {
            // One that ends by itself meanwhile is none to cancel.
            let _ = self.cancel(id);
            return send.refuse(CloseCode::UnknownTransfer);
        }
        *live.preferred.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        live.wake.notify_one();
        send.finish();
    }

    /// Takes a finished sending up again for its receiver, who retries what failed.
    async fn revive(self: &Arc<Self>, id: TransferId, peer: PeerId) -> bool {
        let this = self.clone();
        blocking(move || {
            let _alone = this.taking_up();
            if this.live(id).is_some() {
                return true;
            }
            let record = this.database.transfer(id).ok().flatten().filter(|record| record.peer == peer);
            let Some(mut record) = record else { return false };
            // Out of a share, or by a ticket, it is asked for anew: the list may be long, and the right to it gone.
            let is_finished = record.direction == Direction::Send && record.state == State::Finished && !record.is_bound();
            if is_finished {
                record.enter(State::Interrupted);
                this.start(record);
            }
            is_finished
        })
        .await
    }
}

fn cannot_write(into: &Path, error: &impl std::fmt::Display) -> TransferError {
    TransferError::CannotWrite { into: into.to_owned(), reason: error.to_string() }
}

fn wrong_state(record: &TransferRecord, verb: &'static str) -> TransferError {
    TransferError::WrongState { name: display::shown(&record.name), verb, state: state_text(record.state) }
}
