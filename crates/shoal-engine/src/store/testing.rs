//! What several tests of the store need.
#![allow(clippy::unwrap_used)]

use super::{
    commit::{Clash, Placed, Ready, commit_batch},
    disk::DiskError,
    partial,
    target::Target,
};
use shoal_proto::{RelativePath, manifest::EntryIndex, message::TransferId};
use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

pub(super) const TRANSFER: TransferId = TransferId([0xab; 16]);

pub(super) fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

/// A time with nanoseconds.
pub(super) fn then() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789)
}

pub(super) fn target(folder: &Path) -> Target {
    Target::open(folder, TRANSFER).unwrap()
}

pub(super) fn ready(entry: u32, path: &RelativePath, size: usize) -> Ready<'_> {
    Ready { entry: EntryIndex(entry), path, size: size as u64, executable: false, modified: then(), key: None }
}

pub(super) fn commit(target: &Target, file: &Ready<'_>, clash: Clash) -> Result<Placed, DiskError> {
    commit_batch(target, std::slice::from_ref(file), clash).pop().unwrap()
}

/// Writes and commits a small file.
pub(super) fn receive(target: &Target, entry: u32, name: &str, bytes: &[u8], clash: Clash) -> Result<Placed, DiskError> {
    let path = path(name);
    partial::write_small(target, &ready(entry, &path, bytes.len()), bytes)?;
    commit(target, &ready(entry, &path, bytes.len()), clash)
}

/// Every regular file below a folder, with its content, hidden ones too.
pub(super) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                walk(&entry.path(), &format!("{name}/"), files);
            } else if kind.is_file() {
                files.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

/// A filesystem in memory, of its own. Needs root and Linux: tests with it are ignored by a plain `cargo test`.
pub(super) struct Tmpfs {
    folder: Option<TempDir>,
    path: std::path::PathBuf,
}

impl Tmpfs {
    pub(super) fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mounted = Self::at(folder.path(), size);
        mounted.folder = Some(folder);
        mounted
    }

    /// Mounts it on a folder that exists.
    pub(super) fn at(path: &Path, size: &str) -> Self {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "shoal-test"]).arg(path).status();
        assert!(mount.unwrap().success(), "this test mounts a tmpfs: run it as root");
        Self { folder: None, path: path.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        drop(self.folder.take());
    }
}

/// Writes a small file.
pub(super) fn write_small(target: &Target, entry: EntryIndex, path: &RelativePath, bytes: &[u8]) -> Result<(), DiskError> {
    partial::write_small(target, &ready(entry.0, path, bytes.len()), bytes).map(drop)
}
