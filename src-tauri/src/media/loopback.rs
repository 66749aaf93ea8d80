//! A server on this machine for the page in the window, where the web view plays nothing out of the window's scheme.
//!
//! It listens on 127.0.0.1 under a port that the system chose, answers only under a path of 256 random bits, which the page alone is told,
//! only with its own address as `Host`, and only reads. Bytes go out as fast as the player takes them.

use super::{Road, asked, permitted, refused};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{self, Frame, Incoming, SizeHint},
    header::HOST,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use shoal_api::media::{self, Asked, Body};
use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tauri::async_runtime::JoinHandle;
use tokio::{net::TcpStream, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Most connections at once: a film takes one or two, what is shown beside it one each.
const MAX_CONNECTIONS: usize = 32;

/// How long the head of a request may take.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Pause after an accept that failed, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server.
#[derive(Debug)]
pub(crate) struct Loopback {
    origin: String,
    gate: Arc<Gate>,
    listener: Mutex<Option<TcpListener>>,
    closing: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What a request must say.
#[derive(Debug)]
struct Gate {
    host: String,
    /// `/` and 256 random bits.
    prefix: String,
}

impl Loopback {
    /// Takes a port; nobody is answered yet.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        listener.set_nonblocking(true)?;
        let host = listener.local_addr()?.to_string();
        let prefix = format!("/{}", BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>()));
        Ok(Self {
            origin: format!("http://{host}"),
            gate: Arc::new(Gate { host, prefix }),
            listener: Mutex::new(Some(listener)),
            closing: CancellationToken::new(),
            task: Mutex::default(),
        })
    }

    /// Where it is, for the page's policy.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// What the page puts before an address.
    pub(crate) fn place(&self) -> String {
        format!("{}{}", self.origin, self.gate.prefix)
    }

    /// Answers from now on.
    pub(crate) fn serve(&self, road: Road) {
        let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let task = tauri::async_runtime::spawn(serve_task(listener, self.gate.clone(), road, self.closing.clone()));
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Lets the page go.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "the window's server ended badly");
        }
    }
}

async fn serve_task(listener: TcpListener, gate: Arc<Gate>, road: Road, closing: CancellationToken) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "no film can be played"),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = closing.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection_task(stream, gate.clone(), road.clone()));
            }
            Ok(_) => tracing::warn!("more than {MAX_CONNECTIONS} connections to the window's server: one is let go"),
            Err(error) => {
                tracing::warn!(%error, "a player was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}

async fn connection_task(stream: TcpStream, gate: Arc<Gate>, road: Road) {
    let answer = service_fn(move |request| {
        let (gate, road) = (gate.clone(), road.clone());
        async move { Ok::<_, Infallible>(answer(&gate, road, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(MAX_HEAD);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), answer).await {
        tracing::debug!(%error, "a player's connection ended");
    }
}

async fn answer(gate: &Gate, road: Road, request: Request<Incoming>) -> Response<Content> {
    let Some(path) = gate.path(&request) else {
        return refused(StatusCode::NOT_FOUND, "there is nothing here").map(Content::whole);
    };
    if request.method() == Method::OPTIONS {
        return permitted(Response::new(Content::whole(Bytes::new())));
    }
    let answer = media::answer(road, Asked { path, ..asked(&request) }, None).await;
    permitted(answer).map(|body| match body {
        Body::Whole(bytes) => Content::whole(bytes),
        Body::File(reader) => Content::Stream { left: reader.left(), parts: reader.stream(()) },
    })
}

impl Gate {
    /// The path below the secret one; `None`: whoever asks is not our page.
    fn path<'a, T>(&self, request: &'a Request<T>) -> Option<&'a str> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none())?;
        let (said, path) = request.uri().path().split_at_checked(self.prefix.len())?;
        let is_ours = request.uri().authority().is_none() && host.as_bytes() == self.host.as_bytes();
        // As long for one that is nearly right as for any other.
        let differing = said.bytes().zip(self.prefix.bytes()).fold(0, |sum, (said, right)| sum | (said ^ right));
        (is_ours && differing == 0).then_some(path)
    }
}

/// The body of an answer.
enum Content {
    Whole(Option<Bytes>),
    /// An error breaks the answer off, so that nobody takes it for whole.
    Stream {
        parts: mpsc::Receiver<io::Result<Bytes>>,
        left: u64,
    },
}

impl Content {
    fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl body::Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { parts, left } => parts.poll_recv(context).map(|part| {
                *left = left.saturating_sub(part.as_ref().map_or(0, |part| part.as_ref().map_or(0, |part| part.len() as u64)));
                part.map(|part| part.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Stream { left: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream { left, .. } => SizeHint::with_exact(*left),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Every program of every account on this machine may connect, and every web page may try.
    #[test]
    fn only_who_knows_the_secret_and_the_address_is_answered() {
        let loopback = Loopback::bind().unwrap();
        let gate = &loopback.gate;
        assert!(gate.prefix.len() >= 44 && loopback.place().starts_with("http://127.0.0.1:"));
        assert_ne!(gate.prefix, Loopback::bind().unwrap().gate.prefix);
        let path = |target: &str, hosts: &[&str]| {
            let request = hosts.iter().fold(Request::get(target), |request, host| request.header(HOST, *host));
            gate.path(&request.body(()).unwrap()).map(str::to_owned)
        };
        let (own, secret) = (gate.host.as_str(), gate.prefix.as_str());
        assert_eq!(path(&format!("{secret}/media/a"), &[own]).as_deref(), Some("/media/a"));
        let port = own.rsplit_once(':').unwrap().1;
        for foreign in ["evil.example", &format!("evil.example:{port}"), &format!("localhost:{port}"), "127.0.0.1", ""] {
            assert_eq!(path(&format!("{secret}/media/a"), &[foreign]), None, "{foreign}");
        }
        assert_eq!(path(&format!("{secret}/media/a"), &[]), None);
        assert_eq!(path(&format!("{secret}/media/a"), &[own, own]), None);
        assert_eq!(path(&format!("http://{own}{secret}/media/a"), &[own]), None, "as to a proxy");
        let wrong = format!("{}x/media/a", &secret[..secret.len() - 1]);
        for target in ["/", "/media/a", &wrong, &secret[..secret.len() - 1]] {
            assert_eq!(path(target, &[own]), None, "{target}");
        }
    }
}
