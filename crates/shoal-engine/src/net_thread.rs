//! The thread that everything of the network runs on: quinn's drivers and the tasks that read and write content.
//!
//! They wake each other for every packet or two. On one thread that is a place in a queue; across the threads of a host's runtime
//! it is a system call and a fight over quinn's locks (figures: `docs/performance.md`). Disk work and hashing are done elsewhere.

use std::{
    io,
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A runtime of its own on a thread of its own, or a host's when time is simulated. Ends when it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct NetThread {
    handle: Handle,
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl NetThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread, or no way to wait for sockets.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        let run = move || runtime.block_on(stopped);
        let thread = std::thread::Builder::new().name("shoal-net".to_owned()).spawn(run)?;
        Ok(Self { handle, stop, thread: Mutex::new(Some(thread)) })
    }

    /// No thread: the runtime that this is called in, whose clock may be a simulated one.
    pub(crate) fn here() -> Self {
        Self { handle: Handle::current(), stop: CancellationToken::new(), thread: Mutex::new(None) }
    }

    /// Where to spawn.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the thread with what still runs on it, and joins it.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && let Err(error) = tokio::task::spawn_blocking(move || thread.join()).await
        {
            tracing::error!(%error, "the network's thread is not joined");
        }
    }
}

impl Drop for NetThread {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
