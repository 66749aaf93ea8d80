//! The messages of one stream as a channel, so that waiting for the next can be given up without losing half of it.

use crate::stream::{RecvStream, StreamError, read_message};
use serde::de::DeserializeOwned;
use shoal_proto::codec::MAX_MESSAGE;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Messages read ahead.
const AHEAD: usize = 8;

/// What comes on a stream, in order. Its reader ends with it.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    messages: mpsc::Receiver<Result<T, StreamError>>,
}

impl<T: DeserializeOwned + Send + 'static> Inbox<T> {
    pub(crate) fn new(mut recv: RecvStream, tasks: &TaskTracker) -> Self {
        let (sender, messages) = mpsc::channel(AHEAD);
        tasks.spawn(async move {
            loop {
                let message = tokio::select! {
                    () = sender.closed() => return,
                    message = read_message(&mut recv, MAX_MESSAGE) => message,
                };
                let last = message.is_err();
                if sender.send(message).await.is_err() || last {
                    return;
                }
            }
        });
        Self { messages }
    }

    /// The next message, or why there is none.
    pub(crate) async fn next(&mut self) -> Result<T, StreamError> {
        self.messages.recv().await.unwrap_or(Err(StreamError::Finished))
    }
}
