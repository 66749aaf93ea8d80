//! Blocks of memory on their way to the network, used again once their bytes are acknowledged: fresh ones would cost a page fault
//! for every four KiB.

use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Blocks kept for the next use, at most: what quinn keeps unacknowledged, and what is read ahead.
const MAX_KEPT: usize = 16;

/// Blocks of one transfer. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Bytes that grow at the end. Memory that was used before is not zeroed again.
#[derive(Debug)]
pub(crate) struct Block {
    /// As long as it ever was; the first `len` bytes count.
    bytes: Vec<u8>,
    len: usize,
    home: Buffers,
}

impl Block {
    /// Bytes in it.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Makes it longer by `more` bytes, whatever they are, and returns them.
    pub(crate) fn grow(&mut self, more: usize) -> &mut [u8] {
        let start = self.len;
        self.len += more;
        if self.bytes.len() < self.len {
            self.bytes.resize(self.len, 0);
        }
        self.bytes.get_mut(start..self.len).unwrap_or_default()
    }

    /// Cuts it.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Bytes from `start` on.
    pub(crate) fn rest_mut(&mut self, start: usize) -> &mut [u8] {
        self.bytes.get_mut(start..self.len).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut free = self.home.free();
        if free.len() < MAX_KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

impl From<Block> for Bytes {
    /// To be sent; the block comes back when nobody needs a byte of it any more.
    fn from(block: Block) -> Self {
        Self::from_owner(block)
    }
}

impl Buffers {
    /// An empty block.
    pub(crate) fn take(&self) -> Block {
        let bytes = self.free().pop().unwrap_or_default();
        Block { bytes, len: 0, home: self.clone() }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_when_its_bytes_are_not_needed_any_more() {
        let buffers = Buffers::default();
        let mut block = buffers.take();
        block.grow(5).copy_from_slice(b"abcde");
        block.truncate(3);
        block.rest_mut(1).copy_from_slice(b"xy");
        let mut bytes = Bytes::from(block);
        let first = bytes.split_to(1);
        assert_eq!((&*first, &*bytes), (&b"a"[..], &b"xy"[..]));
        drop(bytes);
        assert!(buffers.free().is_empty());
        drop(first);
        assert_eq!(buffers.free().len(), 1);
        let mut again = buffers.take();
        assert_eq!((again.len(), again.grow(7).len()), (0, 7));
        drop((0..3 * MAX_KEPT).map(|_| buffers.take()).collect::<Vec<_>>());
        assert_eq!(buffers.free().len(), MAX_KEPT);
    }
}
