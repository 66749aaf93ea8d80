#![no_main]
use shoal_proto::message::{Commitment, Nonce};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    shoal_fuzz::message::<Commitment>(bytes);
    shoal_fuzz::message::<Nonce>(bytes);
});
