//! `GET /api/download/TRANSFER[?entry=N]`: what was received, to be saved by the browser and never to be shown as a page of ours.
//!
//! Names in an archive are written as Windows takes them: programs that unpack on Windows take `\` for a separator.

use crate::{
    Download,
    reply::{Content, Reply, reply},
    zip::Zip,
};
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderValue},
};
use shoal_api::{Code, Failure, ReceivedFile, query};
use shoal_proto::{display, mapping::Rules};
use std::{
    io::{self, Read},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, mpsc},
    task::spawn_blocking,
    time::timeout,
};

/// Most files in one archive: its list of contents is kept in memory until the end.
pub const MAX_ARCHIVED: usize = 100_000;

/// Bytes that are read at a time.
const PART: u64 = 256 * 1024;

/// Parts on the way to one browser.
const QUEUE: usize = 4;

/// How long a browser may read nothing: a person may pause a download.
const READ_PATIENCE: Duration = Duration::from_secs(600);

/// Nothing in it is run, if a browser should show it all the same.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// The download as an answer, which holds its place among the downloads as long as it lasts.
pub(crate) async fn send(mut download: Download, place: OwnedSemaphorePermit) -> Result<Reply, Failure> {
    // The first file is opened before anything is answered: if there is none, that can still be said.
    let opened = spawn_blocking(move || (first(&mut download), download)).await;
    let (first, download) = opened.map_err(|error| Failure::new(Code::Failed, error))?;
    let first = first?;
    let (sender, parts) = mpsc::channel(QUEUE);
    let pipe = Pipe { sender, runtime: Handle::current() };
    let (left, extension) = if download.is_one_file { (Some(first.size), "") } else { (None, ".zip") };
    let name = query::encoded(&display::shown(&format!("{}{extension}", download.name)));
    spawn_blocking(move || {
        let done = if download.is_one_file { copy(&first, &pipe, |_| {}) } else { archive(first, download, &pipe) };
        if let Err(error) = done {
            tracing::debug!(%error, "a download broke off");
            // The browser must not take what it has for whole; it may be gone.
            let _ = pipe.send(Err(error));
        }
        drop(place);
    });
    let mut reply = reply(StatusCode::OK, "application/octet-stream", Content::Stream { parts, left });
    // Encoded, it is a header's value whatever the name holds.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")) {
        reply.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    reply.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(reply)
}

/// The first file that is there; otherwise why the first of them is not.
fn first(download: &mut Download) -> Result<ReceivedFile, Failure> {
    let mut why = None;
    for file in &mut download.files {
        match file {
            Ok(file) => return Ok(file),
            Err(failure) => _ = why.get_or_insert(failure),
        }
    }
    Err(why.unwrap_or_else(|| Failure::new(Code::Failed, "nothing of it is here: it has not come yet, or was left out")))
}

/// Where the parts of an answer go.
#[derive(Debug)]
struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl Pipe {
    /// Waits for room. Called on threads that may block.
    fn send(&self, part: io::Result<Bytes>) -> io::Result<()> {
        match self.runtime.block_on(async { timeout(READ_PATIENCE, self.sender.send(part)).await }) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Sends a file's bytes, each part of which `see` looks at.
fn copy(received: &ReceivedFile, pipe: &Pipe, mut see: impl FnMut(&[u8])) -> io::Result<()> {
    let mut left = received.size;
    while left > 0 {
        let mut part = Vec::new();
        (&received.file).take(left.min(PART)).read_to_end(&mut part)?;
        if part.is_empty() {
            // It became shorter while it was read.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= part.len() as u64;
        see(&part);
        pipe.send(Ok(part.into()))?;
    }
    Ok(())
}

/// Sends the files as a ZIP archive. What was moved or changed since it came is left out.
fn archive(first: ReceivedFile, download: Download, pipe: &Pipe) -> io::Result<()> {
    let mut zip = Zip::default();
    let here = std::iter::once(first).chain(download.files.filter_map(Result::ok));
    for (count, received) in here.enumerate() {
        if count >= MAX_ARCHIVED {
            return Err(io::Error::other("more files than fit in an archive"));
        }
        let names: Vec<String> = received.path.components().map(|name| Rules::Windows.map(name).name).collect();
        pipe.send(Ok(zip.begin(&names.join("/"), received.size, received.modified).into()))?;
        copy(&received, pipe, |part| zip.see(part))?;
        pipe.send(Ok(zip.end().into()))?;
    }
    pipe.send(Ok(zip.finish().into()))
}
