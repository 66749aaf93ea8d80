//! Listens, and gives each connection to hyper within its limits.

use crate::{Assets, Backend, WebAddress, gate::Arrival, site::Site, staging::Staging, tls::Tls};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use shoal_api::{Code, Failure, Reply, Request};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Most connections at once.
pub const MAX_CONNECTIONS: usize = 128;

/// Longest head of a request, in bytes; hyper looks between two reads, so that up to twice as much may pass.
pub const MAX_HEAD: usize = 64 * 1024;

/// Most lines in a head.
pub const MAX_HEADERS: usize = 64;

/// How long the head of a request may take, and a TLS handshake.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Pause after an accept that failed (too many descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often uploads are looked through for what nobody needs any more.
const SWEEP: Duration = Duration::from_secs(60);

/// How the browser host is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens. Loopback: plain HTTP; everything else: HTTPS only.
    pub address: WebAddress,
    /// This device's addresses, for the link when it listens on all of them, and for the certificate.
    pub own: Vec<IpAddr>,
    /// Certificate and uploads lie in here.
    pub data_dir: PathBuf,
    /// The UI.
    pub assets: Assets,
}

/// Why the browser host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not one of this machine.
    #[error("the web page cannot be served on {address}: {reason}")]
    Listen {
        /// Where.
        address: WebAddress,
        /// What the system said.
        reason: io::Error,
    },
    /// The data folder cannot hold the certificate or uploads.
    #[error("the web page needs files in {}: {reason}", folder.display())]
    DataDir {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::Listen { .. } => Code::Failed,
            StartError::DataDir { .. } => Code::NoSpace,
        };
        Self::new(code, error)
    }
}

/// A browser host that answers. Dropped without [`WebHost::stop`], it stops all the same, a moment later.
#[derive(Debug)]
pub struct WebHost {
    base: String,
    token: watch::Receiver<String>,
    fingerprint: Option<String>,
    address: SocketAddr,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl WebHost {
    /// Answers browsers from now on.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start<B: Backend>(backend: B, options: Options) -> Result<Self, StartError> {
        let Options { address, own, data_dir, assets } = options;
        let unheard = |reason| StartError::Listen { address, reason };
        let listener = address.listen().await.map_err(unheard)?;
        let bound = listener.local_addr().map_err(unheard)?;
        let names: Vec<IpAddr> = if bound.ip().is_unspecified() { own } else { vec![bound.ip()] };
        let encrypted = !bound.ip().is_loopback();
        let folder = data_dir.clone();
        let prepared = spawn_blocking({
            let names = names.clone();
            move || {
                let tls = encrypted.then(|| Tls::load_or_make(&data_dir, &names)).transpose()?;
                Ok::<_, io::Error>((tls, Staging::open(&data_dir, Instant::now())?))
            }
        });
        let prepared = prepared.await.map_err(io::Error::other).flatten();
        let (tls, staging) = prepared.map_err(|reason| StartError::DataDir { folder, reason })?;
        let site = Arc::new(Site::new(backend, staging, assets, bound.port(), encrypted));
        let host = SocketAddr::new(names.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into()), bound.port());
        let cancel = CancellationToken::new();
        Ok(Self {
            base: format!("{}://{host}/", if encrypted { "https" } else { "http" }),
            token: site.token(),
            fingerprint: tls.as_ref().map(|tls| tls.fingerprint.clone()),
            address: bound,
            task: tokio::spawn(accept_task(listener, site, tls, cancel.clone())),
            cancel,
        })
    }

    /// The link that lets the next browser in; it opens once.
    pub fn link(&self) -> String {
        format!("{}?token={}", self.base, *self.token.borrow())
    }

    /// Returns when the link was used, so that [`Self::link`] is another now.
    pub async fn link_used(&mut self) {
        if self.token.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// SHA-256 of the certificate, as browsers show it; `None` on loopback.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets every browser go.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the browser host ended badly");
        }
    }
}

impl Drop for WebHost {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn accept_task<B: Backend>(listener: TcpListener, site: Arc<Site<B>>, tls: Option<Tls>, cancel: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            _ = sweep.tick() => {
                self::sweep(&site).await;
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection_task(stream, site.clone(), tls.clone()));
            }
            Ok(_) => tracing::warn!("more than {MAX_CONNECTIONS} connections of browsers: one is let go"),
            Err(error) => {
                tracing::warn!(%error, "a browser was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}

async fn connection_task<B: Backend>(stream: TcpStream, site: Arc<Site<B>>, tls: Option<Tls>) {
    if let Err(error) = connection(stream, site, tls).await {
        tracing::debug!(%error, "a browser's connection ended");
    }
}

async fn connection<B: Backend>(stream: TcpStream, site: Arc<Site<B>>, tls: Option<Tls>) -> io::Result<()> {
    let arrival = Arrival { local: stream.local_addr()?.ip(), tls: tls.is_some() };
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let stream = timeout(HEAD_PATIENCE, tls.acceptor.accept(stream)).await??;
            Box::pin(serve(stream, site, arrival)).await
        }
        None => serve(stream, site, arrival).await,
    }
}

async fn serve<B: Backend>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    site: Arc<Site<B>>,
    arrival: Arrival,
) -> io::Result<()> {
    let answer = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.answer(arrival, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    http.serve_connection(TokioIo::new(stream), answer).await.map_err(io::Error::other)
}

/// Removes uploads that nobody needs any more.
async fn sweep<B: Backend>(site: &Site<B>) {
    if site.staging.is_empty() {
        return;
    }
    let live: BTreeSet<String> = match site.backend.handle(Request::Transfers { all: false }).await {
        Ok(Reply::Transfers { transfers }) => transfers.into_iter().map(|transfer| transfer.transfer).collect(),
        other => {
            tracing::warn!(?other, "uploads stay, as it is not known which are still sent");
            return;
        }
    };
    let staging = site.staging.clone();
    if let Err(error) = spawn_blocking(move || staging.sweep(&live, Instant::now())).await {
        tracing::warn!(%error, "uploads were not looked through");
    }
}
