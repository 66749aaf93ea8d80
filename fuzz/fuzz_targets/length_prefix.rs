#![no_main]
use shoal_proto::codec::{MAX_FRAME_HEAD, MAX_MESSAGE, decode_len};

libfuzzer_sys::fuzz_target!(|prefix: [u8; 4]| {
    for limit in [0, MAX_FRAME_HEAD, MAX_MESSAGE] {
        if let Ok(len) = decode_len(prefix, limit) {
            assert!(len <= limit);
        }
    }
});
