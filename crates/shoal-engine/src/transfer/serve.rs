//! Answers one fetch: reads and hashes what was offered on blocking threads, one block ahead of what is being written.

use super::{
    Direction,
    live::{Control, Live},
    send::roots,
    transfers::Transfers,
};
use crate::{
    connection::Connection,
    store::{
        database::Database,
        file_key::FileKey,
        source::{Offered, Roots, SourceError, SourceFile},
    },
    stream::SendStream,
    transfer::write::system_time,
};
use bytes::Bytes;
use shoal_proto::{
    Entry, Hash, Manifest, PieceIndex,
    codec::{self, MAX_FRAME_HEAD},
    manifest::EntryIndex,
    message::{CloseCode, Fetch, FetchItem, Frame, MAX_FETCH_HAVES, MAX_FETCH_ITEMS},
    piece,
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// Small files are packed into blocks of about this many bytes.
const BLOCK: usize = 256 * 1024;

/// A request for content may overtake the consent by this much: a lost packet or two.
const ACCEPT_WAIT: Duration = Duration::from_secs(5);

/// Entries and pieces looked at for one block, at most: what a request names may hold nothing to send.
const STEPS: usize = 4096;

/// Serves one fetch stream to its end.
pub(crate) async fn serve(transfers: Arc<Transfers>, connection: Connection, fetch: Fetch, mut send: SendStream) {
    let Fetch { transfer, items } = fetch;
    let haves = items.iter().map(|item| if let FetchItem::Pieces { have, .. } = item { have.len() } else { 0 });
    if items.len() > MAX_FETCH_ITEMS || haves.sum::<usize>() > MAX_FETCH_HAVES {
        return connection.close(CloseCode::Violation);
    }
    let live = transfers.live(transfer).filter(|live| live.direction == Direction::Send && live.peer == connection.peer());
    let offered = match live {
        Some(live) => accepted(&transfers, &live).await.map(|(manifest, sources)| (live, manifest, sources)),
        None => None,
    };
    let Some((live, manifest, sources)) = offered else {
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
    let reader = Reader::new(items, manifest, roots(sources), transfers.database.clone());
    if let Err(error) = write(&transfers, &live, reader, &mut send).await {
        tracing::debug!(%error, transfer = %live.id, "a fetch ended early");
        if matches!(error, ServeError::Cancelled) {
            send.refuse(CloseCode::UnknownTransfer);
        }
    }
}

/// What was offered, once it is accepted: consent comes before content, and what was not accepted is not read. That it is may
/// arrive a little later than the first request, on another stream.
async fn accepted(transfers: &Transfers, live: &Live) -> Option<(Manifest, Vec<(String, PathBuf)>)> {
    let mut accepted = live.accepted.subscribe();
    tokio::select! {
        () = transfers.cancel.cancelled() => return None,
        heard = tokio::time::timeout(ACCEPT_WAIT, accepted.wait_for(|accepted| *accepted)) => {
            heard.ok()?.ok()?;
        }
    }
    let row = live.row();
    Some((row.manifest.clone()?, row.record.sources.clone()))
}

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Write(#[from] quinn::WriteError),
    #[error("the transfer was given up")]
    Cancelled,
    #[error("the engine shuts down")]
    ShuttingDown,
}

async fn write(transfers: &Transfers, live: &Live, reader: Reader, send: &mut SendStream) -> Result<(), ServeError> {
    let mut control = live.control.subscribe();
    let mut ahead = tokio::task::spawn_blocking(move || reader.next());
    loop {
        let (block, reader) = match (&mut ahead).await {
            Ok(read) => read,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let more = reader.map(|reader| tokio::task::spawn_blocking(move || reader.next()));
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
        let mut block = Bytes::from(block);
        while !block.is_empty() {
            let write = async {
                let share = transfers.up.share(block.len()).await;
                send.write_chunk(block.split_to(share)).await
            };
            tokio::select! {
                () = transfers.cancel.cancelled() => return Err(ServeError::ShuttingDown),
                written = write => written?,
            }
        }
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

/// Reads what was asked for, in order.
struct Reader {
    items: std::vec::IntoIter<FetchItem>,
    current: Option<Current>,
    manifest: Manifest,
    roots: Roots,
    database: Arc<Database>,
    open: Option<Open>,
    /// Hashes that are not recorded yet.
    news: Vec<(PathBuf, FileKey, PieceIndex, Vec<Hash>)>,
    scratch: Vec<u8>,
}

/// How far the reader is in an item.
enum Current {
    Files { next: u32, end: u32 },
    Pieces { entry: EntryIndex, first: u32, next: u32, end: u32, have: Vec<Hash> },
    Root { entry: EntryIndex },
}

/// The file at hand.
struct Open {
    index: EntryIndex,
    size: u64,
    path: PathBuf,
    file: Result<SourceFile, SourceError>,
    known: BTreeMap<u32, Hash>,
    /// That it failed was said.
    said: bool,
}

impl Reader {
    fn new(items: Vec<FetchItem>, manifest: Manifest, roots: Roots, database: Arc<Database>) -> Self {
        Self {
            items: items.into_iter(),
            current: None,
            manifest,
            roots,
            database,
            open: None,
            news: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The next block of frames, and the reader for the one after it; none after the last.
    fn next(mut self) -> (Vec<u8>, Option<Self>) {
        let mut out = Vec::with_capacity(BLOCK + BLOCK / 4);
        let mut more = true;
        let mut steps = 0;
        while more && out.len() < BLOCK && steps < STEPS {
            more = self.step(&mut out);
            steps += 1;
        }
        if !more {
            put(&mut out, &Frame::End);
        }
        // Recorded before it is sent: whoever asks for the root afterwards finds every hash.
        if !self.news.is_empty()
            && let Err(error) = self.database.add_hashes(&self.news)
        {
            tracing::warn!(%error, "hashes are not kept: they will be made again");
        }
        self.news.clear();
        (out, more.then_some(self))
    }

    /// One file or piece. `false`: nothing is left.
    fn step(&mut self, out: &mut Vec<u8>) -> bool {
        match self.current.take() {
            None => {
                let Some(item) = self.items.next() else { return false };
                self.current = Some(match item {
                    FetchItem::Files { first, count } => Current::Files { next: first.0, end: first.0.saturating_add(count) },
                    FetchItem::Pieces { entry, first, count, have } => {
                        let end = first.0.saturating_add(count);
                        Current::Pieces { entry, first: first.0, next: first.0, end, have }
                    }
                    FetchItem::Root { entry } => Current::Root { entry },
                });
            }
            Some(Current::Files { next, end }) => {
                if next < end.min(self.manifest.len()) {
                    self.whole_file(EntryIndex(next), out);
                    self.current = Some(Current::Files { next: next + 1, end });
                }
            }
            Some(Current::Pieces { entry, first, next, end, have }) => {
                let found = self.manifest.entry(entry).filter(|found| found.kind.is_file());
                let Some(found) = found.filter(|found| next < end.min(piece::piece_count(found.kind.size()))) else {
                    return true;
                };
                let hint = have.get((next - first) as usize).copied();
                if self.piece(entry, &found, PieceIndex(next), hint, out) {
                    self.current = Some(Current::Pieces { entry, first, next: next + 1, end, have });
                }
            }
            Some(Current::Root { entry }) => self.root(entry, out),
        }
        true
    }

    fn whole_file(&mut self, index: EntryIndex, out: &mut Vec<u8>) {
        let entry = self.manifest.entry(index).filter(|entry| entry.kind.is_file());
        // Larger ones are asked for piece by piece.
        if let Some(entry) = entry.filter(|entry| piece::piece_count(entry.kind.size()) == 1) {
            self.piece(index, &entry, PieceIndex(0), None, out);
        }
    }

    /// One piece. `false`: the file failed.
    fn piece(&mut self, index: EntryIndex, entry: &Entry, piece: PieceIndex, have: Option<Hash>, out: &mut Vec<u8>) -> bool {
        self.turn_to(index, entry, have.is_some() || piece::piece_count(entry.kind.size()) > 1);
        let known = self.open.as_ref().and_then(|open| open.known.get(&piece.0)).copied();
        if have.is_some() && known == have && self.open.as_ref().is_some_and(|open| open.file.is_ok()) {
            put(out, &Frame::Same { entry: index, piece });
            return true;
        }
        let hash = match self.read(piece) {
            Ok(hash) => hash,
            Err(error) => {
                self.failed(index, &error, out);
                return false;
            }
        };
        if have == Some(hash) {
            put(out, &Frame::Same { entry: index, piece });
        } else {
            // Pieces are at most 4 MiB.
            let len = u32::try_from(self.scratch.len()).unwrap_or(u32::MAX);
            put(out, &Frame::Block { entry: index, piece, hash, len });
            out.extend_from_slice(&self.scratch);
        }
        true
    }

    fn root(&mut self, index: EntryIndex, out: &mut Vec<u8>) {
        let Some(entry) = self.manifest.entry(index).filter(|entry| entry.kind.is_file()) else { return };
        // Anew: other streams hashed some of it.
        self.open = None;
        self.turn_to(index, &entry, true);
        let size = entry.kind.size();
        let hashes = (0..piece::piece_count(size)).map(|piece| {
            let known = self.open.as_ref().and_then(|open| open.known.get(&piece)).copied();
            known.map_or_else(|| self.read(PieceIndex(piece)), Ok)
        });
        let hashes: Result<Vec<Hash>, SourceError> = hashes.collect();
        let root = hashes.map(|hashes| piece::fold(size, &hashes));
        match root {
            Ok(Some(root)) => put(out, &Frame::Root { entry: index, root }),
            Ok(None) => self.failed(index, &SourceError::Changed, out),
            Err(error) => self.failed(index, &error, out),
        }
    }

    /// Opens the file of an entry, unless it is the one at hand.
    fn turn_to(&mut self, index: EntryIndex, entry: &Entry, look_up: bool) {
        if self.open.as_ref().is_some_and(|open| open.index == index) {
            return;
        }
        let size = entry.kind.size();
        let file = self.roots.open(&entry.path, Offered { size, modified: system_time(entry.modified) });
        let path = match &file {
            Ok(file) => file.path().to_owned(),
            Err(_) => self.roots.real_path(&entry.path).unwrap_or_default(),
        };
        let mut known = BTreeMap::new();
        if let Ok(file) = file.as_ref()
            && look_up
        {
            let runs = self.database.hashes(&path, &file.key()).unwrap_or_else(|error| {
                tracing::warn!(%error, "known hashes are not used");
                Vec::new()
            });
            for (first, hashes) in runs {
                known.extend((first.0..).zip(hashes));
            }
        }
        self.open = Some(Open { index, size, path, file, known, said: false });
    }

    /// Reads a piece of the file at hand into `scratch`; the file must still be the version that was offered.
    fn read(&mut self, piece: PieceIndex) -> Result<Hash, SourceError> {
        let Some(open) = self.open.as_mut() else { return Err(SourceError::Gone) };
        let file = open.file.as_ref().map_err(Clone::clone)?;
        file.read_piece(piece, &mut self.scratch)?;
        file.unchanged()?;
        let hash = piece::hash_piece(open.size, piece, &self.scratch);
        if open.known.insert(piece.0, hash) != Some(hash) {
            self.news.push((open.path.clone(), file.key(), piece, vec![hash]));
        }
        Ok(hash)
    }

    fn failed(&mut self, index: EntryIndex, error: &SourceError, out: &mut Vec<u8>) {
        if let Some(open) = self.open.as_mut() {
            if std::mem::replace(&mut open.said, true) {
                return;
            }
            tracing::warn!(path = %open.path.display(), %error, "a file cannot be given");
        }
        put(out, &Frame::Failed { entry: index, reason: error.into() });
    }
}

fn put(out: &mut Vec<u8>, frame: &Frame) {
    if let Err(error) = codec::encode(frame, MAX_FRAME_HEAD, out) {
        // Every frame's head is some fifty bytes.
        tracing::error!(%error, "a frame was not written");
    }
}
