//! Answering "let me see this": a list of one file, read as a fetch of it would be.

use super::{AnswerError, Places, Server};
use crate::{
    connection::Connection,
    share::table::Own,
    store::{
        database::Database,
        source::{Root, Roots},
    },
    stream::{SendStream, write_message},
    transfer::{
        live::Control,
        reader::{Fetching, Reader},
        serve::{Blocks, ServeError, write_blocks},
    },
};
use shoal_proto::{
    Entry, PieceIndex, RelativePath,
    codec::MAX_MESSAGE,
    manifest::{Builder, EntryIndex, EntryKind, Timestamp},
    message::{CloseCode, FetchItem},
    piece::pieces_with,
    share::{Read, Reading},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// Readings under way at once, of one peer and of everybody: each holds a few pieces in memory.
pub(super) const MAX_READING_PER_PEER: usize = 8;
pub(super) const MAX_READING: usize = 64;

/// A reader that takes nothing for so long loses its place; it asks again from where it stopped.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    pub(super) async fn read(&self, connection: &Connection, read: Read, send: &mut SendStream) -> Result<(), AnswerError> {
        let own = self.lease(connection, read.share)?;
        let _place = Places::take(&self.reading, connection.peer()).ok_or(AnswerError::TooMany)?;
        let database = self.transfers.database.clone();
        let Read { path, offset, len, .. } = read;
        let kept = own.kept.clone();
        // What its owner leaves out from now on ends, too.
        let mut rights = self.table.rights();
        let of_filter = path.clone();
        let left_out = async { while rights.changed().await.is_ok() && !kept.filter().leaves_out_path(&of_filter, false) {} };
        let (reading, reader) = self.work(move || open(&own, &path, database)).await?;
        write_message(send, &reading, MAX_MESSAGE).await?;
        let pieces = pieces_with(reading.size, offset..offset.saturating_add(len));
        let item = FetchItem::Pieces {
            entry: EntryIndex(0),
            first: PieceIndex(pieces.start),
            count: pieces.end - pieces.start,
            have: Vec::new(),
        };
        let blocks = Blocks::new(Arc::new(Mutex::new(reader)), Fetching::new(vec![item]));
        // Nobody pauses it.
        let control = watch::channel(Control::Run).1;
        let write = async {
            write_blocks(&self.transfers, control, blocks, send, Some(PATIENCE)).await?;
            // Megabytes may wait here to be sent. One who leaps elsewhere does not wait for them to pass.
            if timeout(PATIENCE, send.finish_unless_stopped()).await.is_err() {
                tracing::debug!("the end of a file is not taken");
            }
            Ok::<_, ServeError>(())
        };
        let written = tokio::select! {
            written = write => written,
            () = left_out => return Err(AnswerError::NotShared),
        };
        match written {
            Ok(()) => {}
            // The asker has enough, is gone, or forgot about it.
            Err(error) => {
                tracing::debug!(%error, "a file was not read to its end");
                send.refuse(CloseCode::Done);
            }
        }
        Ok(())
    }
}

/// The version of a file that is there now, and what reads it.
fn open(own: &Own, path: &RelativePath, database: Arc<Database>) -> Result<(Reading, Reader), AnswerError> {
    let kept = &*own.kept;
    let seen = kept.look_for(path)?;
    let size = seen.size.ok_or(AnswerError::NotShared)?;
    let name = path.file_name();
    let to = RelativePath::parse(name).map_err(|_| AnswerError::NotShared)?;
    let mut builder = Builder::default();
    let kind = EntryKind::File { size, executable: false, root: None };
    let entry = Entry { path: to, modified: Timestamp::from_nanos(seen.modified), kind };
    builder.push(&entry).map_err(|_| AnswerError::NotShared)?;
    let manifest = builder.finish().map_err(|_| AnswerError::NotShared)?;
    let root = Root { name: name.to_owned(), path: kept.beneath.real_path(path) };
    let roots = Roots::new(vec![root]).within(Some(kept.beneath.root().to_owned()));
    let reader = Reader::new(manifest, roots, database, Arc::default());
    Ok((Reading { size, modified: seen.modified }, reader))
}
