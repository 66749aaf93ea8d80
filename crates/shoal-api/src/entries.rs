//! What a transfer holds, by pages.

use serde::{Deserialize, Serialize};
use shoal_engine as engine;
use std::ops::Range;
use ts_rs::TS;

/// Where one file stands; of a folder, what is most urgent in it: `active` (also: some done and some waiting), `failed`, `waiting`,
/// `done`, `left_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Not begun.
    Waiting,
    /// A part of it is there.
    Active,
    /// In place; sending: given to the receiver.
    Done,
    /// It failed; a retry of the transfer tries it again.
    Failed,
    /// The receiver did not want it, or the transfer was given up before.
    LeftOut,
}

impl From<engine::EntryState> for EntryState {
    fn from(state: engine::EntryState) -> Self {
        match state {
            engine::EntryState::Waiting => Self::Waiting,
            engine::EntryState::Active => Self::Active,
            engine::EntryState::Done => Self::Done,
            engine::EntryState::Failed => Self::Failed,
            engine::EntryState::LeftOut => Self::LeftOut,
        }
    }
}

impl From<EntryState> for engine::EntryState {
    fn from(state: EntryState) -> Self {
        match state {
            EntryState::Waiting => Self::Waiting,
            EntryState::Active => Self::Active,
            EntryState::Done => Self::Done,
            EntryState::Failed => Self::Failed,
            EntryState::LeftOut => Self::LeftOut,
        }
    }
}

/// A file or folder of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Entry {
    /// Its number in the transfer.
    pub index: u32,
    /// It and everything below it are the entries from `index` to just before this.
    pub end: u32,
    /// Its name; safe to print.
    pub name: String,
    /// The path of the folder that it is in, empty at the top; safe to print.
    pub path: String,
    /// It is a folder.
    pub folder: bool,
    /// Files in it that are wanted, or all of them if none is; 1 for a file.
    pub files: u32,
    /// Their size.
    pub bytes: u64,
    /// Bytes in place or verified; sending: given to the receiver.
    pub bytes_done: u64,
    /// Where it stands.
    pub state: EntryState,
    /// Why it failed: one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
}

/// Entries from `start` to just before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EntryRange {
    /// The first.
    pub start: u32,
    /// The one after the last.
    pub end: u32,
}

impl From<engine::ListedEntry> for Entry {
    fn from(entry: engine::ListedEntry) -> Self {
        let engine::ListedEntry { index, end, name, path, folder, files, bytes, bytes_done, state, error } = entry;
        Self { index, end, name, path, folder, files, bytes, bytes_done, state: state.into(), error }
    }
}

impl From<EntryRange> for Range<u32> {
    fn from(EntryRange { start, end }: EntryRange) -> Self {
        start..end
    }
}
