//! The store as the micro-benchmarks drive it, with the feature `micro` only. Each call is what a transfer does, on a real disk.

use crate::{
    Direction,
    store::{
        commit::{Clash, Ready, commit_batch},
        database::{Checkpoint, Database, TransferRecord},
        file_key::FileKey,
        partial::{Partial, write_small},
        target::Target,
    },
};
use shoal_proto::{Hash, PeerId, PieceIndex, RangeSet, RelativePath, manifest::EntryIndex, message::TransferId};
use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The one large file that is received; small ones come after it.
const LARGE: EntryIndex = EntryIndex(0);

/// A data folder and a target for one transfer.
#[derive(Debug)]
pub struct Store {
    database: Database,
    target: Target,
    id: TransferId,
}

/// A file of several pieces on its way.
#[derive(Debug)]
pub struct Large {
    partial: Partial,
}

impl Large {
    /// Writes a piece, which was verified.
    ///
    /// # Errors
    /// The disk.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.partial.write_at(offset, bytes).map_err(io::Error::other)
    }

    /// What was written is on the disk.
    ///
    /// # Errors
    /// The disk.
    pub fn sync(&self) -> io::Result<()> {
        self.partial.sync().map_err(io::Error::other)
    }
}

impl Store {
    /// Begins a transfer in `folder`, which holds the database too.
    ///
    /// # Errors
    /// The disk.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let id = TransferId([7; 16]);
        let database = Database::open(folder).map_err(io::Error::other)?;
        let record = TransferRecord::new(id, Direction::Receive, PeerId::from_public_key([7; 32]), "bench".to_owned());
        database.add_transfer(&record, None, Some(&RangeSet::new())).map_err(io::Error::other)?;
        let target = Target::open(&folder.join("inbox"), id).map_err(io::Error::other)?;
        Ok(Self { database, target, id })
    }

    /// A file of `size` bytes that is to come.
    ///
    /// # Errors
    /// The disk.
    pub fn large(&self, size: u64) -> io::Result<Large> {
        let partial = Partial::open(&self.target, LARGE, &path("large.bin")?, size).map_err(io::Error::other)?;
        Ok(Large { partial })
    }

    /// Records pieces of the large file from `first` on as verified: what resuming starts from.
    ///
    /// # Errors
    /// The database.
    pub fn record(&self, first: PieceIndex, hashes: Vec<Hash>) -> io::Result<()> {
        let verified = [(LARGE, first, hashes)];
        let checkpoint = Checkpoint { verified: &verified, ..Checkpoint::default() };
        self.database.checkpoint(self.id, &checkpoint).map_err(io::Error::other)
    }

    /// Keeps the hash of the content of each of `files`, all of them of the version of the file `like`.
    ///
    /// # Errors
    /// The disk, the database.
    pub fn keep_content(&self, files: &[PathBuf], like: &Path) -> io::Result<FileVersion> {
        let key = FileKey::of(&std::fs::File::open(like)?)?;
        let runs: Vec<_> = files
            .iter()
            .map(|path| (path.clone(), key, PieceIndex(0), vec![Hash::of(path.as_os_str().as_encoded_bytes())]))
            .collect();
        self.database.add_hashes(&runs).map_err(io::Error::other)?;
        Ok(FileVersion(key))
    }

    /// How many pieces of a file are known, so that it need not be read.
    ///
    /// # Errors
    /// The database.
    pub fn look_up(&self, file: &Path, version: FileVersion) -> io::Result<usize> {
        let runs = self.database.hashes(file, &version.0).map_err(io::Error::other)?;
        Ok(runs.iter().map(|(_, hashes)| hashes.len()).sum())
    }

    /// Receives files with this content at these paths, in batches of `batch`: written, synced, named, folders synced.
    ///
    /// # Errors
    /// The disk.
    pub fn receive_small(&self, paths: &[RelativePath], content: &[u8], batch: usize) -> io::Result<()> {
        let modified = SystemTime::UNIX_EPOCH;
        let entries: Vec<(EntryIndex, &RelativePath)> = (1..).map(EntryIndex).zip(paths).collect();
        for entries in entries.chunks(batch) {
            let mut files = Vec::with_capacity(entries.len());
            for &(entry, path) in entries {
                let mut ready = Ready { entry, path, size: content.len() as u64, executable: false, modified, key: None };
                ready.key = Some(write_small(&self.target, &ready, content).map_err(io::Error::other)?);
                files.push(ready);
            }
            for placed in commit_batch(&self.target, &files, Clash::KeepBoth) {
                placed.map_err(io::Error::other)?;
            }
        }
        Ok(())
    }
}

/// What a file was when its content was kept.
#[derive(Debug, Clone, Copy)]
pub struct FileVersion(FileKey);

fn path(text: &str) -> io::Result<RelativePath> {
    RelativePath::parse(text).map_err(io::Error::other)
}
