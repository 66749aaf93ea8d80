#![no_main]
use shoal_proto::message::Frame;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoal_fuzz::message::<Frame>(bytes));
