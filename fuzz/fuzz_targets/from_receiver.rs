#![no_main]
use shoal_proto::message::FromReceiver;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoal_fuzz::message::<FromReceiver>(bytes));
