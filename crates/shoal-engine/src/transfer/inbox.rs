//! The messages of one stream as a channel, so that waiting for the next can be given up without losing half of it.

use crate::stream::{RecvStream, StreamError, read_message};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;

/// Messages read ahead.
const AHEAD: usize = 8;

/// Longest message after the offer, in bytes; all of them are short.
const MAX_NEWS: usize = 256;

/// Messages that are read in [`PER`]; the rest wait. An honest end says ten a second.
const MAX_MESSAGES: u32 = 100;
const PER: Duration = Duration::from_secs(1);

/// What comes on a stream, in order. Its reader ends with it.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    messages: mpsc::Receiver<Result<T, StreamError>>,
}

impl<T: DeserializeOwned + Send + 'static> Inbox<T> {
    pub(crate) fn new(mut recv: RecvStream, tasks: &TaskTracker) -> Self {
        let (sender, messages) = mpsc::channel(AHEAD);
        tasks.spawn(async move {
            let (mut read, mut since) = (0, Instant::now());
            loop {
                if since.elapsed() >= PER {
                    (read, since) = (0, Instant::now());
                }
                if read >= MAX_MESSAGES {
                    tokio::select! {
                        () = sender.closed() => return,
                        () = sleep_until(since + PER) => continue,
                    }
                }
                read += 1;
                let message = tokio::select! {
                    () = sender.closed() => return,
                    message = read_message(&mut recv, MAX_NEWS) => message,
                };
                let last = message.is_err();
                if sender.send(message).await.is_err() || last {
                    return;
                }
            }
        });
        Self { messages }
    }

    /// The next message, if it is here already.
    pub(crate) fn next_here(&mut self) -> Option<Result<T, StreamError>> {
        self.messages.try_recv().ok()
    }

    /// The next message, or why there is none.
    pub(crate) async fn next(&mut self) -> Result<T, StreamError> {
        self.messages.recv().await.unwrap_or(Err(StreamError::Finished))
    }
}
