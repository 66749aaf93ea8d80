//! The end that runs the engine.

use super::{
    Answer, Backend, EventSource, MAX_CLIENTS, MAX_REQUEST, WRITE_PATIENCE,
    line::{self, LineError, Lines},
    place::Place,
};
use crate::{Code, Failure, Reply, Request};
use interprocess::local_socket::tokio::{Stream, prelude::*};
use serde::Serialize;
use std::{io, path::Path, time::Duration};
use tokio::{io::BufReader, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

/// Pause after an accept that failed (too many descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A control socket that answers. Dropped without [`Server::stop`], it stops all the same, a moment later.
#[derive(Debug)]
pub struct Server {
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// Answers clients on the data folder's socket from now on. Whoever calls this holds the data folder's lock.
///
/// # Errors
/// The socket cannot be made.
pub fn serve<B: Backend>(backend: B, data_dir: &Path) -> io::Result<Server> {
    let place = Place::take(data_dir)?;
    let cancel = CancellationToken::new();
    let task = tokio::spawn(accept_task(backend, place, cancel.clone()));
    Ok(Server { cancel, task })
}

impl Server {
    /// Lets every client go and removes the socket.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the control socket ended badly");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn accept_task<B: Backend>(backend: B, place: Place, cancel: CancellationToken) {
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = clients.join_next() => continue,
            accepted = place.listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) if clients.len() < MAX_CLIENTS => {
                clients.spawn(client_task(backend.clone(), stream));
            }
            Ok(stream) => {
                tracing::warn!("more than {MAX_CLIENTS} clients on the control socket: one is let go");
                drop(stream);
            }
            Err(error) => {
                tracing::warn!(%error, "a client of the control socket was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    clients.shutdown().await;
}

async fn client_task<B: Backend>(backend: B, stream: Stream) {
    if let Err(error) = client(&backend, &stream).await {
        tracing::debug!(%error, "a client of the control socket is gone");
    }
}

async fn client<B: Backend>(backend: &B, stream: &Stream) -> io::Result<()> {
    let mut requests = Lines::new(BufReader::new(stream), MAX_REQUEST);
    loop {
        match requests.next::<Request>().await {
            Ok(None) => return Ok(()),
            Ok(Some(Request::Subscribe)) => {
                let events = backend.events();
                write(stream, &Answer::Ok(Reply::Done)).await?;
                return forward(events, stream, requests).await;
            }
            Ok(Some(request)) => write(stream, &Answer::from(backend.handle(request).await)).await?,
            Err(LineError::Io(error)) => return Err(error),
            Err(error @ LineError::Malformed(_)) => write(stream, &refusal(&error)).await?,
            Err(error @ LineError::TooLong(_)) => return write(stream, &refusal(&error)).await,
        }
    }
}

/// Passes events on until there are no more or the client hangs up. What the client still says is not listened to.
async fn forward(mut events: impl EventSource, stream: &Stream, mut requests: Lines<BufReader<&Stream>>) -> io::Result<()> {
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => write(stream, &event).await?,
                None => return Ok(()),
            },
            said = requests.next::<serde::de::IgnoredAny>() => {
                if !matches!(said, Ok(Some(_)) | Err(LineError::Malformed(_))) {
                    return Ok(());
                }
            },
        }
    }
}

fn refusal(error: &LineError) -> Answer {
    Answer::Failure(Failure::new(Code::Usage, format_args!("the running Shoal did not understand: {error}")))
}

async fn write<T: Serialize>(mut stream: &Stream, value: &T) -> io::Result<()> {
    match timeout(WRITE_PATIENCE, line::write(&mut stream, value)).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
