//! Sets of numbers as sorted, disjoint ranges: which pieces of a file are there.
//!
//! Memory goes by ranges, not by numbers: a finished file of any size is one range. Every range is half-open, so `u32::MAX` is in
//! no set.
//!
//! # Encoding
//! For each range the gap since the end of the one before (since 0 for the first), then its length, both as LEB128 varints. Each
//! set has exactly one encoding.

use std::{fmt, ops::Range};

/// Longest encoding that is read, in bytes. The worst case is every second entry of the longest manifest: 4 MiB.
pub const MAX_ENCODED: usize = 8 * 1024 * 1024;

/// A set of `u32` as ranges.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    /// Sorted, none empty, none touching the next.
    ranges: Vec<Range<u32>>,
}

/// Why bytes are not a [`RangeSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// More than [`MAX_ENCODED`] bytes.
    #[error("ranges of more than {MAX_ENCODED} bytes")]
    TooLong,
    /// The bytes end within a range, or a number is not written in the shortest way or above `u32`.
    #[error("ranges that cannot be read")]
    Malformed,
    /// A range that is empty, touches the one before, or ends above `u32::MAX`.
    #[error("ranges that are not in their one proper form")]
    NotCanonical,
}

impl RangeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Adds every number of `range`; an empty or reversed one adds nothing.
    pub fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        // Those that overlap or touch are replaced by one that covers them all.
        let first = self.ranges.partition_point(|known| known.end < range.start);
        let last = self.ranges.partition_point(|known| known.start <= range.end);
        let touched = self.ranges.get(first..last).unwrap_or_default();
        let start = touched.first().map_or(range.start, |known| known.start.min(range.start));
        let end = touched.last().map_or(range.end, |known| known.end.max(range.end));
        self.ranges.splice(first..last, std::iter::once(start..end));
    }

    /// Adds one number; `u32::MAX`, which no set holds, is left out.
    pub fn insert_one(&mut self, number: u32) {
        self.insert(number..number.saturating_add(1));
    }

    /// Takes every number of `range` out.
    pub fn remove(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|known| known.end <= range.start);
        let last = self.ranges.partition_point(|known| known.start < range.end);
        let touched = self.ranges.get(first..last).unwrap_or_default();
        let before = touched.first().map(|known| known.start..range.start);
        let after = touched.last().map(|known| range.end..known.end);
        self.ranges.splice(first..last, [before, after].into_iter().flatten().filter(|rest| !rest.is_empty()));
    }

    /// Whether `number` is in it.
    pub fn contains(&self, number: u32) -> bool {
        self.at_or_after(number).is_some_and(|known| known.start <= number)
    }

    /// Whether `number` is in it, and the first number after it that is not alike; `u32::MAX` when there is none.
    pub fn run(&self, number: u32) -> (bool, u32) {
        match self.at_or_after(number) {
            Some(known) if known.start <= number => (true, known.end),
            Some(known) => (false, known.start),
            None => (false, u32::MAX),
        }
    }

    /// Whether every number of `range` is in it; so it is for an empty one.
    pub fn contains_range(&self, range: Range<u32>) -> bool {
        range.is_empty()
            || self.at_or_after(range.start).is_some_and(|known| known.start <= range.start && range.end <= known.end)
    }

    /// How many numbers are in it.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.end - range.start)).sum()
    }

    /// Whether no number is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges in order; none is empty and none touches the next.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = Range<u32>> + ExactSizeIterator {
        self.ranges.iter().cloned()
    }

    /// The numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges().flatten()
    }

    /// The first gap in `within`, cut to it.
    pub fn first_missing(&self, within: Range<u32>) -> Option<Range<u32>> {
        self.missing(within).next()
    }

    /// The gaps in `within`, cut to it, in order.
    pub fn missing(&self, within: Range<u32>) -> impl Iterator<Item = Range<u32>> {
        let from = self.ranges.partition_point(|known| known.end <= within.start);
        let known = self.ranges.get(from..).unwrap_or_default().iter().take_while({
            let end = within.end;
            move |known| known.start < end
        });
        // Each gap reaches from the end of one range to the start of the next; the sentinel closes the last.
        let sentinel = within.end..within.end;
        let mut start = within.start;
        known.cloned().chain([sentinel]).filter_map(move |known| {
            let gap = start..known.start;
            start = start.max(known.end);
            (!gap.is_empty()).then_some(gap)
        })
    }

    /// The set of what is in either.
    pub fn union(&self, other: &Self) -> Self {
        let mut all: Vec<_> = self.ranges.iter().chain(&other.ranges).cloned().collect();
        all.sort_unstable_by_key(|range| range.start);
        let mut ranges: Vec<Range<u32>> = Vec::with_capacity(all.len());
        for range in all {
            match ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        Self { ranges }
    }

    /// Its one encoding (see the module).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.ranges.len() * 2);
        let mut end = 0;
        for range in &self.ranges {
            write_varint(range.start - end, &mut out);
            write_varint(range.end - range.start, &mut out);
            end = range.end;
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`RangesError`]
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, RangesError> {
        if bytes.len() > MAX_ENCODED {
            return Err(RangesError::TooLong);
        }
        let mut ranges: Vec<Range<u32>> = Vec::new();
        let mut end = 0_u32;
        while !bytes.is_empty() {
            let gap = read_varint(&mut bytes)?;
            let len = read_varint(&mut bytes)?;
            if len == 0 || (gap == 0 && !ranges.is_empty()) {
                return Err(RangesError::NotCanonical);
            }
            let start = end.checked_add(gap).ok_or(RangesError::NotCanonical)?;
            end = start.checked_add(len).ok_or(RangesError::NotCanonical)?;
            ranges.push(start..end);
        }
        Ok(Self { ranges })
    }

    /// The first range that ends after `number`.
    fn at_or_after(&self, number: u32) -> Option<&Range<u32>> {
        self.ranges.get(self.ranges.partition_point(|known| known.end <= number))
    }
}

