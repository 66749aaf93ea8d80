//! Which units are wanted: the rarest first.

use crate::swarm::{Bits, Chance};
use std::collections::BTreeSet;

/// Units that are neither here nor on their way, in the order of how many peers have them; chance breaks ties.
#[derive(Debug)]
pub(super) struct Wanted {
    units: Bits,
    /// Copies, tie, unit.
    order: BTreeSet<(u32, u32, u32)>,
    /// How many peers have a unit, by unit, whether it is wanted or not.
    copies: Vec<u32>,
    ties: Vec<u32>,
}

impl Wanted {
    /// None of `extent` units, which nobody has.
    pub(super) fn none(extent: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let ties = (0..extent).map(|_| (chance.next() >> 32) as u32).collect();
        Self { units: Bits::none(extent), order: BTreeSet::new(), copies: vec![0; extent as usize], ties }
    }

    pub(super) fn insert(&mut self, unit: u32) {
        if self.units.insert(unit) {
            self.order.insert(self.key(unit));
        }
    }

    /// `false`: it was not wanted.
    pub(super) fn remove(&mut self, unit: u32) -> bool {
        self.units.remove(unit) && self.order.remove(&self.key(unit))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub(super) fn copies(&self, unit: u32) -> u32 {
        self.copies.get(unit as usize).copied().unwrap_or(0)
    }

    /// One peer more has a unit, or one less.
    pub(super) fn recount(&mut self, unit: u32, by: i32) {
        let is_wanted = self.units.contains(unit) && self.order.remove(&self.key(unit));
        if let Some(copies) = self.copies.get_mut(unit as usize) {
            *copies = copies.saturating_add_signed(by);
        }
        if is_wanted {
            self.order.insert(self.key(unit));
        }
    }

    /// The rarest that is among these.
    pub(super) fn rarest_of(&self, units: &Bits) -> Option<u32> {
        // Most looks find nothing: those end here, 64 units at a time.
        if !self.units.meets(units) {
            return None;
        }
        self.order.iter().map(|(.., unit)| *unit).find(|unit| units.contains(*unit))
    }

    /// More than `count` units are with one peer at most.
    pub(super) fn has_single(&self, count: usize) -> bool {
        self.order.iter().nth(count).is_some_and(|(copies, ..)| *copies <= 1)
    }

    fn key(&self, unit: u32) -> (u32, u32, u32) {
        (self.copies(unit), self.ties.get(unit as usize).copied().unwrap_or(0), unit)
    }
}
