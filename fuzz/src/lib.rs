//! What the fuzz targets share: the properties that they check, and an allocator that takes an allocation by a peer's number for
//! the crash that it is.

use serde::{Serialize, de::DeserializeOwned};
use shoal_proto::codec;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fmt::Debug,
};

/// Largest single allocation, in bytes: inputs are of a few KiB, so whatever takes more took it by a number in the input.
/// libFuzzer itself is C++ and not counted.
const MAX_ALLOCATION: usize = 1024 * 1024;

/// The system's allocator, up to [`MAX_ALLOCATION`].
struct Capped;

#[global_allocator]
static ALLOCATOR: Capped = Capped;

fn check(size: usize) {
    if size > MAX_ALLOCATION {
        // No panic: its message would be allocated too.
        std::process::abort();
    }
}

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// A message that is read can be written, and what was written is read as the same message.
pub fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(message) = codec::decode::<T>(bytes) {
        let mut out = Vec::new();
        codec::encode(&message, codec::MAX_MESSAGE, &mut out).expect("what fitted once fits again");
        assert_eq!(codec::decode::<T>(&out[codec::PREFIX_LEN..]), Ok(message));
    }
}
