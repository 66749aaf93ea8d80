//! A part of a file, read through an engine.

use super::{Asker, PART, WAIT_S};
use crate::{Code, Failure, Reply, Request};
use bytes::Bytes;
use shoal_engine::PeerId;
use std::{io, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// Parts that wait for one reader, beside the one that is on its way.
const QUEUE: usize = 1;

/// How long a reader may take nothing: a person pauses a film. Who comes back later asks anew.
const READ_PATIENCE: Duration = Duration::from_secs(600);

/// Bytes of one version of one file, in order.
#[derive(Debug)]
pub struct Reader<A> {
    asker: A,
    peer: PeerId,
    path: String,
    seen: Seen,
    /// The next byte.
    next: u64,
    /// Behind the last byte.
    end: u64,
    /// What was read before it was clear what would be given.
    first: Option<Bytes>,
}

/// What an engine says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size: u64,
    pub(super) version: String,
}

impl<A: Asker> Reader<A> {
    /// A look at a file from `next` on, with the first part of at most `len` bytes, which may be none.
    pub(super) async fn open(asker: A, peer: PeerId, path: String, next: u64, len: u64) -> Result<Self, Failure> {
        let (seen, first) = read(&asker, peer, &path, next, len).await?;
        Ok(Self { asker, peer, path, end: seen.size, seen, next, first: Some(first).filter(|first| !first.is_empty()) })
    }

    /// What it reads.
    pub(super) const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Goes no further than to this byte.
    pub(super) fn until(&mut self, end: u64) {
        self.end = end.min(self.seen.size);
    }

    /// The next byte to come.
    pub(super) const fn at(&self) -> u64 {
        self.next
    }

    /// Bytes still to come.
    pub const fn left(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// The file became another, is not to be had any more, or its device is away: what came so far is not the whole of it.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.left() == 0 {
            return Ok(None);
        }
        let mut part = match self.first.take() {
            Some(first) => first,
            None => {
                let (seen, part) = read(&self.asker, self.peer, &self.path, self.next, self.left()).await?;
                if seen != self.seen {
                    return Err(Failure::new(Code::Interrupted, "the file was changed while it was shown: open it again"));
                }
                part
            }
        };
        part.truncate(usize::try_from(self.left()).unwrap_or(usize::MAX));
        if part.is_empty() {
            return Err(Failure::new(Code::Interrupted, "the file ended early: open it again"));
        }
        self.next += part.len() as u64;
        Ok(Some(part))
    }

    /// All that is left, at once.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn all(mut self) -> Result<Bytes, Failure> {
        let mut all = Vec::with_capacity(usize::try_from(self.left()).unwrap_or_default());
        while let Some(part) = self.next().await? {
            all.extend_from_slice(&part);
        }
        Ok(all.into())
    }

    /// Its parts through a channel, as fast as they are taken; `place` is held as long as it lasts. An error at the end means that
    /// what came is not whole. Reads on only while somebody takes.
    pub fn stream(mut self, place: impl Send + 'static) -> mpsc::Receiver<io::Result<Bytes>> {
        let (sender, parts) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let _place = place;
            loop {
                let part = tokio::select! {
                    part = self.next() => part,
                    () = sender.closed() => return,
                };
                let (part, goes_on) = match part {
                    Ok(Some(part)) => (Ok(part), true),
                    Ok(None) => return,
                    Err(failure) => {
                        tracing::debug!(%failure, "a look at a file broke off");
                        (Err(io::Error::other(failure)), false)
                    }
                };
                if !matches!(timeout(READ_PATIENCE, sender.send(part)).await, Ok(Ok(()))) || !goes_on {
                    return;
                }
            }
        });
        parts
    }
}

/// Reads up to the next multiple of [`PART`], where pieces begin: no piece is fetched for two parts.
async fn read<A: Asker>(asker: &A, peer: PeerId, path: &str, offset: u64, len: u64) -> Result<(Seen, Bytes), Failure> {
    let len = len.min(PART - offset % PART);
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    let request = Request::ReadShared { peer: peer.to_string(), path: path.to_owned(), offset, len, wait_s: WAIT_S };
    match asker.ask(request).await? {
        Reply::Bytes { size, version, data } => Ok((Seen { size, version }, data.0)),
        _ => Err(super::other_version()),
    }
}
