//! The forms that values have in the database: words for the kinds of things, bytes for paths and hashes.

use super::FileFailure;
use crate::{Direction, State, Trust};
use shoal_proto::{Hash, message::Platform};
use std::path::{Path, PathBuf};

pub(super) fn hashes_blob(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

pub(super) fn hashes_from(blob: &[u8]) -> Vec<Hash> {
    blob.as_chunks::<32>().0.iter().map(|bytes| Hash::from(*bytes)).collect()
}

#[cfg(unix)]
pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
}

#[cfg(unix)]
pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}

/// Names that are not Unicode (lone surrogates) do not survive; such a transfer has to be sent anew after a restart.
#[cfg(not(unix))]
pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(unix))]
pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

const STATES: [(State, &str); 8] = [
    (State::Waiting, "waiting"),
    (State::Active, "active"),
    (State::Paused, "paused"),
    (State::Interrupted, "interrupted"),
    (State::Finished, "finished"),
    (State::Failed, "failed"),
    (State::Cancelled, "cancelled"),
    (State::Declined, "declined"),
];
const TRUSTS: [(Trust, &str); 4] =
    [(Trust::Stranger, "stranger"), (Trust::Known, "known"), (Trust::Verified, "verified"), (Trust::Blocked, "blocked")];
const PLATFORMS: [(Platform, &str); 3] = [(Platform::Linux, "linux"), (Platform::Windows, "windows"), (Platform::MacOs, "macos")];
const FAILURES: [(FileFailure, &str); 4] = [
    (FileFailure::Gone, "gone"),
    (FileFailure::Changed, "changed"),
    (FileFailure::Unreadable, "unreadable"),
    (FileFailure::Disk, "disk"),
];

pub(super) fn word<T: PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    table.iter().find(|(known, _)| *known == value).map_or("", |(_, word)| word)
}

pub(super) fn meaning<T: Copy>(table: &[(T, &str)], word: &str) -> Option<T> {
    table.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

pub(super) fn direction_word(direction: Direction) -> &'static str {
    if direction == Direction::Send { "send" } else { "receive" }
}

pub(super) fn state_word(state: State) -> &'static str {
    word(&STATES, state)
}

pub(super) fn state_from(word: &str) -> State {
    meaning(&STATES, word).unwrap_or(State::Failed)
}

pub(super) fn trust_word(trust: Trust) -> &'static str {
    word(&TRUSTS, trust)
}

/// What cannot be read is trusted least.
pub(super) fn trust_from(word: &str) -> Trust {
    meaning(&TRUSTS, word).unwrap_or(Trust::Stranger)
}

pub(super) fn platform_word(platform: Platform) -> &'static str {
    word(&PLATFORMS, platform)
}

pub(super) fn platform_from(word: &str) -> Option<Platform> {
    meaning(&PLATFORMS, word)
}

pub(super) fn failure_word(failure: FileFailure) -> &'static str {
    word(&FAILURES, failure)
}

pub(super) fn failure_from(word: &str) -> FileFailure {
    meaning(&FAILURES, word).unwrap_or(FileFailure::Unreadable)
}
