//! Events to a page, in batches. The next batch goes out when the page has heard the last, so a slow page holds back only itself:
//! the engine's feed is bounded, and what was lost is replaced by a snapshot.

use crate::engine::Engine;
use serde::Serialize;
use shoal_api::{Code, Event, Failure};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tauri::ipc::Channel;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Streams that pages may have at once: one each, and some that a reload left.
const MAX_STREAMS: usize = 8;

/// Events in one batch.
const MAX_BATCH: usize = 512;

/// Time between batches: no page shows more than this.
const PACE: Duration = Duration::from_millis(40);

/// Pause before an engine that went away is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// What a page gets at once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Batch {
    /// Whether the engine is reached.
    connected: bool,
    /// In order.
    events: Vec<Event>,
}

/// The streams that run.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    next: u32,
    streams: HashMap<u32, Arc<Stream>>,
}

#[derive(Debug, Default)]
struct Stream {
    heard: Notify,
    end: CancellationToken,
}

impl Streams {
    /// Starts a stream and returns its number.
    pub(crate) fn start(&self, engine: Arc<Engine>, channel: Channel<Batch>) -> Result<u32, Failure> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.streams.len() >= MAX_STREAMS {
            return Err(Failure::new(Code::Usage, "this page listens too often already: reload it"));
        }
        let number = running.next;
        running.next = running.next.wrapping_add(1);
        let stream = Arc::new(Stream::default());
        running.streams.insert(number, stream.clone());
        tauri::async_runtime::spawn(async move {
            tokio::select! {
                () = stream.run(&engine, &channel) => {}
                () = stream.end.cancelled() => {}
                () = engine.closing() => {}
            }
        });
        Ok(number)
    }

    /// The page has dealt with a batch.
    pub(crate) fn heard(&self, number: u32) {
        if let Some(stream) = self.0.lock().unwrap_or_else(PoisonError::into_inner).streams.get(&number) {
            stream.heard.notify_one();
        }
    }

    /// The page hears no more.
    pub(crate) fn end(&self, number: u32) {
        if let Some(stream) = self.0.lock().unwrap_or_else(PoisonError::into_inner).streams.remove(&number) {
            stream.end.cancel();
        }
    }

    /// The page is gone, and all that it listened to.
    pub(crate) fn end_all(&self) {
        for (_, stream) in self.0.lock().unwrap_or_else(PoisonError::into_inner).streams.drain() {
            stream.end.cancel();
        }
    }
}

impl Stream {
    async fn run(&self, engine: &Engine, channel: &Channel<Batch>) {
        loop {
            match engine.subscribe().await {
                Ok((snapshot, mut feed)) => {
                    let (sender, mut events) = mpsc::channel(MAX_BATCH);
                    let pump = async move {
                        while let Some(event) = feed.next().await {
                            if sender.send(event).await.is_err() {
                                return;
                            }
                        }
                    };
                    let speak = async {
                        self.say(channel, Batch { connected: true, events: vec![snapshot] }).await;
                        let mut batch = Vec::new();
                        while events.recv_many(&mut batch, MAX_BATCH).await > 0 {
                            self.say(channel, Batch { connected: true, events: latest(std::mem::take(&mut batch)) }).await;
                        }
                    };
                    tokio::join!(pump, speak);
                }
                Err(failure) => tracing::debug!(%failure, "nothing to hear yet"),
            }
            self.say(channel, Batch { connected: false, events: Vec::new() }).await;
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn say(&self, channel: &Channel<Batch>, batch: Batch) {
        if let Err(error) = channel.send(batch) {
            tracing::debug!(%error, "the page is gone");
        }
        self.heard.notified().await;
        tokio::time::sleep(PACE).await;
    }
}

/// Only the last progress of each transfer: the others say less.
fn latest(mut events: Vec<Event>) -> Vec<Event> {
    let mut seen = HashSet::new();
    events.reverse();
    events.retain(|event| match event {
        Event::Progress { transfer, .. } => seen.insert(transfer.clone()),
        _ => true,
    });
    events.reverse();
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(transfer: &str, bytes_done: u64) -> Event {
        let transfer = transfer.to_owned();
        Event::Progress { transfer, bytes_done, bytes: 9, files_done: 0, files: 1, rate: 1, eta_s: None }
    }

    #[test]
    fn of_many_progresses_the_last_is_told_and_everything_else_stays_in_order() {
        let gone = Event::DeviceGone { id: "x".into() };
        let events = vec![progress("a", 1), progress("b", 1), gone.clone(), progress("a", 2), Event::Lagged];
        assert_eq!(latest(events), vec![progress("b", 1), gone, progress("a", 2), Event::Lagged]);
    }
}
