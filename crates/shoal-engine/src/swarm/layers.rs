//! What holders say that the pieces of files are. Nobody's word counts alone: hashes have to make the root in the list.

use super::content::Content;
use shoal_proto::{Hash, PeerId, manifest::EntryKind, piece, swarm::Unit};
use std::collections::BTreeMap;

/// Hashes of pieces that were told of files that are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// Of a file at a place of the list as one of them says it, until it is all there.
    told: BTreeMap<(PeerId, u32), Vec<Option<Hash>>>,
}

/// Pieces that do not make the file that was looked for.
#[derive(Debug)]
pub(crate) struct NotTheFile;

impl Layers {
    /// Takes the hash of a unit. Once a file's hashes are all there and make its root they are known, whoever told them.
    ///
    /// # Errors
    /// They make another file, or there is no such unit: who says so lies.
    pub(crate) fn take(&mut self, content: &Content, peer: PeerId, unit: u32, hashes: &[Hash]) -> Result<(), NotTheFile> {
        let Content { known, manifest, units, .. } = content;
        if known.knows(unit) {
            return Ok(());
        }
        let Some(Unit::Piece { entry, piece, .. }) = units.get(unit) else { return Err(NotTheFile) };
        let Some(EntryKind::File { size, root: Some(root), .. }) = manifest.entry(entry).map(|entry| entry.kind) else {
            return Err(NotTheFile);
        };
        let layer = self.told.entry((peer, entry.0)).or_insert_with(|| vec![None; piece::piece_count(size) as usize]);
        let (Some(place), [hash]) = (layer.get_mut(piece.0 as usize), hashes) else { return Err(NotTheFile) };
        *place = Some(*hash);
        let Some(whole) = layer.iter().copied().collect::<Option<Vec<Hash>>>() else { return Ok(()) };
        self.told.retain(|(of, place), _| *place != entry.0 || *of != peer);
        if piece::fold(size, &whole) != Some(root) {
            return Err(NotTheFile);
        }
        self.told.retain(|(_, place), _| *place != entry.0);
        known.learn_layer(manifest, units, entry, &whole);
        Ok(())
    }

    /// Nothing more comes from this one.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.told.retain(|(of, _), _| *of != peer);
    }
}
