//! What each unit has to be: hashes that the content's origin told, or that came with its own pieces.

use shoal_proto::{
    Hash, Manifest, RangeSet,
    manifest::{EntryIndex, EntryKind},
    swarm::{Unit, Units},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hashes by unit. They outlive the files' pieces in the plan, so that what is in place can be given on.
#[derive(Debug)]
pub(crate) struct Known {
    /// Of each unit one hash for its piece, or for each of its files in order.
    hashes: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    by_unit: Vec<Option<Box<[Hash]>>>,
    units: RangeSet,
}

impl Known {
    pub(crate) fn new(extent: u32) -> Self {
        Self { hashes: Mutex::new(Table { by_unit: vec![None; extent as usize], units: RangeSet::new() }) }
    }

    /// Of a manifest that has the root of each file: files of one piece are known from the beginning.
    pub(crate) fn of_roots(manifest: &Manifest, units: &Units) -> Self {
        let known = Self::new(units.len());
        for (number, unit) in units.iter() {
            let Unit::Entries { first, count, .. } = unit else { continue };
            let files = manifest.entries_from(first).take(count as usize).filter(|(_, entry)| entry.kind.is_file());
            let root = |kind: EntryKind| if let EntryKind::File { root, .. } = kind { root } else { None };
            if let Some(hashes) = files.map(|(_, entry)| root(entry.kind)).collect::<Option<Vec<Hash>>>() {
                known.learn(manifest, units, number, &hashes);
            }
        }
        known
    }

    /// Takes the hashes of a unit. `false`: it is not of this content, or its number of files is another.
    pub(crate) fn learn(&self, manifest: &Manifest, units: &Units, unit: u32, hashes: &[Hash]) -> bool {
        let Some(found) = units.get(unit) else { return false };
        if files(manifest, &found) != hashes.len() {
            return false;
        }
        let mut table = self.lock();
        if let Some(place) = table.by_unit.get_mut(unit as usize) {
            // The first word counts: what was checked against it is here.
            place.get_or_insert_with(|| hashes.into());
            table.units.insert_one(unit);
        }
        true
    }

    /// Takes the hashes of all pieces of a file.
    pub(crate) fn learn_layer(&self, manifest: &Manifest, units: &Units, entry: EntryIndex, layer: &[Hash]) {
        for (unit, hash) in units.of_entry(entry).zip(layer) {
            self.learn(manifest, units, unit, &[*hash]);
        }
    }

    /// The hashes of a unit, if they are known.
    pub(crate) fn get(&self, unit: u32) -> Option<Box<[Hash]>> {
        self.lock().by_unit.get(unit as usize)?.clone()
    }

    /// Units whose hashes are known.
    pub(crate) fn units(&self) -> RangeSet {
        self.lock().units.clone()
    }

    /// The hashes of this unit are known.
    pub(crate) fn knows(&self, unit: u32) -> bool {
        self.lock().units.contains(unit)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many hashes a unit has.
fn files(manifest: &Manifest, unit: &Unit) -> usize {
    match unit {
        Unit::Piece { .. } => 1,
        Unit::Entries { first, count, .. } => {
            manifest.entries_from(*first).take(*count as usize).filter(|(_, entry)| entry.kind.is_file()).count()
        }
    }
}
