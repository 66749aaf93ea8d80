//! Answering "offer me this": the list of what was asked for, as the disk has it now, becomes an ordinary sending.

use super::{AnswerError, Server};
use crate::{
    connection::Connection,
    share::{kept::Kept, table::Own},
    store::beneath::{Inside, Seen},
    transfer::{send::Prepared, shared::SharedOffer},
};
use shoal_proto::{
    Entry, Hash, Manifest, RelativePath,
    manifest::{Builder, EntryKind, ManifestError, Timestamp},
    share::Get,
};
use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

impl Server {
    pub(super) async fn get(&self, connection: &Connection, get: Get) -> Result<(), AnswerError> {
        let own = self.lease(connection, get.share)?;
        let transfer = get.transfer;
        // A place of its own: it may take long. Never closed.
        let place = self.walking.clone().acquire_owned().await.ok();
        let wanted = Wanted::default();
        let flag = wanted.0.clone();
        let prepared = crate::transfer::transfers::blocking(move || {
            let _place = place;
            prepare(&own, &get, &flag)
        });
        let prepared = prepared.await?;
        match self.transfers.offer_shared(transfer, connection.peer(), prepared).await {
            Ok(SharedOffer::Made) => Ok(()),
            Ok(SharedOffer::Busy) => Err(AnswerError::TooMany),
            Ok(SharedOffer::TooLarge) => Err(AnswerError::TooLarge),
            Err(error) => {
                tracing::error!(%error, "what was asked for cannot be offered");
                Err(AnswerError::TooMany)
            }
        }
    }
}

/// True as long as somebody waits for the list.
#[derive(Debug)]
struct Wanted(Arc<AtomicBool>);

impl Default for Wanted {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
enum ListingError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl From<ListingError> for AnswerError {
    fn from(error: ListingError) -> Self {
        match error {
            ListingError::Io(_) => Self::NotShared,
            ListingError::Manifest(_) => Self::TooLarge,
        }
    }
}

/// What was asked for.
fn prepare(own: &Own, get: &Get, wanted: &AtomicBool) -> Result<Prepared, AnswerError> {
    let kept = &*own.kept;
    let inside = kept.open(get.folder.as_ref())?;
    let mut walk = Walk { kept, wanted, builder: Builder::default() };
    let mut sources: Vec<(String, PathBuf)> = Vec::new();
    if get.names.is_empty() {
        let name = get.folder.as_ref().map_or(own.name.as_str(), RelativePath::file_name).to_owned();
        let real = get.folder.as_ref().map_or_else(|| kept.beneath.root().to_owned(), |path| kept.beneath.real_path(path));
        let top = top(&name)?;
        let modified = inside.modified()?;
        walk.folder(&inside, get.folder.as_ref(), &top, modified)?;
        sources.push((name, real));
    } else {
        let mut names: Vec<&str> = get.names.iter().map(|name| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let hashed = walk.hashed(get.folder.as_ref());
        for name in names {
            let path = match &get.folder {
                Some(folder) => folder.join(name),
                None => RelativePath::parse(name),
            };
            let path = path.map_err(|_| AnswerError::NotShared)?;
            let seen = kept.look_in(&inside, &path);
            walk.entry(&inside, &path, &top(name)?, seen.ok_or(AnswerError::NotShared)?, &hashed)?;
            sources.push((name.to_owned(), kept.beneath.real_path(&path)));
        }
    }
    let manifest: Manifest = walk.builder.finish().map_err(ListingError::from)?;
    let name = match sources.as_slice() {
        [(first, _)] => first.clone(),
        [(first, _), rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => return Err(AnswerError::NotShared),
    };
    Ok(Prepared::shared(name, manifest, sources, own.record.id, kept.beneath.root().to_owned()))
}

fn top(name: &str) -> Result<RelativePath, AnswerError> {
    RelativePath::parse(name).map_err(|_| AnswerError::NotShared)
}

impl From<io::Error> for AnswerError {
    fn from(_: io::Error) -> Self {
        Self::NotShared
    }
}

/// Walks what was asked for, in the order of manifests.
struct Walk<'a> {
    kept: &'a Kept,
    wanted: &'a AtomicBool,
    builder: Builder,
}

/// Large files of one folder whose hashes are known: size, time of change and hash, by name.
type Hashed = HashMap<String, (u64, i64, Hash)>;

impl Walk<'_> {
    /// Whoever is told what a file is finds it elsewhere, too.
    fn hashed(&self, folder: Option<&RelativePath>) -> Hashed {
        let known = self.kept.index.hashed_in(folder).unwrap_or_else(|error| {
            tracing::warn!(%error, "known hashes are not told");
            Vec::new()
        });
        known.into_iter().map(|(name, size, modified, hash)| (name, (size, modified, hash))).collect()
    }

    /// Something that is there: `path` in the share, `to` in the list.
    fn entry(
        &mut self,
        inside: &Inside,
        path: &RelativePath,
        to: &RelativePath,
        seen: Seen,
        hashed: &Hashed,
    ) -> Result<(), ListingError> {
        match seen.size {
            Some(size) => {
                let known = hashed.get(path.file_name()).filter(|known| (known.0, known.1) == (size, seen.modified));
                let root = known.map(|(_, _, hash)| *hash);
                let kind = EntryKind::File { size, executable: seen.executable, root };
                Ok(self.builder.push(&Entry { path: to.clone(), modified: Timestamp::from_nanos(seen.modified), kind })?)
            }
            None => {
                let below = inside.enter(path.file_name())?;
                self.folder(&below, Some(path), to, seen.modified)
            }
        }
    }

    fn folder(
        &mut self,
        inside: &Inside,
        path: Option<&RelativePath>,
        to: &RelativePath,
        modified: i64,
    ) -> Result<(), ListingError> {
        if !self.wanted.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::Interrupted).into());
        }
        self.builder.push(&Entry { path: to.clone(), modified: Timestamp::from_nanos(modified), kind: EntryKind::Folder })?;
        let mut entries = Vec::new();
        self.kept.each_in(inside, path, &mut |name, seen| entries.push((name.to_owned(), seen)))?;
        let hashed = self.hashed(path);
        for (name, seen) in entries {
            let from = path.map_or_else(|| RelativePath::parse(&name), |path| path.join(&name));
            // What is too deep to travel is left out, as in other sendings.
            let (Ok(from), Ok(to)) = (from, to.join(&name)) else { continue };
            match self.entry(inside, &from, &to, seen, &hashed) {
                // It went, or became a link, since it was seen; or its owner may not read it.
                Err(ListingError::Io(error)) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::debug!(%error, "something shared is left out");
                }
                done => done?,
            }
        }
        Ok(())
    }
}
