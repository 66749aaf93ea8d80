//! The list of what a transfer holds.
use serde::{Deserialize, Serialize};

/// An entry's place in its manifest, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryIndex(pub u32);
/// Longest encoded manifest, in bytes.
pub const MAX_ENCODED: usize = 256 * 1024 * 1024;
/// stub
#[derive(Debug)]
pub struct Entry {}
/// stub
#[derive(Debug)]
pub struct Manifest {}
