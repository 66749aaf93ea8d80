//! Server-sent events (WHATWG HTML, 9.2): a snapshot first, then every event, each a line of JSON.
//!
//! A browser that reads slowly fills the few places of its own channel and then the engine's, which replaces what was lost by a
//! snapshot; a transfer never waits for it. One that reads nothing for [`READ_PATIENCE`] is let go and comes back by itself.

use crate::reply::{Content, Reply, reply};
use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use shoal_api::{
    Event, Failure, Request,
    control::{Backend, EventSource},
};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};

/// Events on the way to one browser.
const QUEUE: usize = 16;

/// How long a browser may leave them unread.
const READ_PATIENCE: Duration = Duration::from_secs(30);

/// Something is said at least this often, so that a browser that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The stream, which holds its place among the streams as long as it lasts.
pub(crate) async fn stream<B: Backend>(backend: &B, place: OwnedSemaphorePermit) -> Result<Reply, Failure> {
    // Listened to before the snapshot is taken: nothing falls between them.
    let events = backend.events();
    let snapshot = backend.handle(Request::Snapshot).await?;
    let (sender, parts) = mpsc::channel(QUEUE);
    if let shoal_api::Reply::Snapshot(snapshot) = snapshot {
        // The channel is empty, and its receiver is here.
        let _ = sender.try_send(Ok(line(&Event::Snapshot(snapshot))?));
    }
    tokio::spawn(forward(events, sender, place));
    Ok(reply(StatusCode::OK, "text/event-stream", Content::Stream { parts, left: None }))
}

async fn forward(mut events: impl EventSource, sender: mpsc::Sender<io::Result<Bytes>>, _place: OwnedSemaphorePermit) {
    let mut said = Instant::now();
    loop {
        let event = tokio::select! {
            () = sender.closed() => return,
            event = timeout(HEARTBEAT.saturating_sub(said.elapsed()), events.next()) => event,
        };
        let part = match event {
            Ok(Some(event)) => match line(&event) {
                Ok(part) => part,
                Err(error) => {
                    tracing::error!(%error, "an event is left out");
                    continue;
                }
            },
            Ok(None) => return,
            Err(_) => Bytes::from_static(b":\n\n"),
        };
        if !matches!(timeout(READ_PATIENCE, sender.send(Ok(part))).await, Ok(Ok(()))) {
            return;
        }
        said = Instant::now();
    }
}

/// JSON has no line break in it, so an event is one `data` line.
fn line(event: &impl Serialize) -> Result<Bytes, Failure> {
    let json = serde_json::to_string(event).map_err(|error| Failure::new(shoal_api::Code::Failed, error))?;
    Ok(format!("data: {json}\n\n").into())
}
