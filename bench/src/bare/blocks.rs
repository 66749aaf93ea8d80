//! Blocks of memory that are used again, and the bound on how many there are.

use super::BLOCK;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// A stream's blocks. Whoever takes one waits until one is free.
#[derive(Debug)]
pub(super) struct Pool {
    free: Receiver<Vec<u8>>,
    home: SyncSender<Vec<u8>>,
}

impl Pool {
    pub(super) fn new(blocks: usize) -> Self {
        let (home, free) = sync_channel(blocks);
        for _ in 0..blocks {
            // Room for each was just made. An empty one costs nothing until it is used.
            let _ = home.send(Vec::new());
        }
        Self { free, home }
    }

    /// A free block; waits for one.
    pub(super) fn take(&self) -> Block {
        // The pool holds a sender itself, so there is always another to come.
        let mut bytes = self.free.recv().unwrap_or_default();
        bytes.resize(BLOCK, 0);
        Block { bytes, used: 0, home: self.home.clone() }
    }
}

/// A block; goes back to its pool when dropped.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    used: usize,
    home: SyncSender<Vec<u8>>,
}

impl Block {
    /// Room that is left.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }

    /// The first `count` bytes of the room are used now.
    pub(super) fn advance(&mut self, count: usize) {
        self.used = (self.used + count).min(self.bytes.len());
    }

    pub(super) fn is_full(&self) -> bool {
        self.used == self.bytes.len()
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // Nobody waits for it once the pool is gone; a full channel cannot be.
        let _ = self.home.try_send(std::mem::take(&mut self.bytes));
    }
}
