#![no_main]
use shoal_proto::message::Hello;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoal_fuzz::message::<Hello>(bytes));
