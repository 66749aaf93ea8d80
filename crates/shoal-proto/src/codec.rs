//! Framing: a 32-bit little-endian length, then that many bytes of postcard.
//!
//! The reader checks the length against a limit before it takes a byte, and a message must fill its frame exactly.

use serde::{Serialize, de::DeserializeOwned};

/// Bytes of the length that stands before each message.
pub const PREFIX_LEN: usize = 4;

/// Longest control message.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// Longest frame head on a fetch stream; content is not counted.
pub const MAX_FRAME_HEAD: usize = 1024;

/// Why bytes are not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The length says more than the limit for this place.
    #[error("a message of {len} bytes where {limit} are allowed")]
    TooLong {
        /// What the length prefix said, in bytes.
        len: usize,
        /// What is allowed here, in bytes.
        limit: usize,
    },
    /// The bytes are not a message of the expected kind.
    #[error("a message that cannot be read")]
    Malformed,
    /// Bytes are left over after the message.
    #[error("a message with {0} bytes too many")]
    Trailing(usize),
}

/// Reads a length prefix.
///
/// # Errors
/// [`CodecError::TooLong`] when it is above `limit`.
pub fn decode_len(prefix: [u8; PREFIX_LEN], limit: usize) -> Result<usize, CodecError> {
    let len = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
    if len > limit { Err(CodecError::TooLong { len, limit }) } else { Ok(len) }
}

/// Reads one message from a whole frame.
///
/// # Errors
/// [`CodecError::Malformed`] or [`CodecError::Trailing`].
pub fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, CodecError> {
    let (message, rest) = postcard::take_from_bytes(frame).map_err(|_| CodecError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(CodecError::Trailing(rest.len())) }
}

/// Appends `message` with its length to `out`.
///
/// # Errors
/// [`CodecError::TooLong`] when it would be above `limit`; `out` is then as it was.
pub fn encode<T: Serialize>(message: &T, limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let body = postcard::to_allocvec(message).map_err(|_| CodecError::Malformed)?;
    let len = u32::try_from(body.len()).ok().filter(|_| body.len() <= limit);
    let Some(len) = len else { return Err(CodecError::TooLong { len: body.len(), limit }) };
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_message_round_trips(text in ".{0,200}", number: u64, list: Vec<u32>) {
            let message = (text, number, list);
            let mut out = Vec::new();
            encode(&message, MAX_MESSAGE, &mut out).unwrap();
            let (prefix, body) = out.split_at(PREFIX_LEN);
            prop_assert_eq!(decode_len(prefix.try_into().unwrap(), MAX_MESSAGE), Ok(body.len()));
            prop_assert_eq!(decode::<(String, u64, Vec<u32>)>(body), Ok(message));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = decode::<crate::message::Request>(&bytes);
            let _ = decode::<crate::message::Frame>(&bytes);
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_a_byte_is_read() {
        assert_eq!(decode_len([0xff; 4], 10), Err(CodecError::TooLong { len: 0xffff_ffff, limit: 10 }));
    }

    #[test]
    fn bytes_after_the_message_are_refused() {
        assert_eq!(decode::<u8>(&[1, 2]), Err(CodecError::Trailing(1)));
    }
}
