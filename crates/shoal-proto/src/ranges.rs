//! Sets of numbers as sorted, disjoint ranges.
/// A set of `u32` as ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {}
