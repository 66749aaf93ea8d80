//! Messages on streams: `shoal_proto::codec` over quinn, and streams that tell their connection when they are gone.
//!
//! Leaves out what the messages mean.

use crate::connection::Busy;
use serde::{Serialize, de::DeserializeOwned};
use shoal_proto::{
    codec::{self, CodecError, PREFIX_LEN},
    message::CloseCode,
};
use std::ops::{Deref, DerefMut};

/// Most bytes that are set aside for a message before any of it arrived.
const FIRST_ALLOCATION: usize = 1024;

/// Why no message came or went.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StreamError {
    /// The other end finished the stream where a message could begin.
    #[error("the other end finished the stream")]
    Finished,
    /// The other end reset or stopped the stream. [`CloseCode::from_code`] knows our codes.
    #[error("the other end ended the stream with code {0}")]
    Ended(u64),
    /// The connection is gone.
    #[error("the connection was lost: {0}")]
    Lost(#[from] quinn::ConnectionError),
    /// What came is no message, or what should go does not fit.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The stream finished inside a message.
    #[error("a message that was cut short")]
    CutShort,
    /// This end finished or stopped the stream before.
    #[error("the stream is closed here")]
    ClosedHere,
}

impl StreamError {
    /// The other end broke the protocol: the connection is to be closed with [`CloseCode::Violation`].
    pub(crate) fn is_violation(&self) -> bool {
        matches!(self, Self::Codec(_) | Self::CutShort)
    }

    /// The code with which the other end ended the stream or the connection, if it is one of ours.
    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Ended(code) => CloseCode::from_code(*code),
            Self::Lost(quinn::ConnectionError::ApplicationClosed(close)) => CloseCode::from_code(close.error_code.into_inner()),
            _ => None,
        }
    }
}

impl From<quinn::WriteError> for StreamError {
    fn from(error: quinn::WriteError) -> Self {
        match error {
            quinn::WriteError::Stopped(code) => Self::Ended(code.into_inner()),
            quinn::WriteError::ConnectionLost(error) => Self::Lost(error),
            quinn::WriteError::ClosedStream | quinn::WriteError::ZeroRttRejected => Self::ClosedHere,
        }
    }
}

impl From<quinn::ReadError> for StreamError {
    fn from(error: quinn::ReadError) -> Self {
        match error {
            quinn::ReadError::Reset(code) => Self::Ended(code.into_inner()),
            quinn::ReadError::ConnectionLost(error) => Self::Lost(error),
            quinn::ReadError::ClosedStream | quinn::ReadError::IllegalOrderedRead | quinn::ReadError::ZeroRttRejected => {
                Self::ClosedHere
            }
        }
    }
}

/// Writes one message of at most `limit` bytes.
///
/// # Errors
/// [`StreamError`]; after any the stream is of no more use.
pub(crate) async fn write_message<T: Serialize>(
    send: &mut quinn::SendStream,
    message: &T,
    limit: usize,
) -> Result<(), StreamError> {
    let mut frame = Vec::new();
    codec::encode(message, limit, &mut frame)?;
    send.write_all(&frame).await?;
    Ok(())
}

/// Reads one message of at most `limit` bytes.
///
/// # Errors
/// [`StreamError::Finished`] when the stream ends before it; any other leaves the stream of no more use.
pub(crate) async fn read_message<T: DeserializeOwned>(recv: &mut quinn::RecvStream, limit: usize) -> Result<T, StreamError> {
    let frame = read_frame(recv, limit).await?;
    Ok(codec::decode(&frame)?)
}

/// Reads one message's bytes without its length. The buffer grows with what arrives, not with what the length promises.
///
/// # Errors
/// As [`read_message`].
pub(crate) async fn read_frame(recv: &mut quinn::RecvStream, limit: usize) -> Result<Vec<u8>, StreamError> {
    let mut prefix = [0; PREFIX_LEN];
    match recv.read_exact(&mut prefix).await {
        Ok(()) => {}
        Err(quinn::ReadExactError::FinishedEarly(0)) => return Err(StreamError::Finished),
        Err(quinn::ReadExactError::FinishedEarly(_)) => return Err(StreamError::CutShort),
        Err(quinn::ReadExactError::ReadError(error)) => return Err(error.into()),
    }
    let len = codec::decode_len(prefix, limit)?;
    let mut frame = Vec::with_capacity(len.min(FIRST_ALLOCATION));
    while frame.len() < len {
        let chunk = recv.read_chunk(len - frame.len(), true).await?.ok_or(StreamError::CutShort)?;
        frame.extend_from_slice(&chunk.bytes);
    }
    Ok(frame)
}

