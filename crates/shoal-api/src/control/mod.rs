//! The road to an engine that runs in another process: JSON lines over a local socket in the data folder.
//!
//! A client writes one [`Request`] a line, at most [`MAX_REQUEST`] bytes, and reads one answer for each: `{"ok":…}` holds a
//! [`Reply`], `{"failure":…}` a [`Failure`]. After [`Request::Subscribe`] is answered, every further line from the server is an
//! [`Event`].
//!
//! Whoever may open the socket may do everything its owner may: it is 0600 (a named pipe for the owner alone on Windows), and
//! nothing else guards it. Nothing here grows with a slow client: its events wait in the engine's bounded channel and are
//! replaced by a snapshot when that overflows, and a client that reads nothing for [`WRITE_PATIENCE`] is let go.

mod client;
mod line;
mod place;
mod server;

pub use client::{Client, EventStream};
pub use server::{Server, serve};

use crate::{Event, Failure, Feed, Reply, Request};
use serde::{Deserialize, Serialize};
use shoal_engine::Engine;
use std::{future::Future, time::Duration};

/// Longest request, in bytes.
pub const MAX_REQUEST: usize = 1024 * 1024;

/// Longest answer or event, in bytes. Generous: the server is ourselves, and a list of transfers may be long.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Most clients at once.
pub const MAX_CLIENTS: usize = 64;

/// How long a client may leave what it is sent unread.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What answers requests: an engine, or a fake in tests.
pub trait Backend: Clone + Send + Sync + 'static {
    /// Where its events come from.
    type Events: EventSource;

    /// Does what was asked.
    fn handle(&self, request: Request) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// Events from now on.
    fn events(&self) -> Self::Events;
}

/// A stream of events.
pub trait EventSource: Send + 'static {
    /// The next event; `None` when there will be no more.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

impl Backend for Engine {
    type Events = Feed;

    async fn handle(&self, request: Request) -> Result<Reply, Failure> {
        crate::handle(self, request).await
    }

    fn events(&self) -> Feed {
        Feed::new(self)
    }
}

impl EventSource for Feed {
    async fn next(&mut self) -> Option<Event> {
        Self::next(self).await
    }
}

/// The answer to one request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Reply),
    Failure(Failure),
}

impl From<Result<Reply, Failure>> for Answer {
    fn from(result: Result<Reply, Failure>) -> Self {
        match result {
            Ok(reply) => Self::Ok(reply),
            Err(failure) => Self::Failure(failure),
        }
    }
}

impl From<Answer> for Result<Reply, Failure> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Ok(reply) => Ok(reply),
            Answer::Failure(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests;
