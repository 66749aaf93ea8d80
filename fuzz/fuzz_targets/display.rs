#![no_main]
use shoal_proto::{
    display::{device_name, shown, shown_lines, shown_within},
    message::MAX_DEVICE_NAME,
};

// What reaches a screen is bounded and holds no control character but the line breaks and tabs that were asked for.
libfuzzer_sys::fuzz_target!(|text: &str| {
    let safe = shown(text);
    assert!(!safe.contains(char::is_control));
    assert_eq!(shown(&safe), safe);
    assert!(!shown_lines(text).contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
    for max in [0, 7] {
        assert!(shown_within(text, max).chars().count() <= max);
    }
    let name = device_name(text);
    assert!(!name.is_empty() && name.chars().count() <= MAX_DEVICE_NAME);
});
