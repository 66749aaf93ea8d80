#![no_main]
use shoal_proto::share::{Changed, Found, Matching, Page, Pattern, Reading, Shares, Thumbnail, fold};

// Answers of owners; what askers say is part of `request`.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    shoal_fuzz::message::<Shares>(bytes);
    shoal_fuzz::message::<Page>(bytes);
    shoal_fuzz::message::<Found>(bytes);
    shoal_fuzz::message::<Changed>(bytes);
    shoal_fuzz::message::<Reading>(bytes);
    shoal_fuzz::message::<Thumbnail>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let folded = fold(text);
        assert_eq!(fold(&folded), folded);
        assert!(Pattern::new(text, Matching::Anywhere).words().iter().all(|word| !word.is_empty()));
    }
});
