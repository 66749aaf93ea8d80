#![no_main]
use shoal_proto::{PeerId, message::TransferId};

// The text forms that people type and links carry.
libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<PeerId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(id) = text.parse::<TransferId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
});
