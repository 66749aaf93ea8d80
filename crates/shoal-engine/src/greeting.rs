//! What a device says of itself on the stream of a hello. Hints for a screen, never grounds for trust.

use crate::stream::{SendStream, StreamError, read_message, write_message};
use shoal_proto::{
    codec::CodecError,
    message::{Hello, Look, MAX_DEVICE_NAME, Request},
};

/// Longest hello, in bytes: [`MAX_DEVICE_NAME`] characters and [`MAX_VERSION`] bytes.
pub(crate) const MAX_HELLO: usize = 512;

/// Longest version in a hello, in bytes.
const MAX_VERSION: usize = 64;

/// Longest look, in bytes.
const MAX_LOOK: usize = 16;

/// A device's introduction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// Name, platform, version.
    pub(crate) hello: Hello,
    /// The wish how to look.
    pub(crate) look: Look,
}

impl Greeting {
    /// Says it on a connection that this end dialled; what the other end says.
    ///
    /// # Errors
    /// [`StreamError`]; a violation when the answer is no greeting.
    pub(crate) async fn say(&self, quinn: &quinn::Connection) -> Result<Self, StreamError> {
        let (mut send, mut recv) = quinn.open_bi().await?;
        write_message(&mut send, &Request::Hello(self.hello.clone()), MAX_HELLO).await?;
        self.add_look(&mut send).await?;
        let _ = send.finish(); // fails only when the answer is there already
        let hello = read_message(&mut recv, MAX_HELLO).await?;
        Self::hear(hello, &mut recv).await
    }

    /// Answers the other end's; the stream is to be finished then.
    ///
    /// # Errors
    /// [`StreamError`]; after any the stream is of no more use.
    pub(crate) async fn answer(&self, send: &mut quinn::SendStream) -> Result<(), StreamError> {
        write_message(send, &self.hello, MAX_HELLO).await?;
        self.add_look(send).await
    }

    /// Ends the stream of a request that was this greeting's hello.
    ///
    /// # Errors
    /// [`StreamError`]; after any the stream is of no more use.
    pub(crate) async fn end(&self, send: &mut SendStream) -> Result<(), StreamError> {
        self.add_look(send).await?;
        send.finish();
        Ok(())
    }

    /// What follows the hello. A peer that reads no further than that, as an earlier version does, was greeted all the same.
    async fn add_look(&self, send: &mut quinn::SendStream) -> Result<(), StreamError> {
        match write_message(send, &self.look, MAX_LOOK).await {
            Err(StreamError::Ended(_)) => Ok(()),
            written => written,
        }
    }

    /// What the other end says: a hello, and what follows it. An earlier version ends the stream after the hello.
    ///
    /// # Errors
    /// [`StreamError`]; a violation when it is no greeting.
    pub(crate) async fn hear(hello: Hello, recv: &mut quinn::RecvStream) -> Result<Self, StreamError> {
        if hello.name.chars().count() > MAX_DEVICE_NAME || hello.version.len() > MAX_VERSION {
            return Err(CodecError::Malformed.into());
        }
        match read_message(recv, MAX_LOOK).await {
            Ok(look) => Ok(Self { hello, look }),
            Err(StreamError::Finished) => Ok(Self { hello, look: Look::default() }),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
