//! The manifest: the list of what a transfer holds, in one deterministic encoding whose BLAKE3 is what consent binds to.
//!
//! # Encoding
//! The version byte 1, the number of entries as a varint (LEB128), then the entries, strictly ascending by
//! [`RelativePath`]'s order, each:
//!
//! | part | form |
//! |---|---|
//! | bytes shared with the path before | varint; 0 for every 32nd entry, so that any entry is found without reading all |
//! | rest of the path | varint length, UTF-8 |
//! | flags | 1 byte: 1 folder, 2 executable, 4 root follows |
//! | size | varint; files only |
//! | root | 32 bytes; files whose hash is known already |
//! | modified | seconds since 1970 as a zigzag varint, nanoseconds as a varint |
//!
//! The folder of every entry is listed before it, empty folders included. One list has one encoding.
//!
//! A [`Manifest`] keeps the encoded bytes and decodes entries on demand: a million entries cost what their encoding costs.

use crate::{Hash, RelativePath, piece};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest encoded manifest, in bytes.
pub const MAX_ENCODED: usize = 256 * 1024 * 1024;

/// Most entries in a manifest.
pub const MAX_ENTRIES: u32 = 1 << 22;

/// Every so many entries a path is written whole.
const RESTART: u32 = 32;

const VERSION: u8 = 1;
const FOLDER: u8 = 1;
const EXECUTABLE: u8 = 2;
const ROOT: u8 = 4;

/// An entry's place in its manifest, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryIndex(pub u32);

/// A moment as file systems keep it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 UTC; negative before.
    pub seconds: i64,
    /// Nanoseconds after that second, 0 to 999,999,999.
    pub nanos: u32,
}

impl Timestamp {
    /// From nanoseconds since 1970; negative before.
    pub const fn from_nanos(nanos: i64) -> Self {
        const SECOND: i64 = 1_000_000_000;
        // Never negative, and below a second.
        Self { seconds: nanos.div_euclid(SECOND), nanos: nanos.rem_euclid(SECOND) as u32 }
    }
}

/// One file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes, relative to the folder that the receiver chose.
    pub path: RelativePath,
    /// When its content was last changed.
    pub modified: Timestamp,
    /// Which of the two it is.
    pub kind: EntryKind,
}

/// File or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder; what is in it follows as entries of their own.
    Folder,
    /// A file.
    File {
        /// In bytes, at most [`piece::MAX_FILE_SIZE`].
        size: u64,
        /// The owner may execute it.
        executable: bool,
        /// Its BLAKE3 hash, when the sender knows it already.
        root: Option<Hash>,
    },
}

impl EntryKind {
    /// The size of a file; 0 for a folder.
    pub const fn size(&self) -> u64 {
        match self {
            Self::Folder => 0,
            Self::File { size, .. } => *size,
        }
    }

    /// Whether it is a file.
    pub const fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}

/// Why bytes are not a manifest, or an entry does not fit in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A version that this crate does not know.
    #[error("a list of files of a newer version")]
    Version,
    /// The bytes end too early, go on too long or hold a number that is out of range.
    #[error("a list of files that cannot be read")]
    Malformed,
    /// More than [`MAX_ENTRIES`] entries or [`MAX_ENCODED`] bytes.
    #[error("a list of more files than fit in one transfer")]
    TooLong,
    /// A path that is not allowed.
    #[error("a list of files with a name that is not allowed: {0}")]
    Name(#[from] crate::name::NameError),
    /// Not ascending, or an entry whose folder is not listed.
    #[error("a list of files out of order")]
    Order,
}

/// A checked manifest. Clones share the bytes.
#[derive(Clone)]
pub struct Manifest {
    encoded: Arc<Vec<u8>>,
    /// Where each [`RESTART`]th entry begins.
    restarts: Arc<Vec<u32>>,
    entries: u32,
    files: u32,
    bytes: u64,
}

impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Manifest({} files, {} bytes, {} encoded)", self.files, self.bytes, self.encoded.len())
    }
}

impl PartialEq for Manifest {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }
}

