//! `GET /api/download/TRANSFER[?entry=N]`: a received file, to be saved by the browser and never to be shown as a page of ours.

use crate::{
    query,
    reply::{Content, Reply, reply},
};
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderValue},
};
use shoal_api::ReceivedFile;
use shoal_proto::display;
use std::{
    fs::File,
    io::{self, Read},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::spawn_blocking,
    time::timeout,
};

/// Bytes that are read at a time.
const PART: u64 = 256 * 1024;

/// Parts on the way to one browser.
const QUEUE: usize = 4;

/// How long a browser may read nothing: a person may pause a download.
const READ_PATIENCE: Duration = Duration::from_secs(600);

/// Nothing in it is run, if a browser should show it all the same.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// The file as an answer, which holds its place among the downloads as long as it lasts.
pub(crate) fn send(received: ReceivedFile, place: OwnedSemaphorePermit) -> Reply {
    let (sender, parts) = mpsc::channel(QUEUE);
    let mut reply = reply(
        StatusCode::OK,
        "application/octet-stream",
        Content::Stream { parts, left: Some(received.size) },
    );
    let name = query::encoded(&display::shown(&received.name));
    // Encoded, it is a header's value whatever the name holds.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")) {
        reply.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    reply.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    tokio::spawn(read(received.file, received.size, sender, place));
    reply
}

async fn read(file: File, mut left: u64, sender: mpsc::Sender<io::Result<Bytes>>, _place: OwnedSemaphorePermit) {
    let file = Arc::new(file);
    while left > 0 {
        let file = file.clone();
        let part = spawn_blocking(move || {
            let mut part = Vec::new();
            (&*file).take(left.min(PART)).read_to_end(&mut part).map(|_| part)
        });
        let part = match part.await {
            Ok(Ok(part)) if !part.is_empty() => {
                left -= part.len() as u64;
                Ok(part.into())
            }
            // It became shorter while it was read.
            Ok(Ok(_)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        };
        let broken = part.is_err();
        if !matches!(timeout(READ_PATIENCE, sender.send(part)).await, Ok(Ok(()))) || broken {
            return;
        }
    }
}
