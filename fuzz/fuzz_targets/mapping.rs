#![no_main]
use shoal_proto::{
    mapping::{Rules, beside, hostile::is_legal},
    name::check_component,
};

// A high first byte repeats the rest, so that the limits of length are reached, but not by most inputs: those are slow.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((times, name)) = bytes.split_first() else { return };
    let Ok(name) = std::str::from_utf8(name) else { return };
    let component = name.repeat(usize::from(times.saturating_sub(224)).max(1));
    if check_component(&component).is_err() {
        return;
    }
    for rules in Rules::ALL {
        let mapped = rules.map(&component);
        assert!(is_legal(rules, &mapped.name), "{rules:?} {mapped:?}");
        assert!(mapped.shortened || rules.unmap(&mapped.name) == component, "{rules:?} {mapped:?}");
        assert!(check_component(&rules.unmap(&component)).is_ok());
        assert!(is_legal(rules, &beside(&mapped.name, u32::MAX)), "{rules:?} {mapped:?}");
        let key = rules.clash_key(&mapped.name);
        assert_eq!(rules.clash_key(&key), key);
    }
});
