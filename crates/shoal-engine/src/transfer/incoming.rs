//! What comes on a fetch stream: heads of frames, and content as the parts in which it came from the network, without a copy.

use super::transfers::Transfers;
use crate::stream::{RecvStream, StreamError};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use shoal_proto::{
    codec::{self, MAX_FRAME_HEAD, PREFIX_LEN},
    message::Frame,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Parts taken from the stream at once.
const PARTS: usize = 32;

/// The reading half of a fetch. Reads ahead by at most [`PARTS`] datagrams.
#[derive(Debug)]
pub(crate) struct Incoming {
    recv: RecvStream,
    transfers: Arc<Transfers>,
    parts: VecDeque<Bytes>,
    /// Bytes in `parts`.
    len: usize,
    /// Set when something came.
    flowed: Arc<AtomicBool>,
}

impl Incoming {
    pub(crate) fn new(recv: RecvStream, transfers: Arc<Transfers>) -> Self {
        Self::watched(recv, transfers, Arc::default())
    }

    /// The same; `flowed` is set whenever something came.
    pub(crate) fn watched(recv: RecvStream, transfers: Arc<Transfers>, flowed: Arc<AtomicBool>) -> Self {
        Self { recv, transfers, parts: VecDeque::new(), len: 0, flowed }
    }

    /// The head of the next frame.
    ///
    /// # Errors
    /// [`StreamError::Finished`] when the stream ends before it.
    pub(crate) async fn frame(&mut self) -> Result<Frame, StreamError> {
        self.message().await
    }

    /// A message that is no longer than the head of a frame.
    ///
    /// # Errors
    /// [`StreamError::Finished`] when the stream ends before it.
    pub(crate) async fn message<T: DeserializeOwned>(&mut self) -> Result<T, StreamError> {
        while self.len < PREFIX_LEN {
            if !self.fill().await? {
                return Err(if self.len == 0 { StreamError::Finished } else { StreamError::CutShort });
            }
        }
        let mut prefix = [0; PREFIX_LEN];
        self.copy(&mut prefix);
        let len = codec::decode_len(prefix, MAX_FRAME_HEAD)?;
        self.want(len).await?;
        let mut head = [0; MAX_FRAME_HEAD];
        let head = head.get_mut(..len).unwrap_or_default();
        self.copy(head);
        Ok(codec::decode(head)?)
    }

    /// The next `len` bytes, which our own manifest says there are.
    ///
    /// # Errors
    /// [`StreamError::CutShort`] when the stream ends before.
    pub(crate) async fn content(&mut self, len: usize) -> Result<Vec<Bytes>, StreamError> {
        let mut content = Vec::new();
        let mut left = len;
        while left > 0 {
            self.want(1).await?;
            let Some(part) = self.parts.front_mut() else { continue };
            let taken = if part.len() > left { part.split_to(left) } else { self.parts.pop_front().unwrap_or_default() };
            left -= taken.len();
            self.len -= taken.len();
            content.push(taken);
        }
        Ok(content)
    }

    /// Waits until `len` bytes are there.
    async fn want(&mut self, len: usize) -> Result<(), StreamError> {
        while self.len < len {
            if !self.fill().await? {
                return Err(StreamError::CutShort);
            }
        }
        Ok(())
    }

    /// Takes what came; `false` when the stream is over.
    async fn fill(&mut self) -> Result<bool, StreamError> {
        let mut parts = [const { Bytes::new() }; PARTS];
        let Some(count) = self.recv.read_chunks(&mut parts).await? else { return Ok(false) };
        self.flowed.store(true, Ordering::Relaxed);
        let before = self.len;
        for part in parts.into_iter().take(count) {
            self.len += part.len();
            self.parts.push_back(part);
        }
        // Paid for afterwards: what is not read meanwhile keeps the sender waiting.
        let mut unpaid = self.len - before;
        while unpaid > 0 {
            unpaid -= self.transfers.down.share(unpaid).await.min(unpaid);
        }
        Ok(true)
    }

    /// Moves bytes that are there into `to`.
    fn copy(&mut self, mut to: &mut [u8]) {
        while let Some(part) = self.parts.front_mut().filter(|_| !to.is_empty()) {
            let taken = part.split_to(part.len().min(to.len()));
            let (now, later) = to.split_at_mut(taken.len());
            now.copy_from_slice(&taken);
            to = later;
            self.len -= taken.len();
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}
