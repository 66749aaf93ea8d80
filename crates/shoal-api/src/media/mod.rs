//! Shared files as a page shows and plays them: what an HTTP request for one means, and the answer, through any engine.
//!
//! Owns addresses, ranges (RFC 9110, 14), statuses, and the headers that say how a file may be shown. Leaves out who may ask, and how
//! bytes travel to the page: that differs between a browser, a window's own scheme and a window's own server.
//!
//! # Addresses
//! Below whatever a host puts before it; each name is encoded by itself, `v` only tells versions apart:
//!
//! | address | gives |
//! |---|---|
//! | `/media/PEER/SHARE/PATH…[?v=VERSION][&save=1]` | the file, or a range of it; with `save` to be saved |
//! | `/thumbnail/PEER/SHARE/PATH…?edge=N[&v=VERSION]` | a picture of at most N pixels on a side; 404 when there is none |
//!
//! # Nothing runs
//! A file is given a type of its own only if a page can show it without running anything ([`shoal_proto::media::content_type`]). Everything
//! else, text too, is bytes to be saved, which only a script of the page reads. No type is guessed, and a file that is opened as a page all
//! the same is an empty sandbox.
//!
//! # One version
//! An answer holds bytes of one version; a file that changes meanwhile breaks it off. Answers of one version carry the same `ETag`.

mod range;
mod read;
mod target;

pub use read::Reader;

use crate::{Code, Failure, Reply, Request, control, query};
use bytes::Bytes;
use http::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
        CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
    },
};
use range::Range;
use shoal_engine::shown;
use shoal_proto::media::content_type;
use std::future::Future;
use target::{Target, View};

/// Most bytes that are asked for at once. Pieces of large files are as long.
pub const PART: u64 = 1024 * 1024;

/// Seconds that a device may take to be reached.
const WAIT_S: u32 = 5;

/// How a file of no type that is shown goes out.
const BYTES: &str = "application/octet-stream";

/// Nothing in a file is run, should somebody open it as a page.
const POLICY: &str = "default-src 'none'; sandbox";

/// A film may be private and long: it stays in no cache.
const KEEP_NOT: &str = "no-store";

/// How long a thumbnail of a version stays with the page that saw it.
const KEEP: &str = "private, max-age=86400, immutable";

/// Whatever does requests: an engine, or the road to one.
pub trait Asker: Clone + Send + Sync + 'static {
    /// Has a request done.
    fn ask(&self, request: Request) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

impl<B: control::Backend> Asker for B {
    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.handle(request).await
    }
}

/// What an answer holds.
#[derive(Debug)]
pub enum Body<A> {
    /// All of it.
    Whole(Bytes),
    /// A file, or a range of it, still to be read.
    File(Reader<A>),
}

/// What may be in one answer, for a host whose answers are not streams; in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// An answer to a request for a range gives less of it when it is longer, and says so.
    pub ranged: u64,
    /// A longer file is refused to who asks for no range.
    pub whole: u64,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// GET or HEAD.
    pub method: &'a Method,
    /// Begins with `/media/` or `/thumbnail/`.
    pub path: &'a str,
    /// Behind `?`.
    pub query: Option<&'a str>,
    /// As they came.
    pub headers: &'a HeaderMap,
}

/// Answers a request. What went wrong is a [`Failure`] as JSON.
pub async fn answer<A: Asker>(asker: A, asked: Asked<'_>, bound: Option<Bound>) -> Response<Body<A>> {
    if !matches!(*asked.method, Method::GET | Method::HEAD) {
        return only_reading();
    }
    let done = match Target::parse(asked.path, asked.query) {
        Ok(target) => match target.view {
            View::File { save } => file(asker, target, save, asked, bound).await,
            View::Thumbnail { edge } => thumbnail(asker, target, edge, asked.method).await,
        },
        Err(failure) => Err(failure),
    };
    done.unwrap_or_else(|failure| refusal(status(&failure), &failure))
}

/// A failure as an answer.
pub fn refusal<A>(status: StatusCode, failure: &Failure) -> Response<Body<A>> {
    // Two strings are always JSON.
    let json = serde_json::to_vec(failure).unwrap_or_default();
    let mut response = response(status, "application/json", Body::Whole(json.into()));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(KEEP_NOT));
    response
}

