//! The past of transfers: what was sent of them, and leaving the history.

use super::{
    Direction, State, added,
    live::Live,
    sent::Sent,
    transfers::{Transfers, blocking, recording, state_text},
};
use crate::{Event, error::TransferError, store::database::TransferRecord};
use shoal_proto::{display, message::TransferId};
use std::sync::{Arc, PoisonError};

impl Transfers {
    /// Takes an ended transfer out of the history.
    pub(crate) async fn forget(self: &Arc<Self>, id: TransferId) -> Result<(), TransferError> {
        let this = self.clone();
        blocking(move || {
            // A retry in this very moment would go on with a transfer that is not recorded.
            let _alone = this.taking_up();
            let live = this.live(id).map(|live| live.row().record.clone());
            let record = match live {
                Some(record) => Some(record),
                None => this.database.transfer(id).map_err(recording)?,
            };
            let record = record.ok_or_else(|| TransferError::NotFound(id.to_string()))?;
            if !record.state.is_over() {
                let name = display::shown(&record.name);
                return Err(TransferError::WrongState { name, state: state_text(record.state), verb: "forgotten" });
            }
            this.forget_ended(&record)
        })
        .await
    }

    /// Takes every ended transfer out of the history.
    pub(crate) async fn clear_history(self: &Arc<Self>) -> Result<(), TransferError> {
        let this = self.clone();
        blocking(move || {
            let _alone = this.taking_up();
            let records = this.database.transfers().map_err(recording)?;
            let ended = records.iter().filter(|record| record.state.is_over());
            ended.into_iter().try_for_each(|record| this.forget_ended(record))
        })
        .await
    }

    fn forget_ended(&self, record: &TransferRecord) -> Result<(), TransferError> {
        if let (Direction::Receive, State::Failed, Some(into)) = (record.direction, record.state, &record.into) {
            // Kept until now for a retry. A drive that is gone keeps them; they are hidden and marked with the transfer's id.
            if let Err(error) = added::target(record, into).and_then(|target| target.remove_partials()) {
                tracing::warn!(%error, "partial files are left behind");
            }
        }
        self.database.remove_transfer(record.id).map_err(recording)?;
        self.forget_outline(record.id);
        self.emit(Event::TransferGone(record.id));
        Ok(())
    }

    /// Takes up what was sent in earlier sessions.
    pub(super) fn restore_sent(&self, live: &Live) {
        match self.database.kept(live.id) {
            Ok(kept) => *live.row().sent.lock().unwrap_or_else(PoisonError::into_inner) = Sent::from(kept),
            Err(error) => tracing::warn!(transfer = %live.id, %error, "which files were sent before is not known"),
        }
    }

    /// Keeps what was sent. Lost in a crash, files are shown as waiting that were sent, until the transfer ends.
    pub(super) fn keep_sent(&self, live: &Live) {
        let sent = live.row().sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(error) = self.database.set_sent(live.id, &sent.whole, &sent.failed) {
            tracing::warn!(transfer = %live.id, %error, "which files were sent is not recorded");
        }
    }

    /// See [`super::entries`].
    pub(crate) fn expire_outlines(&self) {
        self.outlines.expire();
    }
}
