//! Answers, and the headers that all of them carry.

use crate::assets::Asset;
use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, SET_COOKIE,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use serde::Serialize;
use shoal_api::{
    Code, Failure,
    media::{self, Asker},
};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// What a page of ours may do: load from here and nowhere else, run no script that is written into a page, be framed by nobody.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// On every answer. No header of CORS is among them: no other origin reads anything.
const HEADERS: [(HeaderName, &str); 8] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// A whole answer.
pub(crate) type Reply = Response<Content>;

/// What an answer holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it; taken when it is sent.
    Whole(Option<Bytes>),
    /// What comes through a channel. An error breaks the answer off, so that nobody takes it for whole.
    Stream {
        /// The parts.
        parts: mpsc::Receiver<io::Result<Bytes>>,
        /// Bytes to come, where that is known.
        left: Option<u64>,
    },
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { parts, left } => parts.poll_recv(context).map(|part| {
                if let (Some(Ok(part)), Some(left)) = (&part, left) {
                    *left = left.saturating_sub(part.len() as u64);
                }
                part.map(|part| part.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Stream { left: Some(0), .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream { left, .. } => left.map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

/// An answer with the headers of all answers.
pub(crate) fn reply(status: StatusCode, content_type: &'static str, content: Content) -> Reply {
    let mut reply = Response::new(content);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain; charset=utf-8", Content::Whole(Some(text.into())))
}

pub(crate) fn asset(asset: Asset) -> Reply {
    let content = Content::Whole(Some(Bytes::from_static(asset.content)));
    let mut reply = reply(StatusCode::OK, asset.content_type, content);
    let keep = if asset.immutable { "private, max-age=31536000, immutable" } else { "no-cache" };
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    reply
}

/// The page that a link opens: it sets the cookie and goes on to the UI by itself. A redirect would not do: when the link was clicked
/// in another site's page, the browser would send no strict cookie along with it.
pub(crate) fn entrance(cookie: Option<HeaderValue>) -> Reply {
    let page = "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=\"0;url=/\"><link rel=icon href=\"data:,\"><title>Shoal</title>\
                <a href=\"/\">Shoal</a>";
    let mut reply = reply(StatusCode::OK, "text/html; charset=utf-8", Content::Whole(Some(Bytes::from_static(page.as_bytes()))));
    reply.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    reply
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(bytes) => reply(status, "application/json", Content::Whole(Some(bytes.into()))),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            text(StatusCode::INTERNAL_SERVER_ERROR, "")
        }
    }
}

/// A shared file, or its thumbnail, with what it says itself of how it may be shown. `place` is held until all of it was sent.
pub(crate) fn shared<A: Asker>(answer: Response<media::Body<A>>, place: impl Send + 'static) -> Reply {
    let (head, body) = answer.into_parts();
    let content = match body {
        media::Body::Whole(bytes) => Content::Whole(Some(bytes)),
        media::Body::File(reader) => Content::Stream { left: Some(reader.left()), parts: reader.stream(place) },
    };
    let mut reply = reply(head.status, "application/octet-stream", content);
    for (name, value) in &head.headers {
        reply.headers_mut().insert(name, value.clone());
    }
    reply
}

/// A request that was not done; 4xx, whose fault it may be.
pub(crate) fn failure(failure: &Failure) -> Reply {
    let status = match failure.code {
        Code::Usage => StatusCode::BAD_REQUEST,
        Code::PeerNotFound => StatusCode::NOT_FOUND,
        Code::Declined => StatusCode::FORBIDDEN,
        Code::Interrupted | Code::VerificationFailed => StatusCode::CONFLICT,
        Code::NoSpace => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Failed => StatusCode::UNPROCESSABLE_ENTITY,
    };
    json(status, failure)
}

/// As [`failure`], with another status.
pub(crate) fn refusal(status: StatusCode, code: Code, sentence: &str) -> Reply {
    json(status, &Failure::new(code, sentence))
}

pub(crate) fn only(method: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    reply
}
