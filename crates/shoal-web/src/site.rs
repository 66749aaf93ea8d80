//! One request: is it from our page, who asks, what for.

use crate::{
    Assets, Backend, ask, download, events,
    gate::{self, Arrival, Purpose},
    reply::{self, Reply},
    session::{NoEntry, Sessions},
    staging::Staging,
    upload,
};
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, COOKIE, HeaderValue},
};
use shoal_api::{
    Code, Failure,
    control::MAX_REQUEST,
    media::{self, Asked},
    query,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

/// Most event streams at once, of all browsers.
pub const MAX_STREAMS: usize = 32;

/// Most uploads at once.
pub const MAX_UPLOADS: usize = 16;

/// Most downloads at once.
pub const MAX_DOWNLOADS: usize = 16;

/// Most shared files that are shown or played at once. A film that is paused keeps its place.
pub const MAX_MEDIA: usize = 32;

/// Most thumbnails that are asked for at once; more wait, on connections that are bounded themselves.
pub const MAX_THUMBNAILS: usize = 8;

/// How long a browser may take to say a whole request.
const READ_PATIENCE: Duration = Duration::from_secs(30);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Site<B> {
    pub(crate) backend: B,
    pub(crate) staging: Staging,
    assets: Assets,
    sessions: Mutex<Sessions>,
    /// The token of the link that opens next.
    token: watch::Sender<String>,
    cookie: String,
    streams: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    media: Arc<Semaphore>,
    thumbnails: Semaphore,
}

impl<B: Backend> Site<B> {
    /// A site for the port that it listens on, which tells its cookie from that of another Shoal on this machine.
    pub(crate) fn new(backend: B, staging: Staging, assets: Assets, port: u16, tls: bool) -> Self {
        let (sessions, token) = Sessions::new();
        Self {
            backend,
            staging,
            assets,
            sessions: Mutex::new(sessions),
            token: watch::Sender::new(token),
            cookie: format!("{}shoal-{port}", if tls { "__Host-" } else { "" }),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            uploads: Arc::new(Semaphore::new(MAX_UPLOADS)),
            downloads: Arc::new(Semaphore::new(MAX_DOWNLOADS)),
            media: Arc::new(Semaphore::new(MAX_MEDIA)),
            thumbnails: Semaphore::new(MAX_THUMBNAILS),
        }
    }

    /// The token of the link that opens next; a new one each time that one was used.
    pub(crate) fn token(&self) -> watch::Receiver<String> {
        self.token.subscribe()
    }

    pub(crate) async fn answer(&self, arrival: Arrival, request: Request<Incoming>) -> Reply {
        let (uri, method) = (request.uri(), request.method());
        let path = uri.path();
        let token = query::value(uri.query(), "token").filter(|_| path == "/" && method == Method::GET);
        let download = path.strip_prefix("/api/download/");
        let shared = path.strip_prefix("/api").filter(|path| path.starts_with("/media/") || path.starts_with("/thumbnail/"));
        let purpose = match (&token, path.starts_with("/api/") && download.is_none() && shared.is_none()) {
            (Some(_), _) => Purpose::Entrance,
            (None, true) => Purpose::Script,
            (None, false) => Purpose::Page,
        };
        if !gate::is_ours(arrival, purpose, method, uri, request.headers()) {
            return reply::text(StatusCode::FORBIDDEN, "This request does not come from Shoal's own page.\n");
        }
        let is_in = self.is_in(request.headers());
        if let Some(token) = token {
            return self.enter(&token, is_in, arrival.tls);
        }
        if !is_in {
            return match purpose {
                Purpose::Script => {
                    reply::refusal(StatusCode::UNAUTHORIZED, Code::Declined, "open the link that `shoal serve --web` printed")
                }
                _ => reply::text(StatusCode::UNAUTHORIZED, "Open the link that `shoal serve --web` printed last.\n"),
            };
        }
        match (method.as_str(), path) {
            ("POST", "/api/request") => self.ask(request).await,
            ("GET", "/api/events") => match place(&self.streams) {
                Some(place) => done(events::stream(&self.backend, place).await),
                None => busy("too many pages of Shoal are open: close some"),
            },
            ("POST", "/api/upload") => self.upload(request).await,
            ("GET", _) if download.is_some() => self.download(download.unwrap_or_default(), uri.query()).await,
            ("GET", _) if shared.is_some() => self.shared(shared.unwrap_or_default(), &request).await,
            (_, "/api/request" | "/api/upload") => reply::only("POST"),
            ("GET", _) => match self.assets.get(path) {
                Some(asset) => reply::asset(asset),
                None => reply::text(StatusCode::NOT_FOUND, "There is nothing here.\n"),
            },
            _ => reply::only("GET"),
        }
    }

    fn enter(&self, token: &str, is_in: bool, tls: bool) -> Reply {
        let entered = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).enter(token, Instant::now());
        match entered {
            Ok((value, next)) => {
                self.token.send_replace(next);
                let secure = if tls { "; Secure" } else { "" };
                let lifetime = crate::session::IDLE.as_secs();
                let cookie = format!("{}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Strict{secure}", self.cookie);
                match HeaderValue::from_str(&cookie) {
                    Ok(cookie) => reply::entrance(Some(cookie)),
                    Err(error) => done(Err(Failure::new(Code::Failed, error))),
                }
            }
            // The page was loaded again, or the link kept as a bookmark.
            Err(NoEntry::Wrong) if is_in => reply::entrance(None),
            Err(NoEntry::Wrong) => {
                let text =
                    "This link was used already, or is not right: each opens once. `shoal serve --web` printed the next.\n";
                reply::text(StatusCode::FORBIDDEN, text)
            }
            Err(NoEntry::Full) => reply::text(
                StatusCode::TOO_MANY_REQUESTS,
                "As many browsers as Shoal lets in are in: one that is idle for a week makes room, or restart Shoal.\n",
            ),
        }
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(';'));
        let values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == self.cookie);
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).knows(values.map(|(_, value)| value), Instant::now())
    }

    async fn ask(&self, request: Request<Incoming>) -> Reply {
        // What a form of another site can send is of other types.
        if !is_of_type(request.headers(), "application/json") {
            return reply::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Usage, "a request is JSON");
        }
        let body = match timeout(READ_PATIENCE, Limited::new(request.into_body(), MAX_REQUEST).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return reply::refusal(StatusCode::PAYLOAD_TOO_LARGE, Code::Usage, "this request is too long"),
            Err(_) => return reply::refusal(StatusCode::REQUEST_TIMEOUT, Code::Interrupted, "the request did not come in time"),
        };
        match ask::ask(&self.backend, &self.staging, &body).await {
            Ok(answer) => reply::json(StatusCode::OK, &answer),
            Err(failure) => reply::failure(&failure),
        }
    }

    async fn upload(&self, request: Request<Incoming>) -> Reply {
        if !is_of_type(request.headers(), "application/octet-stream") {
            return reply::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::Usage, "an upload is bytes");
        }
        let Some(_place) = place(&self.uploads) else { return busy("too many files are uploaded at once: wait for some") };
        match upload::receive(&self.staging, request).await {
            Ok(handle) => reply::json(StatusCode::OK, &handle),
            Err(failure) => reply::failure(&failure),
        }
    }

    async fn download(&self, transfer: &str, query: Option<&str>) -> Reply {
        let Some(place) = place(&self.downloads) else { return busy("too many downloads at once: wait for some") };
        let entry = query::value(query, "entry").map(|entry| entry.parse());
        let received = match entry.transpose() {
            Ok(entry) => self.backend.received(transfer, entry).await,
            Err(_) => Err(Failure::new(Code::Usage, "an entry is a number")),
        };
        match received {
            Ok(received) => done(download::send(received, place).await),
            Err(failure) => reply::failure(&failure),
        }
    }

    /// A file that a device shares, or its thumbnail.
    async fn shared(&self, path: &str, request: &Request<Incoming>) -> Reply {
        let asked = Asked { method: request.method(), path, query: request.uri().query(), headers: request.headers() };
        if path.starts_with("/thumbnail/") {
            // The semaphore is never closed.
            let _place = self.thumbnails.acquire().await;
            return reply::shared(media::answer(self.backend.clone(), asked, None).await, ());
        }
        match place(&self.media) {
            Some(place) => reply::shared(media::answer(self.backend.clone(), asked, None).await, place),
            None => busy("too many shared files are shown at once: close some"),
        }
    }
}

fn is_of_type(headers: &HeaderMap, content_type: &str) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(content_type)
}

fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    places.clone().try_acquire_owned().ok()
}

fn busy(sentence: &str) -> Reply {
    reply::refusal(StatusCode::TOO_MANY_REQUESTS, Code::Failed, sentence)
}

fn done(result: Result<Reply, Failure>) -> Reply {
    result.unwrap_or_else(|failure| reply::failure(&failure))
}
