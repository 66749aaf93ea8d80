//! The engine that the window shows: one that runs already with this data folder, else one in this process.
//!
//! Owns finding it, finding it again when it goes away, and shutting it down. Leaves out what is done with events.

use shoal_api::{Code, Config, Event, Failure, Host, Reply, Request, Subscription};
use std::{sync::Mutex, sync::PoisonError, time::Duration};
use tauri::async_runtime::JoinHandle;
use tokio::sync::{RwLock, watch};
use tokio_util::sync::CancellationToken;

/// Pause before an engine that could not be reached or started is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// How long a request waits for an engine that is starting. Opening a large database takes a while.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether there is an engine to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    /// Not yet.
    Starting,
    /// Yes.
    Reached,
    /// No, for this reason; it is tried again.
    Failed(Failure),
}

/// The road to the engine.
#[derive(Debug)]
pub(crate) struct Engine {
    host: RwLock<Option<Host>>,
    reach: watch::Sender<Reach>,
    closing: CancellationToken,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// A road that leads nowhere before [`Self::keep`].
    pub(crate) fn new() -> Self {
        Self {
            host: RwLock::default(),
            reach: watch::Sender::new(Reach::Starting),
            closing: CancellationToken::new(),
            keeper: Mutex::default(),
        }
    }

    /// Opens the engine and keeps it reached until [`Self::close`]. `hear` gets a snapshot whenever it is reached, then its events.
    pub(crate) fn keep(this: &std::sync::Arc<Self>, config: Config, hear: impl FnMut(Event) + Send + 'static) {
        let task = tauri::async_runtime::spawn(this.clone().kept(config, hear));
        *this.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Has a request done, once the engine is there.
    pub(crate) async fn request(&self, request: Request) -> Result<Reply, Failure> {
        self.reached().await?;
        let host = self.host.read().await;
        let Some(host) = host.as_ref() else { return Err(gone()) };
        tokio::select! {
            reply = host.request(request) => reply,
            () = self.closing.cancelled() => Err(gone()),
        }
    }

    /// A snapshot of this moment and the events from then on.
    pub(crate) async fn subscribe(&self) -> Result<(Event, Subscription), Failure> {
        self.reached().await?;
        let host = self.host.read().await;
        let Some(host) = host.as_ref() else { return Err(gone()) };
        joined(host).await
    }

    /// Done once [`Self::close`] was called.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Shuts an engine of our own down and lets go of another.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = match keeper {
            Some(keeper) => Some(keeper.await),
            None => None,
        } {
            tracing::warn!(%error, "the engine's keeper ended badly");
        }
    }

    async fn reached(&self) -> Result<(), Failure> {
        let mut reach = self.reach.subscribe();
        let settled = reach.wait_for(|reach| *reach != Reach::Starting);
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(Ok(reach)) => match &*reach {
                Reach::Failed(failure) => Err(failure.clone()),
                Reach::Starting | Reach::Reached => Ok(()),
            },
            Ok(Err(_)) | Err(_) => Err(Failure::new(Code::Failed, "Shoal is still starting: try again in a moment")),
        }
    }

    async fn kept(self: std::sync::Arc<Self>, config: Config, mut hear: impl FnMut(Event) + Send + 'static) {
        while !self.closing.is_cancelled() {
            match Host::open(config.clone()).await {
                Ok(host) => self.run(host, &mut hear).await,
                Err(failure) => {
                    tracing::error!(%failure, "no engine");
                    self.reach.send_replace(Reach::Failed(failure));
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = self.closing.cancelled() => {}
                    }
                }
            }
        }
    }

    /// From an engine that was reached to its end.
    async fn run(&self, host: Host, hear: &mut (impl FnMut(Event) + Send + 'static)) {
        let joined = joined(&host).await;
        *self.host.write().await = Some(host);
        match joined {
            Ok((snapshot, mut events)) => {
                self.reach.send_replace(Reach::Reached);
                hear(snapshot);
                loop {
                    let event = tokio::select! {
                        event = events.next() => event,
                        () = self.closing.cancelled() => None,
                    };
                    let Some(event) = event else { break };
                    hear(event);
                }
            }
            Err(failure) => tracing::warn!(%failure, "the engine that was there does not answer"),
        }
        self.reach.send_replace(Reach::Starting);
        if let Some(host) = self.host.write().await.take() {
            host.close().await;
        }
    }
}

/// Events first, so that nothing is missing between them and the snapshot.
async fn joined(host: &Host) -> Result<(Event, Subscription), Failure> {
    let events = host.subscribe().await?;
    match host.request(Request::Snapshot).await? {
        Reply::Snapshot(snapshot) => Ok((Event::Snapshot(snapshot), events)),
        _ => Err(Failure::new(Code::Failed, "the running Shoal is of another version than this window: restart it")),
    }
}

fn gone() -> Failure {
    Failure::new(Code::Interrupted, "Shoal is ending")
}
