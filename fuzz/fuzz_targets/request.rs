#![no_main]
use shoal_proto::message::{Measured, Request};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    shoal_fuzz::message::<Request>(bytes);
    shoal_fuzz::message::<Measured>(bytes);
});
