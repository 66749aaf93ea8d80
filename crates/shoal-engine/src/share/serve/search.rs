//! Answering a search: part by part, one share after another.

use super::{AnswerError, Server};
use crate::{
    connection::Connection,
    share::{index::Slice, table::Own},
    stream::{SendStream, write_message},
};
use shoal_proto::{
    codec::MAX_MESSAGE,
    share::{Few, Found, MAX_FOUND, Pattern, Search},
};
use std::sync::Arc;

impl Server {
    pub(super) async fn search(&self, connection: &Connection, search: Search, send: &mut SendStream) -> Result<(), AnswerError> {
        let mut shares: Vec<_> = self.table.visible(&self.asker(connection)).into_iter().map(|(own, _)| own).collect();
        if let Some(only) = search.share {
            shares.retain(|own| own.record.id == only);
            if shares.is_empty() {
                return Err(AnswerError::NotShared);
            }
        }
        let search = Arc::new(search);
        let mut left = search.limit.min(MAX_FOUND) as usize;
        let (mut more, mut complete) = (false, true);
        for own in shares {
            let mut next = Some(0);
            while let Some(from) = next.take().filter(|_| !more) {
                // It may not be shared with this peer any more.
                if self.lease(connection, own.record.id).is_err() {
                    break;
                }
                let Some((mut slice, whole)) = self.part(&own, &search, from).await else {
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
            Ok::<_, crate::share::index::IndexError>((own.kept.index.search(&pattern, &search, from)?, own.holds().is_some()))
        });
        part.await.map_err(|error| tracing::warn!(%error, "a share is not searched to its end")).ok()
    }
}
