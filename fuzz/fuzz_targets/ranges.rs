#![no_main]
use shoal_proto::RangeSet;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(set) = RangeSet::from_bytes(bytes) {
        assert_eq!(set.to_bytes(), bytes);
        assert_eq!(set.ranges().collect::<RangeSet>(), set);
        let gaps: RangeSet = set.missing(0..u32::MAX).collect();
        assert_eq!(set.len() + gaps.len(), u64::from(u32::MAX));
        assert_eq!(set.union(&gaps).ranges().len(), 1);
    }
});
