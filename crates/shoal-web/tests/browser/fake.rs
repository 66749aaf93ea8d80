//! A Shoal that answers by rote and notes what it was asked.

use shoal_api::{
    Base64, Code, Event, Failure, Identity, Limits, ReceivedFile, Reply, Request, Snapshot,
    control::{Backend, EventSource},
};
use shoal_proto::RelativePath;
use shoal_web::Download;
use std::{
    io::{Seek, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// The transfer that has a file to download.
pub(crate) const RECEIVED: &str = "00000000000000000000000000000001";

/// A name that a page must never be given as one of ours, and its content.
pub(crate) const HOSTILE_NAME: &str = "\"><img src=x onerror=alert(1)>\r\nX: y\u{202e}gpj.html";

/// The device that shares files, each of [`SHARED`] bytes.
pub(crate) const SHARER: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The size of a shared file.
pub(crate) const SHARED: u64 = 2 << 30;

/// What it holds, again and again.
pub(crate) const SECRET: &[u8] = b"content of a file. ";

/// A part of a shared file.
pub(crate) fn part(offset: u64, len: u64) -> Vec<u8> {
    let at = usize::try_from(offset % SECRET.len() as u64).unwrap();
    SECRET.iter().copied().cycle().skip(at).take(usize::try_from(len).unwrap()).collect()
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Fake {
    pub(crate) asked: Arc<Mutex<Vec<Request>>>,
    /// Events that somebody took.
    pub(crate) taken: Arc<AtomicU64>,
    /// What a download holds.
    pub(crate) content: Arc<Mutex<Vec<u8>>>,
}

impl Fake {
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) struct Counting(Arc<AtomicU64>);

impl EventSource for Counting {
    async fn next(&mut self) -> Option<Event> {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        Some(Event::Interrupted { transfer: count.to_string(), reason: "x".repeat(100_000) })
    }
}

impl Backend for Fake {
    type Events = Counting;

    async fn handle(&self, request: Request) -> Result<Reply, Failure> {
        self.asked.lock().unwrap().push(request.clone());
        match request {
            Request::Snapshot => Ok(Reply::Snapshot(Snapshot {
                identity: Identity {
                    id: "secret-id".into(),
                    name: "secret-name".into(),
                    addresses: vec![],
                    link: "secret-link".into(),
                    inbox: "/secret-inbox".into(),
                },
                devices: vec![],
                transfers: vec![],
                limits: Limits::default(),
            })),
            Request::Find { peer, .. } => Err(Failure::new(Code::PeerNotFound, format_args!("no {peer}"))),
            Request::Send { .. } | Request::Transfers { .. } => Ok(Reply::Transfers { transfers: vec![] }),
            Request::ReadShared { path, .. } if path.ends_with("gone.mp4") => {
                Err(Failure::new(Code::PeerNotFound, "Mira's laptop does not answer"))
            }
            Request::ReadShared { offset, len, .. } => {
                let len = u64::from(len).min(SHARED.saturating_sub(offset));
                Ok(Reply::Bytes { size: SHARED, version: "v1".into(), data: Base64(part(offset, len).into()) })
            }
            Request::Thumbnail { .. } => {
                Ok(Reply::Thumbnail { content_type: Some("image/jpeg".into()), data: Base64(part(0, 1000).into()) })
            }
            Request::AddTo { .. } => Ok(Reply::Transfers { transfers: vec![] }),
            _ => Ok(Reply::Done),
        }
    }

    fn events(&self) -> Counting {
        Counting(self.taken.clone())
    }
}

impl shoal_web::Backend for Fake {
    async fn received(&self, transfer: &str, entry: Option<u32>) -> Result<Download, Failure> {
        if transfer != RECEIVED || entry.is_some_and(|entry| entry != 7) {
            return Err(Failure::new(Code::Failed, "there is no such transfer"));
        }
        let content = self.content.lock().unwrap().clone();
        let file = |path: &str| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content).unwrap();
            file.rewind().unwrap();
            let path = RelativePath::parse(path).unwrap();
            Ok(ReceivedFile { path, size: content.len() as u64, modified: SystemTime::now(), file })
        };
        let gone = || Err(Failure::new(Code::Failed, "it was moved"));
        let files = match entry {
            Some(_) => vec![file(HOSTILE_NAME)],
            None => vec![gone(), file("a/..\\..\\b"), gone(), file("a/c")],
        };
        Ok(Download { name: HOSTILE_NAME.to_owned(), is_one_file: entry.is_some(), files: Box::new(files.into_iter()) })
    }
}
