//! Manifests as an intruder makes them: entries in any order, with any path and number, without any check.

use shoal_proto::{
    Hash,
    manifest::EntryIndex,
    message::{Content, Fetch, FetchItem, Frame, Offer, TransferId},
    piece,
};

/// The version that a manifest begins with.
const VERSION: u8 = 1;
/// Flags of an entry.
const FOLDER: u8 = 1;
const ROOT: u8 = 4;
/// Every so many entries the whole path is written.
const RESTART: usize = 32;

/// An entry: its path as raw text, and a file's content; `None`: a folder.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Any text.
    pub path: String,
    /// The size that is claimed; what is served may differ.
    pub size: Option<u64>,
    /// The root that is promised.
    pub root: Option<Hash>,
}

impl Raw {
    /// A file that has `size` bytes.
    pub fn file(path: &str, size: u64) -> Self {
        Self { path: path.to_owned(), size: Some(size), root: None }
    }

    /// A folder.
    pub fn folder(path: &str) -> Self {
        Self { path: path.to_owned(), size: None, root: None }
    }

    /// With a root promised.
    pub fn with_root(self, root: Hash) -> Self {
        Self { root: Some(root), ..self }
    }
}

/// Encodes entries as they come, and says that there are `count` of them.
pub fn encode(entries: &[Raw], count: u64) -> Vec<u8> {
    let mut out = vec![VERSION];
    varint(&mut out, count);
    let mut before = "";
    for (index, entry) in entries.iter().enumerate() {
        let shared = if index % RESTART == 0 { 0 } else { shared(before, &entry.path) };
        varint(&mut out, shared as u64);
        varint(&mut out, (entry.path.len() - shared) as u64);
        out.extend_from_slice(&entry.path.as_bytes()[shared..]);
        match (entry.size, entry.root) {
            (None, _) => out.push(FOLDER),
            (Some(size), root) => {
                out.push(if root.is_some() { ROOT } else { 0 });
                varint(&mut out, size);
                out.extend_from_slice(root.as_ref().map_or(&[], |root| root.as_bytes()));
            }
        }
        // 1970, no nanoseconds.
        out.extend_from_slice(&[0, 0]);
        before = &entry.path;
    }
    out
}

/// Appends a number as the manifest writes it.
pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An offer of a manifest, with counts that fit it.
pub fn offer(transfer: TransferId, entries: &[Raw], encoded: &[u8]) -> Offer {
    let sizes = entries.iter().filter_map(|entry| entry.size);
    let content = Content::Files {
        files: sizes.clone().count() as u32,
        bytes: sizes.fold(0, u64::wrapping_add),
        manifest_len: encoded.len() as u32,
        manifest: Hash::of(encoded),
    };
    Offer { transfer, name: entries.first().map_or_else(String::new, |entry| entry.path.clone()), content }
}

/// What a fetch asks for, one by one: the entry, and the piece; `None`: the root.
pub fn asked(fetch: &Fetch) -> Vec<(u32, Option<u32>)> {
    let mut all = Vec::new();
    for item in &fetch.items {
        match item {
            FetchItem::Files { first, count } => all.extend((first.0..first.0 + count).map(|entry| (entry, Some(0)))),
            FetchItem::Pieces { entry, first, count, .. } => {
                all.extend((first.0..first.0 + count).map(|piece| (entry.0, Some(piece))));
            }
            FetchItem::Root { entry } => all.push((entry.0, None)),
        }
    }
    all
}

/// A block of a file whose whole content is `content`.
pub fn block(entry: u32, piece: u32, content: &[u8]) -> (Frame, Vec<u8>) {
    let size = content.len() as u64;
    let index = shoal_proto::PieceIndex(piece);
    let range = piece::piece_range(size, index).expect("the piece is one of the file");
    let bytes = content[range.start as usize..range.end as usize].to_vec();
    let hash = piece::hash_piece(size, index, &bytes);
    (Frame::Block { entry: EntryIndex(entry), piece: index, hash, len: bytes.len() as u32 }, bytes)
}

fn shared(a: &str, b: &str) -> usize {
    let mut shared = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}
