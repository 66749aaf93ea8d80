//! JSON lines with a limit, on either end of the socket.

use serde::{Serialize, de::DeserializeOwned};
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why a line was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// Longer than allowed; the stream is out of step from here on.
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    /// Not the JSON that was expected; the next line may be.
    #[error("a line is not understood: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads lines of at most `max` bytes. Cancelling [`Self::next`] loses nothing: what was read so far stays here.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    max: usize,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, max: usize) -> Self {
        Self { reader, max, line: Vec::new() }
    }

    /// The next line; `None` at the end. A last line that is not ended counts as cut off: the end.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        let room = (self.max + 1).saturating_sub(self.line.len());
        // One more than fits, so that a line of exactly `max` bytes is told from a longer one.
        (&mut self.reader).take(room as u64).read_until(b'\n', &mut self.line).await?;
        if self.line.last() != Some(&b'\n') {
            return if self.line.len() > self.max { Err(LineError::TooLong(self.max)) } else { Ok(None) };
        }
        let parsed = serde_json::from_slice(&self.line);
        self.line.clear();
        Ok(Some(parsed?))
    }
}

/// Writes one line.
pub(super) async fn write<T: Serialize + ?Sized>(writer: &mut (impl AsyncWrite + Unpin), value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}
