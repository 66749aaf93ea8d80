//! Files that somebody fetches and looks for at others, too: by what they are, whatever their names and places.
//!
//! The asker says which ([`Holdings`], in a [`crate::message::Request::Holds`]); a holder answers which of them it shares with this asker. Both
//! make the same list of the holdings ([`manifest`]), so that units have numbers between the two; the content is called by that list and by
//! the asker ([`super::message::SwarmId`]), and is given to nobody else.

use crate::{
    Entry, Hash, Manifest, RelativePath,
    manifest::{Builder, EntryKind, ManifestError, Timestamp},
    share::Few,
};
use serde::{Deserialize, Serialize};

/// Files in one request, at most: the largest of a fetch.
pub const MAX_HOLDINGS: usize = 256;

/// A content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// Its BLAKE3 hash.
    pub root: Hash,
    /// Its size, in bytes.
    pub size: u64,
}

/// What is looked for.
pub type Holdings = Few<Holding, MAX_HOLDINGS>;

/// Which of them are held: their places in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held(pub Few<u16, MAX_HOLDINGS>);

/// The holdings as a list of files, named by their places.
///
/// # Errors
/// A size that no file has, or the same number of them twice.
pub fn manifest(holdings: &Holdings) -> Result<Manifest, ManifestError> {
    let mut builder = Builder::default();
    for (place, holding) in holdings.iter().enumerate() {
        builder.push(&entry(place, holding, Timestamp::default()))?;
    }
    builder.finish()
}

/// A holding in a list of them, with a time of change for one who reads it there.
pub fn entry(place: usize, holding: &Holding, modified: Timestamp) -> Entry {
    let kind = EntryKind::File { size: holding.size, executable: false, root: Some(holding.root) };
    Entry { path: path(place), modified, kind }
}

/// What a holding is called in the list.
pub fn path(place: usize) -> RelativePath {
    RelativePath::parse(&format!("{place:03}")).expect("three digits are a name")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{codec, swarm::Units};

    #[test]
    fn a_full_list_travels_and_has_units() {
        let all: Vec<Holding> =
            (0..256_u32).map(|number| Holding { root: Hash::of(&number.to_le_bytes()), size: 1 << 20 }).collect();
        let holdings = Holdings::try_from(all).unwrap();
        let mut out = Vec::new();
        codec::encode(&holdings, codec::MAX_MESSAGE, &mut out).unwrap();
        let back: Holdings = codec::decode(out.get(codec::PREFIX_LEN..).unwrap()).unwrap();
        let list = manifest(&back).unwrap();
        assert_eq!((list.id(), list.len()), (manifest(&holdings).unwrap().id(), 256));
        assert_eq!(Units::of(&list).unwrap().len(), 256 * 4);
    }

    #[test]
    fn a_size_that_no_file_has_makes_no_list() {
        let wild = Holdings::try_from(vec![Holding { root: Hash::of(b""), size: u64::MAX }]).unwrap();
        assert!(manifest(&wild).is_err());
    }
}
