//! One batch: what a browser uploaded at once, and what became of it.

use super::{Handle, KEPT_AFTER, MAX_FILES, StagingError, UNSENT_FOR, make_private};
use data_encoding::BASE64URL_NOPAD;
use shoal_proto::{RelativePath, display, mapping::Rules, name::to_os};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

/// The content, in the batch's folder.
const CONTENT: &str = "content";

/// The transfers that send it, in the batch's folder: their ids, one a line.
const SENT: &str = "sent";

/// What a browser uploaded at once.
#[derive(Debug)]
pub(super) struct Batch {
    folder: PathBuf,
    tops: BTreeMap<String, Top>,
    files: u32,
    uploading: u32,
    /// When something was last done with it.
    used: Instant,
    /// Empty: not sent yet.
    transfers: Vec<String>,
}

#[derive(Debug)]
struct Top {
    handle: String,
    path: PathBuf,
    folder: bool,
    bytes: u64,
}

impl Batch {
    pub(super) fn make(root: &Path) -> io::Result<Self> {
        let folder = root.join(random());
        make_private(&folder.join(CONTENT))?;
        Ok(Self { folder, tops: BTreeMap::new(), files: 0, uploading: 0, used: Instant::now(), transfers: Vec::new() })
    }

    /// A batch that an earlier run sent; `None`: it was not sent, or cannot be read.
    pub(super) fn of_earlier_run(folder: &Path, now: Instant) -> Option<Self> {
        let sent = fs::read_to_string(folder.join(SENT)).ok()?;
        let transfers = sent.lines().map(str::to_owned).collect();
        Some(Self { folder: folder.to_owned(), tops: BTreeMap::new(), files: 0, uploading: 0, used: now, transfers })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn is_sent(&self) -> bool {
        !self.transfers.is_empty()
    }

    /// Makes room for one more file or folder. Returns where it goes.
    pub(super) fn begin(&mut self, path: &RelativePath, folder: bool) -> Result<PathBuf, StagingError> {
        if self.is_sent() {
            return Err(StagingError::Sent);
        }
        if self.files >= MAX_FILES {
            return Err(StagingError::TooManyFiles);
        }
        let names: Vec<_> = path.components().map(|name| to_os(&Rules::HERE.map(name).name)).collect();
        let (Some(top), Some(first)) = (path.components().next(), names.first()) else { return Err(StagingError::Unknown) };
        let folder = folder || names.len() > 1;
        let content = self.folder.join(CONTENT);
        if self.tops.get(top).is_some_and(|top| !(top.folder && folder)) {
            return Err(StagingError::Exists(display::shown(top)));
        }
        let new = || Top { handle: random(), path: content.join(first), folder, bytes: 0 };
        self.tops.entry(top.to_owned()).or_insert_with(new);
        (self.files, self.uploading, self.used) = (self.files + 1, self.uploading + 1, Instant::now());
        Ok(content.join(names.iter().collect::<PathBuf>()))
    }

    /// What was begun is whole, `bytes` of it; or came to nothing.
    pub(super) fn end(&mut self, path: &RelativePath, bytes: Option<u64>) -> Option<Handle> {
        (self.uploading, self.used) = (self.uploading.saturating_sub(1), Instant::now());
        let name = path.components().next()?;
        if bytes.is_none() {
            self.files = self.files.saturating_sub(1);
            // A file that is not there needs no handle; a folder may hold others.
            if self.tops.get(name).is_some_and(|top| !top.folder) {
                self.tops.remove(name);
            }
        }
        let bytes = bytes?;
        let top = self.tops.get_mut(name)?;
        top.bytes += bytes;
        Some(Handle { handle: top.handle.clone(), name: name.to_owned(), bytes: top.bytes, folder: top.folder })
    }

    pub(super) fn path_of(&self, handle: &str) -> Option<PathBuf> {
        self.tops.values().find(|top| top.handle == handle).map(|top| top.path.clone())
    }

    /// Nothing of it is still on its way here.
    pub(super) fn settled(&mut self, now: Instant) -> Result<(), StagingError> {
        self.used = now;
        if self.uploading == 0 { Ok(()) } else { Err(StagingError::Unfinished) }
    }

    pub(super) fn sent(&mut self, transfers: &[String], now: Instant) {
        self.transfers.extend_from_slice(transfers);
        self.used = now;
        if let Err(error) = fs::write(self.folder.join(SENT), self.transfers.join("\n")) {
            tracing::warn!(%error, "an upload that is on its way will be gone after a restart");
        }
    }

    /// It is uploaded or sent, or that is not long ago.
    pub(super) fn is_needed(&mut self, live: &BTreeSet<String>, now: Instant) -> bool {
        if self.uploading > 0 || self.transfers.iter().any(|id| live.contains(id)) {
            self.used = now;
        }
        let keep = if self.is_sent() { KEPT_AFTER } else { UNSENT_FOR };
        now.saturating_duration_since(self.used) < keep
    }
}

/// 128 random bits as a name.
fn random() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; 16]>())
}

#[cfg(test)]
impl Batch {
    /// As if it held as much as it may.
    pub(super) fn fill(&mut self) {
        self.files = MAX_FILES;
    }
}
