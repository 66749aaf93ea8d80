//! Answering a search: part by part, one share after another.

use super::{AnswerError, Server};
use crate::{
    connection::Connection,
    share::{
        index::{IndexError, Slice},
        table::Own,
    },
    stream::{SendStream, write_message},
};
use shoal_proto::{
    codec::MAX_MESSAGE,
    share::{Few, Found, ItemKind, MAX_FOUND, Pattern, Search},
};
use std::sync::Arc;

impl Server {
    pub(super) async fn search(&self, connection: &Connection, search: Search, send: &mut SendStream) -> Result<(), AnswerError> {
        // Before it is looked what is shared, so that no change is missed.
        let mut rights = self.table.rights();
        let mut shares: Vec<_> = self.table.visible(&self.asker(connection)).into_iter().map(|(own, _)| own).collect();
        if let Some(only) = search.share {
            shares.retain(|own| own.record.id == only);
            if shares.is_empty() {
                return Err(AnswerError::NotShared);
            }
        }
        let ids: Vec<_> = shares.iter().map(|own| own.record.id).collect();
        let revoked = async {
            // The sender lives in the table.
            while rights.changed().await.is_ok() && ids.iter().all(|id| self.lease(connection, *id).is_ok()) {}
        };
        tokio::select! {
            biased;
            // What waits for a slow reader is not sent any more.
            () = revoked => Err(AnswerError::NotShared),
            searched = self.search_in(&shares, search, send) => searched,
        }
    }

    /// Searches shares to their ends.
    async fn search_in(&self, shares: &[Arc<Own>], search: Search, send: &mut SendStream) -> Result<(), AnswerError> {
        let search = Arc::new(search);
        let mut left = search.limit.min(MAX_FOUND) as usize;
        let (mut more, mut complete) = (false, true);
        for own in shares {
            let mut next = Some(0);
            while let Some(from) = next.take().filter(|_| !more) {
                let Some((mut slice, whole)) = self.part(own, &search, from).await else {
                    complete = false;
                    break;
                };
                complete &= whole;
                more = slice.hits.len() > left;
                slice.hits.truncate(left);
                left -= slice.hits.len();
                next = slice.next;
                if slice.hits.is_empty() {
                    continue;
                }
                let hits = Few::try_from(slice.hits).map_err(|_| AnswerError::TooMany)?;
                let part = Found::Hits { share: own.record.id, name: own.name.clone(), hits };
                write_message(send, &part, MAX_MESSAGE).await?;
            }
        }
        Ok(write_message(send, &Found::End { more, complete }, MAX_MESSAGE).await?)
    }

    /// A part, and whether the share was read to its end.
    async fn part(&self, own: &Arc<Own>, search: &Arc<Search>, from: i64) -> Option<(Slice, bool)> {
        let (own, search) = (own.clone(), search.clone());
        let part = self.work(move || {
            let pattern = Pattern::new(&search.text, search.matching);
            let mut slice = own.kept.index.search(&pattern, &search, from)?;
            // The index follows another filter only when everything was read again.
            let filter = own.kept.filter();
            slice.hits.retain(|hit| !filter.leaves_out_path(&hit.path, matches!(hit.kind, ItemKind::Folder(_))));
            Ok::<_, IndexError>((slice, own.holds().is_some()))
        });
        part.await.map_err(|error| tracing::warn!(%error, "a share is not searched to its end")).ok()
    }
}
