#![no_main]
use shoal_proto::message::Fetch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoal_fuzz::message::<Fetch>(bytes));