impl Manifest {
    /// Reads and checks an encoded manifest.
    ///
    /// # Errors
    /// Whatever keeps the bytes from being one; nothing is allocated by a number that they name.
    pub fn decode(encoded: Vec<u8>) -> Result<Self, ManifestError> {
        if encoded.len() > MAX_ENCODED {
            return Err(ManifestError::TooLong);
        }
        let mut cursor = Cursor { rest: &encoded };
        if cursor.byte()? != VERSION {
            return Err(ManifestError::Version);
        }
        let entries = cursor.varint()?;
        let entries = u32::try_from(entries).ok().filter(|n| *n <= MAX_ENTRIES).ok_or(ManifestError::TooLong)?;
        let mut restarts = Vec::new();
        let mut order = Order::default();
        let (mut path, mut files, mut bytes) = (String::new(), 0u32, 0u64);
        for index in 0..entries {
            if index % RESTART == 0 {
                let at = encoded.len() - cursor.rest.len();
                restarts.push(u32::try_from(at).map_err(|_| ManifestError::TooLong)?);
            }
            let entry = cursor.entry(&mut path, index)?;
            order.check(&entry)?;
            if let EntryKind::File { size, .. } = entry.kind {
                files += 1;
                bytes = bytes.checked_add(size).ok_or(ManifestError::Malformed)?;
            }
        }
        if !cursor.rest.is_empty() {
            return Err(ManifestError::Malformed);
        }
        Ok(Self { encoded: Arc::new(encoded), restarts: Arc::new(restarts), entries, files, bytes })
    }

    /// The encoding.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// BLAKE3 of the encoding: the manifest's id.
    pub fn id(&self) -> Hash {
        Hash::of(&self.encoded)
    }

    /// Number of entries, folders included.
    pub const fn len(&self) -> u32 {
        self.entries
    }

    /// Whether it lists nothing.
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Number of files.
    pub const fn files(&self) -> u32 {
        self.files
    }

    /// Sum of the files' sizes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The entry at `index`, if there is one. Costs the decoding of 16 entries on average.
    pub fn entry(&self, index: EntryIndex) -> Option<Entry> {
        self.entries_from(index).next().map(|(_, entry)| entry)
    }

    /// All entries in order.
    pub fn entries(&self) -> Entries<'_> {
        self.entries_from(EntryIndex(0))
    }

    /// The entries from `first` on.
    pub fn entries_from(&self, first: EntryIndex) -> Entries<'_> {
        let block = first.0 / RESTART;
        let start = usize::try_from(block).ok().and_then(|block| self.restarts.get(block)).copied();
        let rest = start.and_then(|at| self.encoded.get(at as usize..)).unwrap_or_default();
        let next = if start.is_some() { block * RESTART } else { self.entries };
        let mut entries = Entries { cursor: Cursor { rest }, path: String::new(), next, end: self.entries };
        while entries.next < first.0.min(self.entries) && entries.next().is_some() {}
        entries
    }
}

/// Iterator over a manifest's entries.
#[derive(Debug)]
pub struct Entries<'a> {
    cursor: Cursor<'a>,
    path: String,
    next: u32,
    end: u32,
}

impl Iterator for Entries<'_> {
    type Item = (EntryIndex, Entry);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        // The bytes were checked when the manifest was made.
        let entry = self.cursor.entry(&mut self.path, self.next).ok()?;
        self.next += 1;
        Some((EntryIndex(self.next - 1), entry))
    }
}

/// Makes a manifest from entries in ascending order.
#[derive(Debug, Default)]
pub struct Builder {
    body: Vec<u8>,
    path: String,
    order: Order,
    entries: u32,
}

impl Builder {
    /// Appends an entry.
    ///
    /// # Errors
    /// [`ManifestError::Order`] when it is not above the one before or its folder is not listed; [`ManifestError::TooLong`].
    pub fn push(&mut self, entry: &Entry) -> Result<(), ManifestError> {
        if self.entries >= MAX_ENTRIES || self.body.len() > MAX_ENCODED - 64 * 1024 {
            return Err(ManifestError::TooLong);
        }
        if entry.kind.size() > piece::MAX_FILE_SIZE || entry.modified.nanos >= 1_000_000_000 {
            return Err(ManifestError::Malformed);
        }
        self.order.check(entry)?;
        let path = entry.path.as_str();
        let shared = if self.entries.is_multiple_of(RESTART) { 0 } else { shared_prefix(&self.path, path) };
        let rest = path.as_bytes().get(shared..).unwrap_or_default();
        let out = &mut self.body;
        put_varint(out, shared as u64);
        put_varint(out, rest.len() as u64);
        out.extend_from_slice(rest);
        match entry.kind {
            EntryKind::Folder => out.push(FOLDER),
            EntryKind::File { size, executable, root } => {
                out.push(if executable { EXECUTABLE } else { 0 } | if root.is_some() { ROOT } else { 0 });
                put_varint(out, size);
                out.extend_from_slice(root.as_ref().map_or(&[], |root| root.as_bytes()));
            }
        }
        let Timestamp { seconds, nanos } = entry.modified;
        put_varint(out, (seconds.wrapping_shl(1) ^ (seconds >> 63)) as u64);
        put_varint(out, u64::from(nanos));
        self.path.clear();
        self.path.push_str(path);
        self.entries += 1;
        Ok(())
    }