/// A code as quinn wants it.
pub(crate) fn var_int(code: CloseCode) -> quinn::VarInt {
    quinn::VarInt::from_u32(code.code())
}

/// The writing half of a request's stream. Dropped before [`SendStream::finish`] it is reset with [`CloseCode::Done`]: a task
/// that gives up half-way must not look like a clean end, nor like a message cut short.
#[derive(Debug)]
pub(crate) struct SendStream {
    stream: quinn::SendStream,
    finished: bool,
    _busy: Busy,
}

impl SendStream {
    pub(crate) fn new(stream: quinn::SendStream, busy: Busy) -> Self {
        Self { stream, finished: false, _busy: busy }
    }

    /// What goes on this stream lets everything else on its connection pass: control messages do not wait behind content.
    pub(crate) fn yield_to_others(&mut self) {
        let _ = self.stream.set_priority(-1); // fails only when it is over
    }

    /// Ends the stream: everything written still arrives. Once is enough; after a reset it does nothing.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
        let _ = self.stream.finish(); // fails only when it is over, or stopped by the reader, who then wants nothing
    }

    /// Ends the stream and waits until all of it has arrived, or the reader wants no more: what was written then, and is not sent, is not
    /// sent any more.
    pub(crate) async fn finish_unless_stopped(&mut self) {
        self.finish();
        if let Ok(Some(_)) = self.stream.stopped().await {
            let _ = self.stream.reset(var_int(CloseCode::Done)); // fails only when it is over
        }
    }

    /// Ends the stream with a code; what is not sent yet is not sent. A stream that is over already stays as it is.
    pub(crate) fn refuse(&mut self, code: CloseCode) {
        if !self.finished {
            self.finished = true;
            let _ = self.stream.reset(var_int(code)); // fails only when it is over
        }
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        self.refuse(CloseCode::Done);
    }
}

impl Deref for SendStream {
    type Target = quinn::SendStream;

    fn deref(&self) -> &quinn::SendStream {
        &self.stream
    }
}

impl DerefMut for SendStream {
    fn deref_mut(&mut self) -> &mut quinn::SendStream {
        &mut self.stream
    }
}

/// The reading half of a request's stream.
#[derive(Debug)]
pub(crate) struct RecvStream {
    stream: quinn::RecvStream,
    _busy: Busy,
}

impl RecvStream {
    pub(crate) fn new(stream: quinn::RecvStream, busy: Busy) -> Self {
        Self { stream, _busy: busy }
    }

    /// Tells the other end to stop sending.
    pub(crate) fn refuse(&mut self, code: CloseCode) {
        let _ = self.stream.stop(var_int(code)); // fails only when it is over
    }

    /// Waits for the answer to a request that is only done or refused: an end with nothing before it.
    ///
    /// # Errors
    /// The code of the refusal, or [`CodecError::Malformed`] when there is something.
    pub(crate) async fn done(&mut self) -> Result<(), StreamError> {
        match self.stream.read_to_end(0).await {
            Ok(_) => Ok(()),
            Err(quinn::ReadToEndError::Read(error)) => Err(error.into()),
            Err(quinn::ReadToEndError::TooLong) => Err(CodecError::Malformed.into()),
        }
    }
}

impl Deref for RecvStream {
    type Target = quinn::RecvStream;

    fn deref(&self) -> &quinn::RecvStream {
        &self.stream
    }
}

impl DerefMut for RecvStream {
    fn deref_mut(&mut self) -> &mut quinn::RecvStream {
        &mut self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// quinn gives a connection up with "too many gaps in stream buffer" when too much is lost of a large window. Nobody did
    /// anything wrong then: the transfer goes on over the next connection.
    #[test]
    fn a_connection_that_quinn_gave_up_is_lost_and_no_violation() {
        let code = quinn::TransportErrorCode::INTERNAL_ERROR;
        let here = quinn::ConnectionError::TransportError(quinn_proto::TransportError {
            code,
            frame: None,
            reason: "too many gaps in stream buffer".to_owned(),
        });
        let there = quinn::ConnectionError::ConnectionClosed(quinn::ConnectionClose {
            error_code: code,
            frame_type: None,
            reason: bytes::Bytes::from_static(b"too many gaps in stream buffer"),
        });
        for error in [here, there] {
            let read = StreamError::from(quinn::ReadError::ConnectionLost(error.clone()));
            let written = StreamError::from(quinn::WriteError::ConnectionLost(error.clone()));
            for error in [read, written] {
                assert!(!error.is_violation() && matches!(error, StreamError::Lost(_)), "{error}");
                assert_eq!(error.close_code(), None);
            }
        }
    }
}
