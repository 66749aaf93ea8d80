#![no_main]
use shoal_proto::message::{Hello, Look};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    shoal_fuzz::message::<Hello>(bytes);
    shoal_fuzz::message::<Look>(bytes);
});
