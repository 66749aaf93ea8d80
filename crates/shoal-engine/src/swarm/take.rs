//! The taker's end of one unit's stream: asks for it, and hands what comes to the writer. Nothing is trusted: what comes from others than the
//! origin has to be what the origin said.

use super::{content::Content, looked_for::LookedFor};
use crate::{
    connection::Connection,
    store::disk::DiskError,
    stream::{RecvStream, SendStream, StreamError},
    transfer::{
        asked::Asked,
        fetch::{FetchError, Fetcher, room_for},
        incoming::Incoming,
        transfers::blocking,
        write::{Arrived, lock},
    },
};
use shoal_proto::{
    Hash, PeerId,
    manifest::{EntryIndex, EntryKind},
    message::{CloseCode, FetchItem, Frame, Request},
    piece,
    swarm::{
        Unit,
        message::{Given, Take, Want},
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// A giver that promised a unit and gives nothing of it for so long is asked no more.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a request for a unit ended.
#[derive(Debug)]
pub(crate) enum TakeEnd {
    /// It is on its way to the disk: the writer says what came of it.
    Came,
    /// The giver cannot give this one.
    Lacks(u32),
    /// Its turn is over.
    Waits,
    /// The connection, or its patience.
    Gone,
    /// What came is not what was asked for, or not what it has to be.
    Wrong,
    /// This end cannot go on.
    Stuck(FetchError),
}

/// A giver begins to send this unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Granted {
    pub(crate) peer: PeerId,
    /// The request that it answers.
    pub(crate) request: u64,
    pub(crate) unit: u32,
}

/// One request.
pub(crate) struct Taken {
    pub(crate) fetcher: Arc<Fetcher>,
    pub(crate) content: Arc<Content>,
    /// What the content is of the transfer; `None`: all of it.
    pub(crate) looked_for: Option<Arc<LookedFor>>,
    pub(crate) connection: Connection,
    pub(crate) request: u64,
    pub(crate) want: Want,
    pub(crate) granted: mpsc::UnboundedSender<Granted>,
    /// Bytes of the longest unit.
    pub(crate) longest: u32,
    /// Set whenever something came.
    pub(crate) flowed: Arc<AtomicBool>,
}

impl Taken {
    /// Carries it to its end.
    pub(crate) async fn run(self) -> TakeEnd {
        match self.take().await {
            Ok(end) => end,
            Err(FetchError::Stream(error)) if error.close_code() == Some(CloseCode::TooMany) => TakeEnd::Waits,
            Err(FetchError::Stream(error)) if error.close_code() == Some(CloseCode::NotShared) => match self.want {
                Want::Unit(unit) => TakeEnd::Lacks(unit),
                Want::Any(_) => TakeEnd::Gone,
            },
            Err(FetchError::Stream(error)) if error.is_violation() => TakeEnd::Wrong,
            Err(FetchError::Stream(error)) => {
                tracing::debug!(%error, peer = %self.connection.peer(), "a unit does not come");
                TakeEnd::Gone
            }
            Err(FetchError::Violation) => TakeEnd::Wrong,
            Err(error) => TakeEnd::Stuck(error),
        }
    }

    async fn take(&self) -> Result<TakeEnd, FetchError> {
        let expected_len = match self.want {
            Want::Unit(unit) => self.content.units.get(unit).map_or(0, |unit| unit.bytes()),
            Want::Any(_) => self.longest,
        };
        // Before it is asked for: what is not read would keep everything else on its connection waiting.
        let needed = expected_len / 1024 + shoal_proto::swarm::units::UNIT_ENTRIES;
        let room = self.fetcher.room.clone().acquire_many_owned(needed).await.map_err(|_| FetchError::WriterGone)?;
        let take = Take { swarm: self.content.id, want: self.want.clone() };
        let (mut send, recv) = self.connection.open_request(&Request::Take(take)).await?;
        send.finish();
        let _under_way = self.fetcher.begin();
        self.answer(send, recv, room).await
    }

    async fn answer(&self, _send: SendStream, recv: RecvStream, mut room: OwnedSemaphorePermit) -> Result<TakeEnd, FetchError> {
        let peer = self.connection.peer();
        let mut incoming = Incoming::watched(recv, self.fetcher.transfers.clone(), self.flowed.clone());
        let Given(number) = incoming.message().await?;
        let Some(unit) = self.content.units.get(number) else { return Err(FetchError::Violation) };
        if matches!(self.want, Want::Unit(wanted) if wanted != number) {
            return Err(FetchError::Violation);
        }
        // The receiver of these lives as long as this task may.
        let _ = self.granted.send(Granted { peer, request: self.request, unit: number });
        let is_origin = peer == self.content.id.origin;
        let expected = self.expected(number, unit);
        // What nobody can vouch for is not taken.
        if expected.is_none() && !is_origin {
            return Ok(TakeEnd::Lacks(number));
        }
        self.receive(unit, number, &mut incoming, &mut room, expected).await
    }

    async fn receive(
        &self,
        unit: Unit,
        number: u32,
        incoming: &mut Incoming,
        room: &mut OwnedSemaphorePermit,
        expected: Option<BTreeMap<u32, Hash>>,
    ) -> Result<TakeEnd, FetchError> {
        let peer = self.connection.peer();
        let is_origin = peer == self.content.id.origin;
        let wanted = self.prepare(unit).await?;
        let mut asked = Asked::new(&self.items(unit));
        let (mut hashes, mut failed) = (Vec::new(), false);
        loop {
            let frame = tokio::time::timeout(PATIENCE, incoming.frame()).await.map_err(|_| StreamError::ClosedHere)??;
            if !asked.answered(&frame) {
                return Err(FetchError::Violation);
            }
            match frame {
                Frame::Block { entry, piece, hash, len } => {
                    let range = self.content.manifest.entry(entry).and_then(|found| piece::piece_range(found.kind.size(), piece));
                    if range.is_none_or(|range| range.end - range.start != u64::from(len)) {
                        return Err(FetchError::Violation);
                    }
                    if expected.as_ref().is_some_and(|expected| expected.get(&entry.0) != Some(&hash)) {
                        return Ok(TakeEnd::Wrong);
                    }
                    hashes.push(hash);
                    let content = incoming.content(len as usize);
                    let bytes = tokio::time::timeout(PATIENCE, content).await.map_err(|_| StreamError::ClosedHere)??;
                    if wanted.contains(&entry.0) {
                        let room = room.split(room_for(u64::from(len)) as usize);
                        self.hand_over(
                            Arrived::Block {
                                entry: self.entry(entry),
                                piece,
                                hash,
                                bytes,
                                from: (!is_origin).then_some((peer, number)),
                            },
                            room,
                        )
                        .await?;
                    }
                }
                Frame::Failed { entry, reason } if is_origin => {
                    failed = true;
                    self.hand_over(Arrived::Failed { entry, reason: reason.into() }, None).await?;
                }
                Frame::Failed { .. } => return Ok(TakeEnd::Lacks(number)),
                Frame::Same { .. } | Frame::Root { .. } => return Err(FetchError::Violation),
                Frame::End => break,
            }
        }
        if is_origin && !failed && expected.is_none() {
            self.content.known.learn(&self.content.manifest, &self.content.units, number, &hashes);
        }
        self.hand_over(Arrived::Unit { from: (peer, number), is_whole: !failed }, None).await?;
        Ok(TakeEnd::Came)
    }

    /// Makes the unit's folders, and says which of its entries are wanted.
    async fn prepare(&self, unit: Unit) -> Result<Vec<u32>, FetchError> {
        let shared = self.fetcher.shared.clone();
        let wanted: Vec<u32> = {
            let mut plan = lock(&shared.plan);
            if let Unit::Piece { entry, .. } = unit {
                plan.open_file(self.entry(entry));
            }
            let is_open = |entry: EntryIndex| plan.wanted().contains(entry.0) && !plan.settled().contains(entry.0);
            unit.entries().filter(|entry| is_open(self.entry(EntryIndex(*entry)))).collect()
        };
        let manifest = &self.content.manifest;
        let is_folder = |entry: &u32| manifest.entry(EntryIndex(*entry)).is_some_and(|found| found.kind == EntryKind::Folder);
        let folders: Vec<u32> =
            if matches!(unit, Unit::Piece { .. }) { Vec::new() } else { wanted.iter().copied().filter(is_folder).collect() };
        if !folders.is_empty() {
            let entries = folders.clone();
            let made = blocking(move || {
                for entry in entries {
                    let Some(found) = shared.manifest.entry(EntryIndex(entry)) else { continue };
                    match shared.target.folder(&found.path) {
                        Err(error) if error.is_obstacle() => return Err(error),
                        // The files in it fail, each with its reason.
                        Err(error) => tracing::warn!(%error, "a folder is not made"),
                        Ok(_) => {}
                    }
                }
                Ok::<_, DiskError>(())
            });
            made.await?;
            for entry in folders {
                self.hand_over(Arrived::Folder { entry: EntryIndex(entry) }, None).await?;
            }
        }
        Ok(wanted)
    }

    /// An entry of the content, in the transfer.
    fn entry(&self, entry: EntryIndex) -> EntryIndex {
        self.looked_for.as_ref().map_or(entry, |looked_for| looked_for.entry(entry))
    }

    /// What has to be answered: folders are not.
    fn items(&self, unit: Unit) -> Vec<FetchItem> {
        let Unit::Entries { first, count, .. } = unit else { return vec![unit.item()] };
        let entries = self.content.manifest.entries_from(first).take(count as usize);
        let files = entries.filter(|(_, entry)| entry.kind.is_file());
        files.map(|(first, _)| FetchItem::Files { first, count: 1 }).collect()
    }

    /// What the origin said that the unit's files are, by entry; of a piece of several, that piece.
    fn expected(&self, number: u32, unit: Unit) -> Option<BTreeMap<u32, Hash>> {
        let hashes = self.content.known.get(number)?;
        Some(match unit {
            Unit::Piece { entry, .. } => hashes.iter().map(|hash| (entry.0, *hash)).collect(),
            Unit::Entries { first, count, .. } => {
                let entries = self.content.manifest.entries_from(first).take(count as usize);
                let files = entries.filter(|(_, entry)| entry.kind.is_file()).map(|(index, _)| index.0);
                files.zip(hashes.iter().copied()).collect()
            }
        })
    }

    async fn hand_over(&self, arrived: Arrived, room: Option<OwnedSemaphorePermit>) -> Result<(), FetchError> {
        self.fetcher.queue.send((arrived, room)).await.map_err(|_| FetchError::WriterGone)
    }
}
