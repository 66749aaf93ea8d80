//! Blocks of memory on their way to the network, used again once their bytes are acknowledged: fresh ones would cost a page fault
//! for every four KiB.

use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Buffers kept for the next use, at most: what quinn keeps unacknowledged, and what is read ahead.
const MAX_KEPT: usize = 16;

/// Buffers of one transfer. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    /// An empty buffer with room for `capacity` bytes.
    pub(crate) fn take(&self, capacity: usize) -> Vec<u8> {
        let kept = self.free().pop();
        let mut buffer = kept.unwrap_or_default();
        buffer.clear();
        buffer.reserve_exact(capacity);
        buffer
    }

    /// The buffer as bytes to be sent; it comes back when nobody needs them any more.
    pub(crate) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { buffer, home: self.clone() })
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.home.free();
        if free.len() < MAX_KEPT {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_bytes_are_not_needed_any_more() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take(100);
        buffer.extend_from_slice(b"abc");
        let place = buffer.as_ptr();
        let mut bytes = buffers.lend(buffer);
        let first = bytes.split_to(1);
        drop(bytes);
        assert!(buffers.free().is_empty());
        assert_eq!(&*first, b"a");
        drop(first);
        let again = buffers.take(50);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        drop((0..3 * MAX_KEPT).map(|_| buffers.lend(Vec::new())).collect::<Vec<_>>());
        assert_eq!(buffers.free().len(), MAX_KEPT);
    }
}
