//! One file on its way from a browser to the staging folder. What is not finished leaves nothing behind.

use super::{Handle, Staging, StagingError, disk, make_private};
use shoal_proto::{RelativePath, display};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Upload {
    staging: Staging,
    batch: String,
    path: RelativePath,
    place: PathBuf,
    /// `None` for a folder, and when the file is closed.
    file: Option<File>,
    len: u64,
    /// Bytes reserved and not written.
    left: u64,
    ended: bool,
}

impl Upload {
    /// Makes the file or folder; `place` and `len` are accounted for already.
    pub(super) fn begin(
        staging: Staging,
        batch: String,
        path: &RelativePath,
        (place, folder): (PathBuf, bool),
        len: u64,
    ) -> Result<Self, StagingError> {
        let mut upload = Self { staging, batch, path: path.clone(), place, file: None, len, left: len, ended: false };
        let made = if folder { make_private(&upload.place) } else { upload.make_file() };
        match made {
            Ok(()) => Ok(upload),
            Err(error) => Err(upload.failed(error)),
        }
    }

    fn make_file(&mut self) -> io::Result<()> {
        if let Some(parent) = self.place.parent() {
            make_private(parent)?;
        }
        self.file = Some(File::create_new(&self.place)?);
        Ok(())
    }

    /// Writes the next bytes. Blocks.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StagingError> {
        let count = bytes.len() as u64;
        let Some(file) = self.file.as_mut().filter(|_| count <= self.left) else {
            return Err(StagingError::Incomplete(display::shown(self.path.file_name())));
        };
        if let Err(error) = file.write_all(bytes) {
            return Err(self.failed(error));
        }
        self.left -= count;
        let mut state = self.staging.lock();
        state.reserved = state.reserved.saturating_sub(count);
        Ok(())
    }

    /// All bytes are there. `modified` is in milliseconds since 1970. Blocks.
    pub(crate) fn finish(mut self, modified: Option<u64>) -> Result<Handle, StagingError> {
        if self.left > 0 {
            return Err(StagingError::Incomplete(display::shown(self.path.file_name())));
        }
        let time = modified.and_then(|modified| UNIX_EPOCH.checked_add(Duration::from_millis(modified)));
        if let (Some(file), Some(time)) = (&self.file, time)
            && let Err(error) = file.set_modified(time)
        {
            tracing::debug!(%error, "an upload does not keep its time");
        }
        self.file = None;
        self.ended = true;
        let mut state = self.staging.lock();
        let batch = state.batches.get_mut(&self.batch);
        batch.and_then(|batch| batch.end(&self.path, Some(self.len))).ok_or(StagingError::Unknown)
    }

    fn failed(&self, error: io::Error) -> StagingError {
        match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
                StagingError::Exists(display::shown(self.path.as_str()))
            }
            _ => disk(self.path.file_name(), error),
        }
    }

    fn remove(place: &Path) {
        if let Err(error) = std::fs::remove_file(place) {
            tracing::warn!(%error, "an upload that broke off stays for now");
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Closed first: Windows removes no file that is open. Only a file that this made is removed.
        if self.file.take().is_some() {
            Self::remove(&self.place);
        }
        let mut state = self.staging.lock();
        state.reserved = state.reserved.saturating_sub(self.left);
        if let Some(batch) = state.batches.get_mut(&self.batch) {
            batch.end(&self.path, None);
        }
    }
}
