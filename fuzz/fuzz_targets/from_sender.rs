#![no_main]
use shoal_proto::message::FromSender;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shoal_fuzz::message::<FromSender>(bytes));
