//! Requests as browsers and players send them, answered from a file that is made up.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::Base64;
use http::header::CONTENT_TYPE;
use std::sync::{Arc, Mutex, PoisonError};

/// A device.
pub(super) const PEER: &str = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa";

/// A device that shares one file, whose bytes tell where they are.
#[derive(Debug, Clone)]
struct Fake(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    size: u64,
    version: &'static str,
    /// Becomes this version after so many more reads.
    changes: Option<(usize, &'static str)>,
    failure: Option<Failure>,
    asked: Vec<Request>,
}

fn byte(at: u64) -> u8 {
    u8::try_from(at % 251).unwrap()
}

fn bytes(range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(byte).collect()
}

impl Fake {
    fn of(size: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner { size, version: "v1", changes: None, failure: None, asked: vec![] })))
    }

    fn set(self, change: impl FnOnce(&mut Inner)) -> Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    fn asked(&self) -> Vec<Request> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }

    /// Has a whole answer, whose body must be as long as its head says.
    async fn get(
        &self,
        path: &str,
        headers: &[(HeaderName, &str)],
        bound: Option<Bound>,
    ) -> (Response<()>, Result<Bytes, Failure>) {
        let (head, body) = self.send(Method::GET, path, headers, bound).await.into_parts();
        let said: Option<u64> = head.headers.get(CONTENT_LENGTH).map(|len| len.to_str().unwrap().parse().unwrap());
        let body = match body {
            Body::Whole(bytes) => Ok(bytes),
            Body::File(reader) => reader.all().await,
        };
        if let (Some(said), Ok(body)) = (said, &body) {
            assert_eq!(said, body.len() as u64);
        }
        (Response::from_parts(head, ()), body)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        bound: Option<Bound>,
    ) -> Response<Body<Self>> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let headers: HeaderMap = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        answer(self.clone(), Asked { method: &method, path, query, headers: &headers }, bound).await
    }
}

impl Asker for Fake {
    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        let mut inner = self.0.lock().unwrap();
        inner.asked.push(request.clone());
        if let Some(failure) = inner.failure.clone() {
            return Err(failure);
        }
        match inner.changes {
            Some((0, version)) => (inner.version, inner.changes) = (version, None),
            Some((reads, version)) => inner.changes = Some((reads - 1, version)),
            None => {}
        }
        match request {
            Request::ReadShared { offset, len, .. } => {
                assert!(u64::from(len) <= PART);
                let end = offset.saturating_add(len.into()).min(inner.size);
                let data = Base64(bytes(offset.min(end)..end).into());
                Ok(Reply::Bytes { size: inner.size, version: inner.version.into(), data })
            }
            Request::Thumbnail { path, .. } => {
                let content_type = path.rsplit_once('.').and_then(|(_, ending)| match ending {
                    "jpg" => Some("image/jpeg".to_owned()),
                    "odd" => Some("text/html".to_owned()),
                    _ => None,
                });
                Ok(Reply::Thumbnail { content_type, data: Base64(Bytes::from_static(b"picture")) })
            }
            _ => Ok(Reply::Done),
        }
    }
}

fn film() -> String {
    format!("/media/{PEER}/Films/a.mp4")
}

fn header(response: &Response<()>, name: HeaderName) -> Option<&str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// The parts that were asked for.
fn parts(fake: &Fake) -> Vec<(u64, u32)> {
    let read = |request| match request {
        Request::ReadShared { offset, len, .. } => (offset, len),
        other => panic!("{other:?}"),
    };
    fake.asked().into_iter().map(read).collect()
}