/// As a set of ranges, not of numbers.
impl fmt::Debug for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.ranges).finish()
    }
}

impl FromIterator<Range<u32>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u32>>>(ranges: I) -> Self {
        let mut set = Self::new();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

/// Seven bits a byte, lowest first, the top bit set on all but the last.
fn write_varint(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Result<u32, RangesError> {
    let mut number = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first().ok_or(RangesError::Malformed)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            // A last byte of zero says nothing: the number has a shorter form.
            let shortest = byte != 0 || shift == 0;
            return u32::try_from(number).ok().filter(|_| shortest).ok_or(RangesError::Malformed);
        }
    }
    Err(RangesError::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::single_range_in_vec_init)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Range<u32>),
        Remove(Range<u32>),
    }

    fn range() -> impl Strategy<Value = Range<u32>> {
        (0_u32..64, 0_u32..12).prop_map(|(start, len)| start..start + len)
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(prop_oneof![3 => range().prop_map(Step::Insert), 2 => range().prop_map(Step::Remove)], 0..40)
    }

    fn played(steps: Vec<Step>) -> (RangeSet, BTreeSet<u32>) {
        let (mut set, mut naive) = (RangeSet::new(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Insert(range) => {
                    set.insert(range.clone());
                    naive.extend(range);
                }
                Step::Remove(range) => {
                    set.remove(range.clone());
                    naive.retain(|number| !range.contains(number));
                }
            }
        }
        (set, naive)
    }

    proptest! {
        #[test]
        fn it_is_the_set_that_a_tree_of_numbers_is(steps in steps(), within in range()) {
            let (set, naive) = played(steps);
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), naive.clone());
            prop_assert_eq!(set.len(), naive.len() as u64);
            prop_assert_eq!(set.is_empty(), naive.is_empty());
            prop_assert!(set.ranges.iter().all(|range| !range.is_empty()));
            prop_assert!(set.ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            for number in 0..80 {
                prop_assert_eq!(set.contains(number), naive.contains(&number));
            }
            prop_assert_eq!(set.contains_range(within.clone()), within.clone().all(|number| naive.contains(&number)));
            let gaps: Vec<_> = set.missing(within.clone()).collect();
            prop_assert_eq!(set.first_missing(within.clone()), gaps.first().cloned());
            prop_assert!(gaps.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert!(gaps.iter().all(|gap| !gap.is_empty()));
            let missing: Vec<_> = within.filter(|number| !naive.contains(number)).collect();
            prop_assert_eq!(gaps.into_iter().flatten().collect::<Vec<_>>(), missing);
        }

        #[test]
        fn a_union_holds_what_either_holds(a in steps(), b in steps()) {
            let ((a, naive_a), (b, naive_b)) = (played(a), played(b));
            let both: BTreeSet<_> = naive_a.union(&naive_b).copied().collect();
            prop_assert_eq!(a.union(&b).iter().collect::<BTreeSet<_>>(), both);
            prop_assert_eq!(a.union(&b), a.ranges().chain(b.ranges()).collect());
        }

        #[test]
        fn it_reads_what_it_wrote(ranges in prop::collection::vec(any::<(u32, u32)>(), 0..50)) {
            let set: RangeSet = ranges.into_iter().map(|(a, b)| a.min(b)..a.max(b)).collect();
            prop_assert_eq!(RangeSet::from_bytes(&set.to_bytes()), Ok(set));
        }

        #[test]
        fn bytes_that_are_read_are_the_one_encoding(bytes in prop::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..24)) {
            if let Ok(set) = RangeSet::from_bytes(&bytes) {
                prop_assert_eq!(set.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn runs_cover_every_number_in_turn() {
        let set: RangeSet = [2..4, 7..9].into_iter().collect();
        let mut at = 0;
        let mut runs = Vec::new();
        while at < u32::MAX {
            let (is_in, end) = set.run(at);
            runs.push((at..end, is_in));
            at = end;
        }
        assert_eq!(runs, [(0..2, false), (2..4, true), (4..7, false), (7..9, true), (9..u32::MAX, false)]);
        assert_eq!(set.run(3), (true, 4));
    }

    #[test]
    fn anything_but_the_one_encoding_is_refused() {
        use RangesError::*;
        for (bytes, why) in [
            (&[0][..], Malformed),                              // cut short
            (&[0, 1, 1], Malformed),                            // cut short later
            (&[0x80, 0, 1], Malformed),                         // 0 in two bytes
            (&[0xff, 0xff, 0xff, 0xff, 0x1f, 1], Malformed),    // above u32
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Malformed), // endless
            (&[0, 0], NotCanonical),                            // empty range
            (&[0, 1, 0, 1], NotCanonical),                      // touches the one before
            (&[0xff, 0xff, 0xff, 0xff, 0x0f, 1], NotCanonical), // ends above u32::MAX
        ] {
            assert_eq!(RangeSet::from_bytes(bytes), Err(why), "{bytes:?}");
        }
        assert_eq!(RangeSet::from_bytes(&vec![1; MAX_ENCODED + 1]), Err(TooLong));
        assert_eq!(RangeSet::from_bytes(&[]), Ok(RangeSet::new()));
        assert_eq!(RangeSet::from_bytes(&vec![1; MAX_ENCODED]).unwrap().len(), MAX_ENCODED as u64 / 2);
    }

    #[test]
    fn the_ends_of_the_numbers() {
        let mut set = RangeSet::new();
        set.insert(0..u32::MAX);
        assert_eq!((set.len(), set.to_bytes().len()), (u64::from(u32::MAX), 6));
        set.insert_one(u32::MAX);
        assert_eq!(set.ranges().collect::<Vec<_>>(), [0..u32::MAX]);
        set.remove(5..6);
        assert_eq!(format!("{set:?}"), "{0..5, 6..4294967295}");
        assert_eq!(set.missing(0..u32::MAX).collect::<Vec<_>>(), [5..6]);
        set.insert_one(5);
        assert_eq!(set.ranges().len(), 1);
    }
}
