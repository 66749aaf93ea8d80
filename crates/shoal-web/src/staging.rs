//! Where uploads wait: a folder of our own inside the data folder, from which the engine sends.
//!
//! A browser uploads a *batch*: what was dropped or chosen at once. For each top-level name of a batch it gets a random handle, which
//! stands for the path that it never sees. What is not sent goes after [`UNSENT_FOR`], and when Shoal starts; what was sent stays
//! until its transfers are over, and [`KEPT_AFTER`] that, so that they can be tried again.

mod batch;
mod upload;

pub(crate) use upload::Upload;

use batch::Batch;
use serde::Serialize;
use shoal_api::{Code, Failure, free_space};
use shoal_proto::{RelativePath, display, name::NameError};
use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long an upload that is not sent stays.
pub const UNSENT_FOR: Duration = Duration::from_secs(3600);

/// How long an upload stays when the last of its transfers is over.
pub const KEPT_AFTER: Duration = Duration::from_secs(3600);

/// Most batches that are not sent.
pub const MAX_UNSENT: usize = 64;

/// Most files and folders in one batch.
pub const MAX_FILES: u32 = 100_000;

/// Bytes that uploads leave free on the drive.
pub const KEEP_FREE: u64 = 512 * 1024 * 1024;

/// The folder in the data folder.
const FOLDER: &str = "web-uploads";

/// Longest name that a browser may give a batch, in bytes.
const MAX_BATCH_NAME: usize = 64;

/// Before the name of a batch of an earlier run, which no browser can ask for: it is no character of theirs.
const EARLIER: char = ':';

/// What a browser gets for something that it uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Handle {
    pub(crate) handle: String,
    /// As the browser called it; not safe to print.
    pub(crate) name: String,
    /// Bytes so far.
    pub(crate) bytes: u64,
    pub(crate) folder: bool,
}

/// Why something is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StagingError {
    #[error("this name cannot be sent: {0}")]
    Name(#[from] NameError),
    #[error("the browser sent no proper name for the upload: load the page again")]
    Batch,
    #[error("{0} is in this upload already: choose it in another step")]
    Exists(String),
    #[error("what was uploaded is on its way already: choose it again")]
    Sent,
    #[error("no more than {MAX_FILES} files can be uploaded at once: put them into an archive, or send them with `shoal send`")]
    TooManyFiles,
    #[error("too many uploads wait to be sent: send one, or wait an hour until the first of them goes")]
    TooManyBatches,
    #[error("{name} has {}, and only {} can be uploaded to this device now: make room", display::size(*.needed), display::size(*.free))]
    NoSpace { name: String, needed: u64, free: u64 },
    #[error("{0} did not arrive whole: choose it again")]
    Incomplete(String),
    #[error("what was chosen is not here any more: choose it again")]
    Unknown,
    #[error("the upload has not ended yet: wait for it")]
    Unfinished,
    #[error("{name} cannot be kept here: {reason}")]
    Disk { name: String, reason: io::Error },
}

impl From<StagingError> for Failure {
    fn from(error: StagingError) -> Self {
        let code = match &error {
            StagingError::Name(_) | StagingError::Batch => Code::Usage,
            StagingError::NoSpace { .. } | StagingError::TooManyBatches | StagingError::TooManyFiles => Code::NoSpace,
            StagingError::Incomplete(_) => Code::Interrupted,
            StagingError::Disk { reason, .. } if reason.kind() == io::ErrorKind::StorageFull => Code::NoSpace,
            StagingError::Exists(_)
            | StagingError::Sent
            | StagingError::Unknown
            | StagingError::Unfinished
            | StagingError::Disk { .. } => Code::Failed,
        };
        Self::new(code, error)
    }
}

/// The staging folder. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Staging {
    root: Arc<Path>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    batches: HashMap<String, Batch>,
    /// Bytes that uploads under way have still to write.
    reserved: u64,
}

impl Staging {
    /// Takes the folder over: what an earlier run left unsent goes.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub(crate) fn open(data_dir: &Path, now: Instant) -> io::Result<Self> {
        let root = data_dir.join(FOLDER);
        make_private(&root)?;
        let mut state = State::default();
        for entry in fs::read_dir(&root)? {
            let folder = entry?.path();
            match Batch::of_earlier_run(&folder, now) {
                Some(batch) => _ = state.batches.insert(format!("{EARLIER}{}", state.batches.len()), batch),
                None => remove(&folder),
            }
        }
        Ok(Self { root: root.into(), state: Arc::new(Mutex::new(state)) })
    }

    /// Begins a file of `len` bytes, or a folder. Blocks.
    pub(crate) fn begin(&self, batch: &str, path: &RelativePath, folder: bool, len: u64) -> Result<Upload, StagingError> {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if batch.is_empty() || batch.len() > MAX_BATCH_NAME || !plain(batch) {
            return Err(StagingError::Batch);
        }
        let free = free_space(&self.root).map_err(|reason| disk(path.file_name(), reason))?;
        let mut state = self.lock();
        let room = free.saturating_sub(KEEP_FREE).saturating_sub(state.reserved);
        if len > room {
            return Err(StagingError::NoSpace { name: display::shown(path.file_name()), needed: len, free: room });
        }
        if !state.batches.contains_key(batch) {
            if state.batches.values().filter(|batch| !batch.is_sent()).count() >= MAX_UNSENT {
                return Err(StagingError::TooManyBatches);
            }
            let new = Batch::make(&self.root).map_err(|reason| disk(path.file_name(), reason))?;
            state.batches.insert(batch.to_owned(), new);
        }
        let begun = state.batches.get_mut(batch).ok_or(StagingError::Unknown)?.begin(path, folder)?;
        state.reserved += len;
        drop(state);
        Upload::begin(self.clone(), batch.to_owned(), path, (begun, folder), len)
    }

    /// The paths that handles stand for. They stay for another [`UNSENT_FOR`].
    pub(crate) fn paths(&self, handles: &[String], now: Instant) -> Result<Vec<PathBuf>, StagingError> {
        let mut state = self.lock();
        let mut path = |handle: &String| {
            let found = state.batches.values_mut().find_map(|batch| Some((batch.path_of(handle)?, batch)));
            let (path, batch) = found.ok_or(StagingError::Unknown)?;
            batch.settled(now)?;
            Ok(path)
        };
        handles.iter().map(&mut path).collect()
    }

    /// Notes which transfers send what handles stand for. Blocks.
    pub(crate) fn sent(&self, handles: &[String], transfers: &[String], now: Instant) {
        let mut state = self.lock();
        for batch in state.batches.values_mut().filter(|batch| handles.iter().any(|handle| batch.path_of(handle).is_some())) {
            batch.sent(transfers, now);
        }
    }

    /// Removes what is not needed any more. `live` are the transfers that are not over. Blocks.
    pub(crate) fn sweep(&self, live: &BTreeSet<String>, now: Instant) {
        let mut gone = Vec::new();
        self.lock().batches.retain(|_, batch| {
            let stays = batch.is_needed(live, now);
            if !stays {
                gone.push(batch.folder().to_owned());
            }
            stays
        });
        gone.iter().for_each(|folder| remove(folder));
    }

    /// Whether any upload waits here, so that somebody must sweep.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().batches.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn disk(name: &str, reason: io::Error) -> StagingError {
    StagingError::Disk { name: display::shown(name), reason }
}

/// A folder that only this user enters; one that is there is fine.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes something of ours; what stays is tried again at the next start.
fn remove(path: &Path) {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(path = %path.display(), %error, "an upload that nobody needs any more stays");
    }
}

#[cfg(test)]
mod tests;