#[tokio::test]
async fn a_range_is_exactly_what_was_asked_for() {
    const SIZE: u64 = 3 * PART + 500;
    let last = SIZE - 1;
    let cases = [
        ("bytes=0-", 0..SIZE),
        ("bytes=0-0", 0..1),
        ("bytes=0-1", 0..2),
        (&*format!("bytes=5-{}", PART + 5), 5..PART + 6),
        ("bytes=3145727-3145728", 3145727..3145729),
        ("bytes=3145728-", 3145728..SIZE),
        (&*format!("bytes={last}-"), last..SIZE),
        ("bytes=100-99999999", 100..SIZE),
        ("bytes=100-99999999999999999999999", 100..SIZE),
        ("bytes=-500", SIZE - 500..SIZE),
        ("bytes=-1", last..SIZE),
        ("bytes=-99999999", 0..SIZE),
    ];
    for (range, expected) in cases {
        let (head, body) = Fake::of(SIZE).get(&film(), &[(RANGE, range)], None).await;
        assert_eq!(head.status(), 206, "{range}");
        let content = format!("bytes {}-{}/{SIZE}", expected.start, expected.end - 1);
        assert_eq!(header(&head, CONTENT_RANGE), Some(&*content), "{range}");
        assert!(body.unwrap() == bytes(expected), "{range}");
    }
    for behind in [&*format!("bytes={SIZE}-"), "bytes=99999999-", "bytes=99999999999999999999999-", "bytes=-0"] {
        let (head, _) = Fake::of(SIZE).get(&film(), &[(RANGE, behind)], None).await;
        assert_eq!((head.status().as_u16(), header(&head, CONTENT_RANGE)), (416, Some(&*format!("bytes */{SIZE}"))), "{behind}");
    }
    for whole in ["bytes=0-1,5-6", "bytes=5-1", "lines=0-1"] {
        let (head, body) = Fake::of(SIZE).get(&film(), &[(RANGE, whole)], None).await;
        assert_eq!((head.status().as_u16(), header(&head, CONTENT_RANGE)), (200, None), "{whole}");
        assert!(body.unwrap() == bytes(0..SIZE));
    }
    let empty = Fake::of(0);
    assert_eq!(empty.get(&film(), &[], None).await.1.unwrap(), "");
    assert_eq!(empty.get(&film(), &[(RANGE, "bytes=0-")], None).await.0.status(), 416);
    assert_eq!(empty.get(&film(), &[(RANGE, "bytes=-5")], None).await.0.status(), 416);
}

/// A seek costs one piece before anything is shown, not two.
#[tokio::test]
async fn parts_end_where_pieces_do_and_nothing_is_read_twice() {
    let fake = Fake::of(2 << 30);
    let middle = (1 << 30) + 1000;
    let range = format!("bytes={middle}-{}", middle + 2 * PART);
    let (_, body) = fake.get(&film(), &[(RANGE, &range)], None).await;
    assert_eq!(body.unwrap().len() as u64, 2 * PART + 1);
    let first = u32::try_from(PART - 1000).unwrap();
    assert_eq!(parts(&fake), [(middle, first), ((1 << 30) + PART, 1 << 20), ((1 << 30) + 2 * PART, 1001)]);
}

#[tokio::test]
async fn bytes_of_two_versions_never_make_one_answer() {
    let fake = Fake::of(4 * PART).set(|inner| inner.changes = Some((2, "v2")));
    let (head, body) = fake.get(&film(), &[], None).await;
    assert_eq!((head.status().as_u16(), header(&head, ETAG)), (200, Some("\"v1\"")));
    assert_eq!(body.unwrap_err().code, Code::Interrupted);
    let response = fake.clone().set(|inner| inner.changes = Some((1, "v3"))).send(Method::GET, &film(), &[], None).await;
    let Body::File(reader) = response.into_body() else { panic!("a file") };
    let mut parts = reader.stream(());
    assert!(parts.recv().await.unwrap().is_ok() && parts.recv().await.unwrap().is_err() && parts.recv().await.is_none());

    // Who goes on with what is still there goes on; who has another version begins anew.
    let fake = Fake::of(100);
    let go_on = async |tag: &str| fake.get(&film(), &[(RANGE, "bytes=50-"), (IF_RANGE, tag)], None).await.0.status().as_u16();
    assert_eq!((go_on("\"v1\"").await, go_on("\"v0\"").await, go_on("v1").await), (206, 200, 200));
}

#[tokio::test]
async fn nothing_is_read_for_somebody_who_is_gone() {
    let fake = Fake::of(100 * PART);
    let Body::File(reader) = fake.send(Method::GET, &film(), &[], None).await.into_body() else { panic!("a file") };
    let place = Arc::new(());
    let mut parts = reader.stream(place.clone());
    parts.recv().await.unwrap().unwrap();
    drop(parts);
    while Arc::strong_count(&place) > 1 {
        tokio::task::yield_now().await;
    }
    assert!(fake.asked().len() < 6, "{}", fake.asked().len());
}