async fn file<A: Asker>(
    asker: A,
    target: Target,
    save: bool,
    asked: Asked<'_>,
    bound: Option<Bound>,
) -> Result<Response<Body<A>>, Failure> {
    let is_get = *asked.method == Method::GET;
    let mut range = if is_get { Range::parse(one(asked.headers, &RANGE)) } else { Range::Whole };
    let open = |next, len| Reader::open(asker.clone(), target.peer, target.path.clone(), next, len);
    let mut reader = match range {
        Range::Whole => open(0, if is_get { u64::MAX } else { 0 }).await?,
        Range::From(first, last) => open(first, last.map_or(u64::MAX, |last| (last - first).saturating_add(1))).await?,
        Range::Last(count) => {
            let size = open(0, 0).await?.seen().size;
            open(size.saturating_sub(count), count).await?
        }
    };
    // Somebody goes on with another version: it begins anew.
    if range != Range::Whole
        && asked.headers.contains_key(IF_RANGE)
        && one(asked.headers, &IF_RANGE) != Some(&*tag(&reader.seen().version))
    {
        range = Range::Whole;
        reader = open(0, u64::MAX).await?;
    }
    let (size, version) = (reader.seen().size, reader.seen().version.clone());
    let (status, first) = match range {
        Range::Whole if is_get && bound.is_some_and(|bound| size > bound.whole) => {
            let sentence = format!("{} is too large to be shown: fetch it", shown(target.name()));
            return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE, &Failure::new(Code::Usage, sentence)));
        }
        Range::Whole => (StatusCode::OK, 0),
        Range::From(first, last) if first < size => {
            reader.until(last.map_or(size, |last| last.saturating_add(1)));
            (StatusCode::PARTIAL_CONTENT, first)
        }
        Range::Last(count) if count > 0 && size > 0 => (StatusCode::PARTIAL_CONTENT, reader.at()),
        Range::From(..) | Range::Last(_) => return Ok(behind_the_end(size)),
    };
    if let (Some(bound), StatusCode::PARTIAL_CONTENT) = (bound, status) {
        reader.until(first + reader.left().min(bound.ranged));
    }
    let left = reader.left();
    let body = if is_get { Body::File(reader) } else { Body::Whole(Bytes::new()) };
    let shown_as = content_type(target.name()).filter(|_| !save);
    let mut response = response(status, shown_as.unwrap_or(BYTES), body);
    let headers = response.headers_mut();
    if shown_as.is_none() {
        insert(headers, CONTENT_DISPOSITION, &format!("attachment; filename*=UTF-8''{}", query::encoded(&shown(target.name()))));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        insert(headers, CONTENT_RANGE, &format!("bytes {first}-{}/{size}", first + left.saturating_sub(1)));
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, left.into());
    insert(headers, ETAG, &tag(&version));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(KEEP_NOT));
    Ok(response)
}

async fn thumbnail<A: Asker>(asker: A, target: Target, edge: u16, method: &Method) -> Result<Response<Body<A>>, Failure> {
    let request = Request::Thumbnail { peer: target.peer.to_string(), path: target.path.clone(), edge, wait_s: WAIT_S };
    let Reply::Thumbnail { content_type, data } = asker.ask(request).await? else { return Err(other_version()) };
    let shown_as = match content_type.as_deref() {
        Some("image/jpeg") => "image/jpeg",
        Some("image/png") => "image/png",
        _ => {
            let none = Failure::new(Code::Failed, format_args!("there is no small picture of {}", shown(target.name())));
            return Ok(refusal(StatusCode::NOT_FOUND, &none));
        }
    };
    let len = data.0.len();
    let body = if *method == Method::GET { data.0 } else { Bytes::new() };
    let mut response = response(StatusCode::OK, shown_as, Body::Whole(body));
    let keep = if target.is_version { KEEP } else { KEEP_NOT };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response.headers_mut().insert(CONTENT_LENGTH, len.into());
    Ok(response)
}

fn response<A>(status: StatusCode, content_type: &'static str, body: Body<A>) -> Response<Body<A>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn behind_the_end<A>(size: u64) -> Response<Body<A>> {
    let failure = Failure::new(Code::Usage, "the file ends before what was asked for");
    let mut response = refusal(StatusCode::RANGE_NOT_SATISFIABLE, &failure);
    insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

fn only_reading<A>() -> Response<Body<A>> {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, &Failure::new(Code::Usage, "a shared file is only read here"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Whoever may not see a file is told the same as for one that is not there.
fn status(failure: &Failure) -> StatusCode {
    match failure.code {
        Code::Usage => StatusCode::BAD_REQUEST,
        Code::Declined => StatusCode::NOT_FOUND,
        Code::PeerNotFound => StatusCode::GATEWAY_TIMEOUT,
        Code::Failed | Code::Interrupted | Code::VerificationFailed | Code::NoSpace => StatusCode::BAD_GATEWAY,
    }
}

fn tag(version: &str) -> String {
    format!("\"{version}\"")
}

/// The value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A value that is no header's is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn other_version() -> Failure {
    Failure::new(Code::Failed, "the running Shoal is of another version than this page: restart it")
}

#[cfg(test)]
mod tests;
