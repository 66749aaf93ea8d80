//! What a transfer holds, by pages.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where one file stands; of a folder: the state of what is in it, the most urgent first (`active`, `failed`, `waiting`, `done`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Not begun, or not known yet to be there.
    Waiting,
    /// A part of it is there.
    Active,
    /// In place.
    Done,
    /// It failed; a retry of the transfer tries it again.
    Failed,
    /// The receiver did not want it.
    LeftOut,
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
    /// Files in it; 1 for a file.
    pub files: u32,
    /// Their size.
    pub bytes: u64,
    /// Bytes in place or verified.
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