    /// The manifest.
    ///
    /// # Errors
    /// [`ManifestError::TooLong`].
    pub fn finish(self) -> Result<Manifest, ManifestError> {
        let mut encoded = Vec::with_capacity(self.body.len() + 8);
        encoded.push(VERSION);
        put_varint(&mut encoded, u64::from(self.entries));
        encoded.extend_from_slice(&self.body);
        Manifest::decode(encoded)
    }
}

/// Checks order and that folders are listed, with the folders that enclose the entry before.
#[derive(Debug, Default)]
struct Order {
    before: Option<RelativePath>,
    enclosing: Vec<RelativePath>,
}

impl Order {
    fn check(&mut self, entry: &Entry) -> Result<(), ManifestError> {
        if self.before.as_ref().is_some_and(|before| *before >= entry.path) {
            return Err(ManifestError::Order);
        }
        while self.enclosing.last().is_some_and(|folder| !entry.path.starts_with(folder)) {
            self.enclosing.pop();
        }
        if entry.path.parent().as_ref() != self.enclosing.last() {
            return Err(ManifestError::Order);
        }
        if !entry.kind.is_file() {
            self.enclosing.push(entry.path.clone());
        }
        self.before = Some(entry.path.clone());
        Ok(())
    }
}

/// Length of the longest common prefix that ends at a character's boundary.
fn shared_prefix(a: &str, b: &str) -> usize {
    let mut shared = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[derive(Debug)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, ManifestError> {
        let (first, rest) = self.rest.split_first().ok_or(ManifestError::Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ManifestError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(ManifestError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The shortest LEB128 form only.
    fn varint(&mut self) -> Result<u64, ManifestError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part.checked_shl(shift).map(|shifted| shifted >> shift) != Some(part) {
                return Err(ManifestError::Malformed);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(ManifestError::Malformed) } else { Ok(value) };
            }
        }
        Err(ManifestError::Malformed)
    }

    fn length(&mut self, limit: usize) -> Result<usize, ManifestError> {
        usize::try_from(self.varint()?).ok().filter(|len| *len <= limit).ok_or(ManifestError::Malformed)
    }

    /// Reads the entry at `index`; `path` holds the path before it and then its own.
    fn entry(&mut self, path: &mut String, index: u32) -> Result<Entry, ManifestError> {
        let shared = self.length(path.len())?;
        if index.is_multiple_of(RESTART) && shared != 0 || !path.is_char_boundary(shared) {
            return Err(ManifestError::Malformed);
        }
        let rest = self.length(crate::name::MAX_PATH)?;
        let rest = std::str::from_utf8(self.take(rest)?).map_err(|_| ManifestError::Malformed)?;
        let could_share_more = || path.get(shared..).and_then(|p| p.chars().next()).is_some_and(|c| rest.starts_with(c));
        if !index.is_multiple_of(RESTART) && could_share_more() {
            return Err(ManifestError::Malformed);
        }
        path.truncate(shared);
        path.push_str(rest);
        let kind = match self.byte()? {
            FOLDER => EntryKind::Folder,
            flags if flags & !(EXECUTABLE | ROOT) == 0 => {
                let size = self.varint()?;
                if size > piece::MAX_FILE_SIZE {
                    return Err(ManifestError::Malformed);
                }
                let root = if flags & ROOT == 0 {
                    None
                } else {
                    let bytes: [u8; 32] = self.take(32)?.try_into().map_err(|_| ManifestError::Malformed)?;
                    Some(Hash::from(bytes))
                };
                EntryKind::File { size, executable: flags & EXECUTABLE != 0, root }
            }
            _ => return Err(ManifestError::Malformed),
        };
        let zigzag = self.varint()?;
        let seconds = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        let nanos = self.varint()?;
        let nanos = u32::try_from(nanos).ok().filter(|n| *n < 1_000_000_000).ok_or(ManifestError::Malformed)?;
        Ok(Entry { path: RelativePath::parse(path)?, modified: Timestamp { seconds, nanos }, kind })
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
