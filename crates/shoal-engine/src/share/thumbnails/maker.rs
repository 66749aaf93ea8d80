//! Has a picture made by another process, for which everything is bounded.

use shoal_proto::share::MAX_THUMBNAIL;
use std::{ffi::OsString, fs::File, io, path::PathBuf, process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

/// How long one picture may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A program that makes thumbnails: an image is its standard input, the picture its standard output. The longer side in pixels and the most
/// bytes follow its arguments. It ends with an error when there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnailer {
    /// The program.
    pub program: PathBuf,
    /// What it is told before the two numbers.
    pub arguments: Vec<OsString>,
}

impl Thumbnailer {
    /// This very program, started again with an argument that it knows.
    pub fn this_program(argument: &str) -> Option<Self> {
        let program = std::env::current_exe().inspect_err(|error| tracing::warn!(%error, "thumbnails are not made")).ok()?;
        Some(Self { program, arguments: vec![argument.into()] })
    }

    /// A picture of an image; `None`: there is none, whatever is the matter with the image.
    ///
    /// # Errors
    /// The program cannot be started, or did not end in time: that says nothing of the image.
    pub(super) async fn make(&self, image: File, edge: u16) -> io::Result<Option<Vec<u8>>> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(edge.to_string()).arg(MAX_THUMBNAIL.to_string());
        command.stdin(Stdio::from(image)).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().inspect_err(|error| tracing::warn!(%error, "thumbnails are not made"))?;
        let made = timeout(PATIENCE, async {
            let mut picture = Vec::new();
            if let Some(output) = child.stdout.take() {
                output.take(MAX_THUMBNAIL as u64 + 1).read_to_end(&mut picture).await?;
            }
            // More than may come is not read; the pipe is closed now, so that it ends.
            let ended = child.wait().await?;
            Ok::<_, io::Error>((ended.success() && (1..=MAX_THUMBNAIL).contains(&picture.len())).then_some(picture))
        });
        match made.await {
            Ok(Ok(picture)) => Ok(picture),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                child.kill().await?;
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }
}
