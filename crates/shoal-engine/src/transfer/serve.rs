//! Answers one fetch: has blocks read on blocking threads ([`super::reader`]), one ahead of what is being written.

use super::{
    Direction,
    live::{Control, Live},
    reader::{Fetching, Reader},
    send::roots,
    transfers::Transfers,
};
use crate::{connection::Connection, stream::SendStream};
use bytes::Bytes;
use shoal_proto::message::{CloseCode, Fetch, FetchItem, MAX_FETCH_HAVES, MAX_FETCH_ITEMS};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A request for content may overtake the consent by this much: a lost packet or two.
const ACCEPT_WAIT: Duration = Duration::from_secs(5);

/// Serves one fetch stream to its end.
pub(crate) async fn serve(transfers: Arc<Transfers>, connection: Connection, fetch: Fetch, mut send: SendStream) {
    let Fetch { transfer, items } = fetch;
    let haves = items.iter().map(|item| if let FetchItem::Pieces { have, .. } = item { have.len() } else { 0 });
    if items.len() > MAX_FETCH_ITEMS || haves.sum::<usize>() > MAX_FETCH_HAVES {
        return connection.close(CloseCode::Violation);
    }
    let live = transfers.live(transfer).filter(|live| live.direction == Direction::Send && live.peer == connection.peer());
    // Out of a share: as long as the peer may read that.
    let live = live.filter(|live| transfers.may_send(live, &connection));
    let offered = match live {
        Some(live) => accepted(&transfers, &live).await.map(|reader| (live, reader)),
        None => None,
    };
    let Some((live, reader)) = offered else {
        send.refuse(CloseCode::UnknownTransfer);
        return;
    };
    let Ok(_place) = live.fetches.try_acquire() else { return send.refuse(CloseCode::TooMany) };
    let turn = tokio::select! {
        () = transfers.cancel.cancelled() => return,
        _ = connection.closed() => return,
        turn = live.readers.acquire() => turn,
    };
    if turn.is_err() {
        return;
    }
    send.yield_to_others();
    let blocks = Blocks::new(reader, Fetching::new(items));
    if let Err(error) = write_blocks(&transfers, live.control.subscribe(), blocks, &mut send, None).await {
        tracing::debug!(%error, transfer = %live.id, "a fetch ended early");
        if matches!(error, ServeError::Cancelled) {
            send.refuse(CloseCode::UnknownTransfer);
        }
    }
}

/// The reader of what was offered, once it is accepted: consent comes before content, and what was not accepted is not read. That
/// it is may arrive a little later than the first request, on another stream.
async fn accepted(transfers: &Transfers, live: &Live) -> Option<Arc<Mutex<Reader>>> {
    let mut accepted = live.accepted.subscribe();
    tokio::select! {
        () = transfers.cancel.cancelled() => return None,
        heard = tokio::time::timeout(ACCEPT_WAIT, accepted.wait_for(|accepted| *accepted)) => {
            heard.ok()?.ok()?;
        }
    }
    let mut row = live.row();
    if row.reader.is_none() {
        let reader = Reader::new(row.manifest.clone()?, roots(&row.record), transfers.database.clone(), row.sent.clone());
        row.reader = Some(Arc::new(Mutex::new(reader)));
    }
    row.reader.clone()
}

/// What is left of a fetch, block by block.
pub(crate) struct Blocks {
    reader: Arc<Mutex<Reader>>,
    fetching: Fetching,
}

impl Blocks {
    pub(crate) fn new(reader: Arc<Mutex<Reader>>, fetching: Fetching) -> Self {
        Self { reader, fetching }
    }

    /// The next block, and what is left after it; none after the last.
    fn next(mut self) -> (Bytes, Option<Self>) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (block, more) = reader.next(&mut self.fetching);
        drop(reader);
        (block.into(), more.then_some(self))
    }
}

/// Why blocks were not written to their end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Write(#[from] quinn::WriteError),
    #[error("the transfer was given up")]
    Cancelled,
    #[error("the engine shuts down")]
    ShuttingDown,
    #[error("nobody reads it")]
    Stalled,
}

/// Writes blocks to a stream and ends it, at the rate that is set. `patience`: how long the other end may take none of it.
pub(crate) async fn write_blocks(
    transfers: &Transfers,
    mut control: watch::Receiver<Control>,
    blocks: Blocks,
    send: &mut SendStream,
    patience: Option<Duration>,
) -> Result<(), ServeError> {
    let mut ahead = tokio::task::spawn_blocking(move || blocks.next());
    loop {
        let (block, blocks) = match (&mut ahead).await {
            Ok(read) => read,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let more = blocks.map(|blocks| tokio::task::spawn_blocking(move || blocks.next()));
        // A receiver that keeps asking although it was told to pause waits here.
        let go_on = control.wait_for(|control| *control != Control::Pause);
        let wanted = tokio::select! {
            () = transfers.cancel.cancelled() => return Err(ServeError::ShuttingDown),
            // The sender of the value lives in `live`.
            wanted = go_on => wanted.map_or(Control::Cancel, |control| *control),
        };
        if wanted == Control::Cancel {
            return Err(ServeError::Cancelled);
        }
        write_block(transfers, block, send, patience).await?;
        match more {
            Some(more) => ahead = more,
            None => {
                // Everything was written; whether it arrives shows elsewhere.
                send.finish();
                return Ok(());
            }
        }
    }
}

/// Writes one block at the rate that is set. `patience` as above.
pub(crate) async fn write_block(
    transfers: &Transfers,
    mut block: Bytes,
    send: &mut SendStream,
    patience: Option<Duration>,
) -> Result<(), ServeError> {
    while !block.is_empty() {
        let write = async {
            let share = transfers.up.share(block.len()).await;
            send.write_chunk(block.split_to(share)).await
        };
        let stalled = async {
            match patience {
                Some(patience) => tokio::time::sleep(patience).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = transfers.cancel.cancelled() => return Err(ServeError::ShuttingDown),
            written = write => written?,
            () = stalled => return Err(ServeError::Stalled),
        }
    }
    Ok(())
}