/// What a peer shares must never run in our page, under whatever name.
#[tokio::test]
async fn only_what_runs_nothing_is_shown_and_the_rest_is_bytes_to_be_saved() {
    let fake = Fake::of(10);
    let types = [
        ("a.mp4", "video/mp4"),
        ("a.PNG", "image/png"),
        ("a.svg", "image/svg+xml"),
        ("a.html", "application/octet-stream"),
        ("a.js", "application/octet-stream"),
        ("a.txt", "application/octet-stream"),
        ("a.pdf", "application/octet-stream"),
        ("a.xml", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ];
    for (name, content_type) in types {
        let (head, _) = fake.get(&format!("/media/{PEER}/s/{name}"), &[], None).await;
        assert_eq!(header(&head, CONTENT_TYPE), Some(content_type), "{name}");
        assert_eq!(header(&head, CONTENT_DISPOSITION).is_some(), content_type == "application/octet-stream", "{name}");
        assert_eq!(header(&head, X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
        assert_eq!(header(&head, CONTENT_SECURITY_POLICY), Some("default-src 'none'; sandbox"));
        assert_eq!((header(&head, CACHE_CONTROL), header(&head, ACCEPT_RANGES)), (Some("no-store"), Some("bytes")));
    }
    let (head, _) = fake.get(&format!("/media/{PEER}/s/a%22%E2%80%AE%C3%BC.mp4?save=1"), &[], None).await;
    assert_eq!(header(&head, CONTENT_TYPE), Some("application/octet-stream"));
    let saved = header(&head, CONTENT_DISPOSITION).unwrap();
    assert!(saved.starts_with("attachment; filename*=UTF-8''a%22") && saved.ends_with("%C3%BC.mp4"), "{saved}");
    assert!(!saved.contains("%E2%80%AE"), "what turns text around is shown as something else");
}

#[tokio::test]
async fn thumbnails_are_pictures_or_nothing() {
    let fake = Fake::of(0);
    let (head, body) = fake.get(&format!("/thumbnail/{PEER}/s/a.jpg?edge=64&v=1-2"), &[], None).await;
    assert_eq!(
        (head.status().as_u16(), header(&head, CONTENT_TYPE), &*body.unwrap()),
        (200, Some("image/jpeg"), &b"picture"[..])
    );
    assert!(header(&head, CACHE_CONTROL).unwrap().contains("private, max-age"));
    let (head, _) = fake.get(&format!("/thumbnail/{PEER}/s/a.jpg?edge=64"), &[], None).await;
    assert_eq!(header(&head, CACHE_CONTROL), Some("no-store"), "it may become another");
    for none in ["a.txt", "a.odd"] {
        let (head, _) = fake.get(&format!("/thumbnail/{PEER}/s/{none}?edge=64"), &[], None).await;
        assert_eq!((head.status().as_u16(), header(&head, CONTENT_TYPE)), (404, Some("application/json")), "{none}");
    }
}

#[tokio::test]
async fn failures_keep_their_words_and_have_a_status() {
    let cases =
        [(Code::Declined, 404), (Code::PeerNotFound, 504), (Code::Failed, 502), (Code::Interrupted, 502), (Code::Usage, 400)];
    for (code, status) in cases {
        let fake = Fake::of(5).set(|inner| inner.failure = Some(Failure::new(code, "in words")));
        let (head, body) = fake.get(&film(), &[], None).await;
        let failure: Failure = serde_json::from_slice(&body.unwrap()).unwrap();
        assert_eq!((head.status().as_u16(), failure.message.as_str()), (status, "in words"));
        assert_eq!(header(&head, CACHE_CONTROL), Some("no-store"));
    }
    let fake = Fake::of(5);
    assert_eq!(fake.get("/media/x/y", &[], None).await.0.status(), 400);
    assert_eq!(fake.send(Method::POST, &film(), &[], None).await.status(), 405);
    let head = fake.send(Method::HEAD, &film(), &[(RANGE, "bytes=1-2")], None).await;
    assert_eq!((head.status().as_u16(), head.headers()[CONTENT_LENGTH].to_str().unwrap()), (200, "5"));
    assert_eq!(parts(&fake), [(0, 0)], "a head needs no bytes");
}

/// A host whose answers are no streams keeps little in memory.
#[tokio::test]
async fn a_bound_cuts_ranges_and_refuses_long_wholes() {
    let bound = Some(Bound { ranged: 1000, whole: 5000 });
    let fake = Fake::of(5001);
    let (head, body) = fake.get(&film(), &[(RANGE, "bytes=10-")], bound).await;
    assert_eq!((head.status().as_u16(), header(&head, CONTENT_RANGE)), (206, Some("bytes 10-1009/5001")));
    assert!(body.unwrap() == bytes(10..1010));
    let (head, _) = fake.get(&film(), &[(RANGE, "bytes=-2")], bound).await;
    assert_eq!(header(&head, CONTENT_RANGE), Some("bytes 4999-5000/5001"));
    assert_eq!(fake.get(&film(), &[], bound).await.0.status(), 413);
    assert_eq!(Fake::of(5000).get(&film(), &[], bound).await.1.unwrap().len(), 5000);
}
