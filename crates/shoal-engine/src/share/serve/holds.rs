//! Answering "which of these do you share with me?", and giving them: a content of its own, for this asker, for as long as it keeps the
//! question open and may see the share.

use super::{AnswerError, Server};
use crate::{
    connection::Connection,
    share::table::Own,
    store::{
        database::Database,
        file_key::FileKey,
        source::{Root, Roots},
    },
    stream::{SendStream, write_message},
    swarm::content::{Content, Source},
    transfer::{live::Control, reader::Reader, transfers::Transfers},
};
use shoal_proto::{
    Hash, Manifest, RangeSet, RelativePath,
    codec::MAX_MESSAGE,
    manifest::{Builder, EntryIndex, Timestamp},
    piece,
    share::Few,
    swarm::{
        Units,
        holdings::{self, Held, Holding, Holdings},
        message::{Mate, SwarmId},
    },
};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// A file that is asked for, in a share.
struct Found {
    /// Its place in the list.
    place: usize,
    path: RelativePath,
    modified: i64,
    /// Hashes of its pieces.
    layer: Vec<Hash>,
}

impl Server {
    pub(super) async fn holds(
        &self,
        connection: &Connection,
        holdings: Holdings,
        send: &mut SendStream,
    ) -> Result<(), AnswerError> {
        let visible = self.table.visible(&self.asker(connection));
        let list = holdings::manifest(&holdings).map_err(|_| AnswerError::NotShared)?;
        // One fetch of the same at a time: another has the files from others, or again later.
        let id = SwarmId { manifest: list.id(), origin: connection.peer() };
        if self.transfers.swarms.get(id).is_some() {
            return Err(AnswerError::TooMany);
        }
        let database = self.transfers.database.clone();
        let looking = holdings.clone();
        // Of several shares the one that has most: what is open is read beneath one folder.
        let found = self.work(move || {
            let of = |own: Arc<Own>| {
                let found = find(&own, &looking, &database);
                (own, found)
            };
            visible.into_iter().map(|(own, _)| of(own)).max_by_key(|(_, found)| found.len())
        });
        let Some((own, found)) = found.await.filter(|(_, found)| !found.is_empty()) else { return Err(AnswerError::NotShared) };
        let content = lend(&own, &list, &found, connection, &self.transfers).ok_or(AnswerError::TooLarge)?;
        let lent = Lent { content, transfers: self.transfers.clone() };
        // A list holds no more than 256.
        let places = found.iter().filter_map(|found| u16::try_from(found.place).ok()).collect::<Vec<_>>();
        write_message(send, &Held(Few::try_from(places).unwrap_or_default()), MAX_MESSAGE).await?;
        let (mut rights, kept) = (self.table.rights(), own.kept.clone());
        let left_out = async {
            let is_out = |found: &Found| kept.filter().leaves_out_path(&found.path, false);
            while rights.changed().await.is_ok() && self.lease(connection, own.record.id).is_ok() && !found.iter().any(is_out) {}
        };
        tokio::select! {
            _ = send.stopped() => {}
            () = left_out => {
                drop(lent);
                return Err(AnswerError::NotShared);
            }
        }
        Ok(())
    }
}

/// A content that is given while this lives.
struct Lent {
    content: Arc<Content>,
    transfers: Arc<Transfers>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.transfers.swarms.end(&self.content);
    }
}

/// What of a list is in a share, as it is now.
fn find(own: &Own, holdings: &Holdings, database: &Database) -> Vec<Found> {
    let in_share = |(place, holding): (usize, &Holding)| {
        let paths = own.kept.index.holding(holding.root, holding.size).unwrap_or_else(|error| {
            tracing::warn!(%error, "what is shared is not looked for by its hash");
            Vec::new()
        });
        paths.into_iter().find_map(|path| look(own, place, holding, path, database))
    };
    holdings.iter().enumerate().filter_map(in_share).collect()
}

/// The file is there, shown, and the version that was hashed.
fn look(own: &Own, place: usize, holding: &Holding, path: RelativePath, database: &Database) -> Option<Found> {
    let seen = own.kept.look_for(&path).ok().filter(|seen| seen.size == Some(holding.size))?;
    let key = FileKey::of(&own.kept.beneath.open_file(&path).ok()?).ok()?;
    let known = database.hashes(&own.kept.beneath.real_path(&path), &key).unwrap_or_default();
    let pieces = piece::piece_count(holding.size) as usize;
    let layer = known.into_iter().find(|(first, hashes)| first.0 == 0 && hashes.len() == pieces)?.1;
    let is_it = piece::fold(holding.size, &layer) == Some(holding.root);
    is_it.then_some(Found { place, path, modified: seen.modified, layer })
}

/// Begins to give what was found.
fn lend(own: &Own, list: &Manifest, found: &[Found], connection: &Connection, transfers: &Transfers) -> Option<Arc<Content>> {
    let units = Units::of(list)?;
    // The reader's own list: the same entries with the times that they have here.
    let mut builder = Builder::default();
    let mut roots = Vec::new();
    let mut files = found.iter().peekable();
    for (index, entry) in list.entries() {
        let here = files.next_if(|found| found.place == index.0 as usize);
        let modified = here.map_or(Timestamp::default(), |found| Timestamp::from_nanos(found.modified));
        builder.push(&shoal_proto::Entry { modified, ..entry.clone() }).ok()?;
        if let Some(found) = here {
            let path = own.kept.beneath.real_path(&found.path);
            roots.push(Root { name: entry.path.as_str().to_owned(), path });
        }
    }
    let roots = Roots::new(roots).within(Some(own.kept.beneath.root().to_owned()));
    let reader = Reader::new(builder.finish().ok()?, roots, transfers.database.clone(), Arc::default()).telling();
    let held: RangeSet =
        found.iter().filter_map(|found| Some(units.of_entry(EntryIndex(u32::try_from(found.place).ok()?)))).collect();
    let id = SwarmId { manifest: list.id(), origin: connection.peer() };
    let content = Content::new(id, list.clone(), units, held, Source::Offered(Mutex::new(reader)), None, transfers);
    for found in found {
        let Ok(place) = u32::try_from(found.place) else { continue };
        content.known.learn_layer(&content.manifest, &content.units, EntryIndex(place), &found.layer);
    }
    let mate = Mate { id: connection.peer(), addresses: Few::default() };
    content.admit(mate, watch::channel(Control::Run).1, None);
    transfers.swarms.begin(content.clone());
    Some(content)
}
