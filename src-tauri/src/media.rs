//! Shared files for the page: where it finds them, and the window's own scheme. What a request means is [`shoal_api::media`].
//!
//! An answer of a scheme is whole, on every system, so it is bounded: players ask for ranges and are given [`RANGED`] at a time, which is
//! what their buffers hold; an image or a text, which is asked for as it is, may be of [`WHOLE`]. On Linux the web view plays nothing out
//! of such a scheme (WebKit bug 146351; tried with WebKitGTK 2.50), so files come from a server of the window's own
//! there.

use crate::{engine::Engine, window};
use bytes::Bytes;
use serde::Serialize;
use shoal_api::{
    Code, Failure, Reply, Request,
    media::{self, Asked, Asker, Body, Bound},
};
use std::sync::Arc;
use tauri::{
    AppHandle, Manager, UriSchemeResponder,
    http::{self, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
    utils::config::Csp,
};
use tokio::sync::Semaphore;

#[cfg(target_os = "linux")]
mod loopback;

/// The window's own scheme.
pub(crate) const SCHEME: &str = "shoal-media";

/// Where the web view finds the scheme.
const PLACE: &str = if cfg!(windows) { "http://shoal-media.localhost" } else { "shoal-media://localhost" };

/// Where the page itself is from.
const PAGE: &str = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };

/// Most bytes of an answer to a request for a range.
const RANGED: u64 = 2 * 1024 * 1024;

/// Most bytes of a file that is asked for whole.
const WHOLE: u64 = 32 * 1024 * 1024;

/// Most files that are read at once for answers that are whole.
const MAX_FILES: usize = 4;

/// Most thumbnails that are asked for at once.
const MAX_THUMBNAILS: usize = 8;

/// Most requests that wait for their turn.
const MAX_WAITING: usize = 512;

/// Where the page finds shared files: what is put before `/media/…` and `/thumbnail/…`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Places {
    files: String,
    thumbnails: String,
}

/// The road of shared files to the page.
#[derive(Debug)]
pub(crate) struct Media {
    road: Road,
    places: Places,
    files: Semaphore,
    thumbnails: Semaphore,
    waiting: Semaphore,
    #[cfg(target_os = "linux")]
    server: Option<loopback::Loopback>,
}

/// The engine as a page's files need it.
#[derive(Debug, Clone)]
pub(crate) struct Road(pub(crate) Arc<Engine>);

impl Asker for Road {
    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.0.request(request).await
    }
}

impl Media {
    /// Prepares the road, and permits the page to load from it.
    pub(crate) fn prepare(road: Road, policy: &mut Option<Csp>) -> Self {
        let mut places = Places { files: PLACE.to_owned(), thumbnails: PLACE.to_owned() };
        #[cfg(target_os = "linux")]
        let server = match loopback::Loopback::bind() {
            Ok(server) => {
                places.files = server.place();
                permit(policy, server.origin());
                Some(server)
            }
            Err(error) => {
                tracing::warn!(%error, "no film can be played");
                None
            }
        };
        Self {
            road,
            places,
            files: Semaphore::new(MAX_FILES),
            thumbnails: Semaphore::new(MAX_THUMBNAILS),
            waiting: Semaphore::new(MAX_WAITING),
            #[cfg(target_os = "linux")]
            server,
        }
    }

    /// Answers from now on.
    pub(crate) fn serve(&self) {
        #[cfg(target_os = "linux")]
        if let Some(server) = &self.server {
            server.serve(self.road.clone());
        }
    }

    /// Answers no more.
    pub(crate) async fn close(&self) {
        #[cfg(target_os = "linux")]
        if let Some(server) = &self.server {
            server.close().await;
        }
    }

    /// Where the page finds shared files.
    pub(crate) fn places(&self) -> Places {
        self.places.clone()
    }

    /// A whole answer.
    async fn whole(&self, request: &http::Request<Vec<u8>>) -> Response<Bytes> {
        if request.method() == Method::OPTIONS {
            return permitted(Response::new(Bytes::new()));
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return refused(StatusCode::SERVICE_UNAVAILABLE, "too much is shown at once");
        };
        let turns = if request.uri().path().starts_with("/thumbnail/") { &self.thumbnails } else { &self.files };
        // The semaphores are never closed.
        let _turn = turns.acquire().await;
        let bound = Bound { ranged: RANGED, whole: WHOLE };
        let (mut head, body) = media::answer(self.road.clone(), asked(request), Some(bound)).await.into_parts();
        let read = match body {
            Body::Whole(bytes) => Ok(bytes),
            Body::File(reader) => reader.all().await,
        };
        let whole = read.unwrap_or_else(|failure| {
            let (why, body) = refusal(StatusCode::BAD_GATEWAY, &failure).into_parts();
            head = why;
            body
        });
        permitted(Response::from_parts(head, whole))
    }
}

/// Answers the window's own page, and nobody else.
pub(crate) fn answer(app: &AppHandle, label: &str, request: http::Request<Vec<u8>>, responder: UriSchemeResponder) {
    if label != window::LABEL {
        return responder.respond(refused(StatusCode::FORBIDDEN, "this is not Shoal's window").map(Vec::from));
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let answer = app.state::<Media>().whole(&request).await;
        responder.respond(answer.map(Vec::from));
    });
}

/// The page may show, play and read what is there.
#[cfg(target_os = "linux")]
fn permit(policy: &mut Option<Csp>, origin: &str) {
    if let Some(Csp::DirectiveMap(directives)) = policy {
        for directive in ["img-src", "media-src", "connect-src"] {
            directives.entry(directive.to_owned()).or_default().push(origin);
        }
    }
}

fn asked<T>(request: &http::Request<T>) -> Asked<'_> {
    let uri = request.uri();
    Asked { method: request.method(), path: uri.path(), query: uri.query(), headers: request.headers() }
}

fn refused(status: StatusCode, sentence: &str) -> Response<Bytes> {
    permitted(refusal(status, &Failure::new(Code::Failed, sentence)))
}

fn refusal(status: StatusCode, failure: &Failure) -> Response<Bytes> {
    media::refusal::<Road>(status, failure).map(|body| match body {
        Body::Whole(bytes) => bytes,
        Body::File(_) => Bytes::new(),
    })
}

/// The page is of another scheme, so of another origin: it alone may load this, and read it.
fn permitted<T>(mut answer: Response<T>) -> Response<T> {
    let headers: &mut HeaderMap = answer.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| _ = headers.insert(name, HeaderValue::from_static(value));
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, PAGE);
    say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD");
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, "range");
    say(header::ACCESS_CONTROL_EXPOSE_HEADERS, "content-range");
    say(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    answer
}
