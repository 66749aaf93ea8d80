//! What the page may send or use without ever knowing where it lies: random ids that stand for paths.
//!
//! A path gets in by a person's hand only: a drop, a dialog, the clipboard, a second start, "Send with Shoal".

use serde::Serialize;
use shoal_api::{Code, Failure};
use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Most handles that are kept; the oldest go first. Whoever drops more has them in a folder.
const MAX_HANDLES: usize = 20_000;

/// How long a handle is good for: a window that stays open over lunch.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// What a path may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be sent, added to a share of somebody, or shared.
    Send,
    /// To put what this offer holds into.
    Receive {
        /// The offer.
        transfer: String,
    },
    /// To put what is fetched out of a share into.
    Fetch,
}

/// What the page is told of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Handle {
    /// Stands for the path.
    pub(crate) handle: String,
    /// The file's or folder's own name.
    pub(crate) name: String,
    /// A file's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    pub(crate) folder: bool,
}

/// The paths behind handles.
#[derive(Debug, Default)]
pub(crate) struct Handles(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    paths: HashMap<String, KeptPath>,
    /// Oldest first.
    order: VecDeque<String>,
}

#[derive(Debug)]
struct KeptPath {
    path: PathBuf,
    purpose: Purpose,
    since: Instant,
}

impl Handles {
    /// Handles for what can be sent of these paths. What is neither file nor folder, or gone, gets none. Reads the disk.
    pub(crate) fn to_send(&self, paths: impl IntoIterator<Item = PathBuf>) -> Result<Vec<Handle>, Failure> {
        let mut handles = Vec::new();
        for path in paths {
            let Ok(found) = path.metadata() else {
                tracing::info!(path = %path.display(), "cannot be read, so it cannot be sent");
                continue;
            };
            if !path.is_absolute() || !(found.is_file() || found.is_dir()) {
                continue;
            }
            if handles.len() == MAX_HANDLES {
                return Err(Failure::new(Code::Usage, "these are too many at once: put them into a folder and send that"));
            }
            let bytes = found.is_file().then_some(found.len());
            let (name, folder) = (own_name(&path), found.is_dir());
            handles.push(Handle { handle: self.keep(path, Purpose::Send, Instant::now()), name, bytes, folder });
        }
        Ok(handles)
    }

    /// A handle for a folder that an offer is to go into.
    pub(crate) fn to_receive(&self, folder: PathBuf, transfer: String) -> String {
        self.keep(folder, Purpose::Receive { transfer }, Instant::now())
    }

    /// A handle for a folder that something is to be fetched into.
    pub(crate) fn to_fetch(&self, folder: PathBuf) -> String {
        self.keep(folder, Purpose::Fetch, Instant::now())
    }

    /// The path behind a handle, if it was handed out for this purpose and not too long ago.
    pub(crate) fn path(&self, handle: &str, purpose: &Purpose) -> Result<PathBuf, Failure> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_old(Instant::now());
        let found = kept.paths.get(handle).filter(|kept| kept.purpose == *purpose);
        found
            .map(|kept| kept.path.clone())
            .ok_or_else(|| Failure::new(Code::Usage, "this was chosen too long ago: choose it again"))
    }

    fn keep(&self, path: PathBuf, purpose: Purpose, now: Instant) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_old(now);
        while kept.order.len() >= MAX_HANDLES {
            kept.forget_oldest();
        }
        let handle = format!("{:032x}", rand::random::<u128>());
        kept.order.push_back(handle.clone());
        kept.paths.insert(handle.clone(), KeptPath { path, purpose, since: now });
        handle
    }
}

impl Kept {
    fn forget_old(&mut self, now: Instant) {
        let old = |kept: &Self| {
            let oldest = kept.order.front().and_then(|handle| kept.paths.get(handle));
            oldest.is_some_and(|oldest| now.saturating_duration_since(oldest.since) > LIFETIME)
        };
        while old(self) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(handle) = self.order.pop_front() {
            self.paths.remove(&handle);
        }
    }
}

/// The last part of a path; the root of a disk has none and is shown whole.
fn own_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_handle_is_good_for_its_purpose_only() {
        let handles = Handles::default();
        let folder = std::env::temp_dir();
        let into = handles.to_receive(folder.clone(), "ab".into());
        assert_eq!(handles.path(&into, &Purpose::Receive { transfer: "ab".into() }).unwrap(), folder);
        assert!(handles.path(&into, &Purpose::Send).is_err(), "a folder for files to come was not chosen to be sent");
        assert!(handles.path(&into, &Purpose::Receive { transfer: "cd".into() }).is_err());
        assert!(handles.path(&folder.to_string_lossy(), &Purpose::Send).is_err(), "a path is no handle");
        assert!(handles.path(&into, &Purpose::Fetch).is_err());
        let into = handles.to_fetch(folder.clone());
        assert_eq!(handles.path(&into, &Purpose::Fetch).unwrap(), folder);
        assert!(
            handles.path(&into, &Purpose::Send).is_err()
                && handles.path(&into, &Purpose::Receive { transfer: "ab".into() }).is_err()
        );
    }

    #[test]
    fn handles_expire_and_are_bounded() {
        let handles = Handles::default();
        let Some(long_ago) = Instant::now().checked_sub(LIFETIME + Duration::from_secs(1)) else { return };
        let old = handles.keep("/old".into(), Purpose::Send, long_ago);
        assert!(handles.path(&old, &Purpose::Send).is_err());
        let first = handles.keep("/first".into(), Purpose::Send, Instant::now());
        for _ in 0..MAX_HANDLES {
            handles.keep("/next".into(), Purpose::Send, Instant::now());
        }
        assert!(handles.path(&first, &Purpose::Send).is_err());
        assert_eq!(handles.0.lock().unwrap().paths.len(), MAX_HANDLES);
    }

    #[test]
    fn only_what_is_there_can_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        std::fs::write(&file, b"hello").unwrap();
        let handles = Handles::default();
        let paths = [file, folder.path().to_owned(), folder.path().join("gone"), "relative".into()];
        let found = handles.to_send(paths).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].bytes, found[0].folder), ("a.txt", Some(5), false));
        assert!(found[1].folder && found[1].bytes.is_none());
    }
}
