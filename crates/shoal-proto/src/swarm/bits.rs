//! A set of units of known extent, for sets with many holes: a bit for each.

use crate::RangeSet;

/// Units that are there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    extent: u32,
    count: u32,
}

impl Bits {
    /// None of `extent` units.
    pub fn none(extent: u32) -> Self {
        Self { words: vec![0; extent.div_ceil(u64::BITS) as usize], extent, count: 0 }
    }

    /// All of `extent` units.
    pub fn all(extent: u32) -> Self {
        let mut bits = Self { words: vec![u64::MAX; extent.div_ceil(u64::BITS) as usize], extent, count: extent };
        if let Some(last) = bits.words.last_mut().filter(|_| !extent.is_multiple_of(u64::BITS)) {
            *last >>= u64::BITS - extent % u64::BITS;
        }
        bits
    }

    /// How many are in it.
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// None is in it.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All are in it.
    pub const fn is_full(&self) -> bool {
        self.count == self.extent
    }

    /// How many there can be.
    pub const fn extent(&self) -> u32 {
        self.extent
    }

    /// Whether a unit is in it; one beyond the extent is not.
    pub fn contains(&self, unit: u32) -> bool {
        self.words.get((unit / u64::BITS) as usize).is_some_and(|word| word >> (unit % u64::BITS) & 1 == 1)
    }

    /// Adds a unit. `false`: it was in it, or is beyond the extent.
    pub fn insert(&mut self, unit: u32) -> bool {
        if unit >= self.extent || self.contains(unit) {
            return false;
        }
        if let Some(word) = self.words.get_mut((unit / u64::BITS) as usize) {
            *word |= 1 << (unit % u64::BITS);
            self.count += 1;
        }
        true
    }

    /// Takes a unit out. `false`: it was not in it.
    pub fn remove(&mut self, unit: u32) -> bool {
        if !self.contains(unit) {
            return false;
        }
        if let Some(word) = self.words.get_mut((unit / u64::BITS) as usize) {
            *word &= !(1 << (unit % u64::BITS));
            self.count -= 1;
        }
        true
    }

    /// All that are in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.words).flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let lowest = rest.trailing_zeros();
                (lowest < u64::BITS).then(|| {
                    rest &= rest - 1;
                    at * u64::BITS + lowest
                })
            })
        })
    }

    /// Some unit is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(one, two)| one & two != 0)
    }

    /// Some unit is in it and not in the other, of the same extent.
    pub fn exceeds(&self, other: &Self) -> bool {
        self.count > other.count || self.words.iter().zip(&other.words).any(|(one, two)| one & !two != 0)
    }

    /// As ranges, to travel.
    pub fn ranges(&self) -> RangeSet {
        let mut ranges = RangeSet::new();
        self.iter().for_each(|unit| ranges.insert_one(unit));
        ranges
    }
}

impl std::fmt::Debug for Bits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.count, self.extent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_once_and_none_lies_beyond() {
        let mut bits = Bits::none(70);
        assert!(bits.insert(69) && !bits.insert(69) && !bits.insert(70) && bits.insert(0));
        assert_eq!((bits.len(), bits.iter().collect::<Vec<_>>()), (2, vec![0, 69]));
        assert!(!bits.contains(70) && !bits.contains(u32::MAX) && !bits.is_full());
        let all = Bits::all(70);
        assert!(all.is_full() && all.ranges().ranges().eq(std::iter::once(0..70)));
        assert!(Bits::none(0).is_full() && Bits::none(0).is_empty());
        assert!((0..200).all(|extent| Bits::all(extent).iter().eq(0..extent) && Bits::all(extent).is_full()));
    }

    #[test]
    fn sets_are_compared_unit_by_unit() {
        let (mut one, mut two) = (Bits::none(130), Bits::none(130));
        assert!(one.insert(129) && two.insert(128) && !one.meets(&two) && one.exceeds(&two) && two.exceeds(&one));
        assert!(two.insert(129) && one.meets(&two) && !one.exceeds(&two) && two.exceeds(&one));
        assert!(two.remove(128) && !two.remove(128) && !two.remove(130) && !two.exceeds(&one) && two == one);
    }
}
