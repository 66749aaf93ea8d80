#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Base64, Code,
    media::{self, Asked, Asker, Body},
    rows::Limits,
};
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    time::timeout,
};

/// Answers by rote; its events count up, as fast as they are taken.
#[derive(Debug, Clone, Default)]
struct Fake {
    taken: Arc<AtomicU64>,
}

struct Counting(Arc<AtomicU64>);

impl Backend for Fake {
    type Events = Counting;

    async fn handle(&self, request: Request) -> Result<Reply, Failure> {
        match request {
            Request::SetLimits { limits } => Ok(Reply::Limits(limits)),
            Request::Find { peer, .. } => Err(Failure::new(Code::PeerNotFound, format_args!("no {peer}"))),
            Request::Identity => std::future::pending().await,
            Request::ReadShared { offset, len, .. } => {
                let data = (offset..offset + u64::from(len)).map(|at| at.to_le_bytes()[0]).collect::<Vec<u8>>();
                Ok(Reply::Bytes { size: 1 << 40, version: "v1".into(), data: Base64(data.into()) })
            }
            _ => Ok(Reply::Done),
        }
    }

    fn events(&self) -> Counting {
        Counting(Arc::clone(&self.taken))
    }
}

impl EventSource for Counting {
    async fn next(&mut self) -> Option<Event> {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        Some(Event::Interrupted { transfer: count.to_string(), reason: "x".repeat(1000) })
    }
}

async fn raw(data_dir: &Path) -> BufReader<interprocess::local_socket::tokio::Stream> {
    BufReader::new(place::connect(data_dir).await.unwrap())
}

async fn line(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> String {
    let mut line = String::new();
    timeout(Duration::from_secs(5), stream.read_line(&mut line)).await.unwrap().unwrap();
    line
}

#[tokio::test]
async fn requests_replies_and_failures_round_trip_while_one_is_slow() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Client::connect(folder.path()).await.is_none());
    let server = serve(Fake::default(), folder.path()).unwrap();
    let client = Client::connect(folder.path()).await.unwrap();
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.request(&Request::Identity).await }
    });

    let limits = Limits { up: Some(7), down: None };
    assert_eq!(client.request(&Request::SetLimits { limits }).await, Ok(Reply::Limits(limits)));
    let failure = client.request(&Request::Find { peer: "mira".into(), wait_s: 1 }).await.unwrap_err();
    assert_eq!(failure, Failure { code: Code::PeerNotFound, message: "no mira".into() });
    let mut events = client.subscribe().await.unwrap();
    for count in 0..100 {
        assert_eq!(events.next().await.unwrap().transfer(), Some(count.to_string().as_str()));
    }

    server.stop().await;
    assert!(slow.await.unwrap().is_err());
    while events.next().await.is_some() {}
    assert!(Client::connect(folder.path()).await.is_none());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[derive(Debug, Clone)]
struct Elsewhere(Client);

impl Asker for Elsewhere {
    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.0.request(&request).await
    }
}

/// A window plays films through an engine that `shoal serve` runs.
#[tokio::test]
async fn a_film_is_played_through_an_engine_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(Fake::default(), folder.path()).unwrap();
    let client = Client::connect(folder.path()).await.unwrap();
    let (first, last) = ((1_u64 << 39) + 5, (1 << 39) + 3_000_004_u64);
    let path = format!("/media/{}/Films/a.mp4", "a".repeat(52));
    let headers = [(http::header::RANGE, format!("bytes={first}-{last}").parse().unwrap())].into_iter().collect();
    let asked = Asked { method: &http::Method::GET, path: &path, query: None, headers: &headers };
    let answer = media::answer(Elsewhere(client), asked, None).await;
    assert_eq!(answer.status(), 206);
    let Body::File(reader) = answer.into_body() else { panic!("a file") };
    let bytes = reader.all().await.unwrap();
    assert!(bytes.len() == 3_000_000 && (first..).zip(&bytes).all(|(at, byte)| at.to_le_bytes()[0] == *byte));
    server.stop().await;
}

/// Whoever can write to the socket is the owner to us.
#[cfg(unix)]
#[tokio::test]
async fn the_socket_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let server = serve(Fake::default(), folder.path()).unwrap();
    let mode = std::fs::metadata(folder.path().join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_socket_of_a_dead_engine_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert!(Client::connect(folder.path()).await.is_none(), "nobody answers there");
    let server = serve(Fake::default(), folder.path()).unwrap();
    assert!(Client::connect(folder.path()).await.is_some());
    server.stop().await;
}

/// A socket's path holds about a hundred bytes; a data folder may lie as deep as it likes.
#[cfg(unix)]
#[tokio::test]
async fn a_data_folder_too_deep_for_a_socket_works_and_leaves_nothing_elsewhere() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&deep).unwrap();
    for _ in 0..2 {
        let server = serve(Fake::default(), &deep).unwrap();
        let socket = std::path::PathBuf::from(std::fs::read_to_string(deep.join("control.path")).unwrap());
        let around = socket.parent().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&around).unwrap().permissions().mode() & 0o777, 0o700);
        let client = Client::connect(&deep).await.unwrap();
        assert_eq!(client.request(&Request::Offers).await, Ok(Reply::Done));
        server.stop().await;
        assert!(!around.exists());
        assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 0);
    }
}

/// A killed engine's socket elsewhere is removed by the next; a path that is not ours never is.
#[cfg(unix)]
#[tokio::test]
async fn only_our_own_remains_are_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::Builder::new().prefix("shoal-").tempdir().unwrap();
    let precious = tempfile::tempdir().unwrap();
    for (around, goes) in [(elsewhere.path(), true), (precious.path(), false)] {
        let named = around.join("control.sock");
        std::fs::write(&named, "").unwrap();
        std::fs::write(folder.path().join("control.path"), named.to_str().unwrap()).unwrap();
        let server = serve(Fake::default(), folder.path()).unwrap();
        assert_eq!(named.exists(), !goes);
        assert!(Client::connect(folder.path()).await.is_some());
        server.stop().await;
    }
}

#[tokio::test]
async fn a_line_that_is_not_understood_is_answered_and_a_line_too_long_ends_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(Fake::default(), folder.path()).unwrap();
    let mut stream = raw(folder.path()).await;
    for wrong in ["\n", "{}\n", "{\"request\":\"nonsense\"}\n", "\u{0}\u{ff}\n"] {
        stream.write_all(wrong.as_bytes()).await.unwrap();
        assert!(line(&mut stream).await.starts_with(r#"{"failure":{"code":"usage","#), "{wrong:?}");
    }
    stream.write_all(b"{\"request\":\"offers\"}\n").await.unwrap();
    assert_eq!(line(&mut stream).await, "{\"ok\":{\"reply\":\"done\"}}\n");

    // Exactly at the limit is a line; one byte more is not, and is not read on.
    let mut padded = b"{\"request\":\"offers\"}".to_vec();
    padded.resize(MAX_REQUEST - 1, b' ');
    padded.push(b'\n');
    stream.write_all(&padded).await.unwrap();
    assert_eq!(line(&mut stream).await, "{\"ok\":{\"reply\":\"done\"}}\n");
    let endless = vec![b' '; MAX_REQUEST + 1];
    stream.write_all(&endless).await.unwrap();
    assert!(line(&mut stream).await.contains("longer than"));
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.unwrap();
    assert!(ended.is_ok_and(|read| read == 0) || rest.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn clients_over_the_limit_are_let_go_and_room_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(Fake::default(), folder.path()).unwrap();
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        let mut stream = raw(folder.path()).await;
        stream.write_all(b"{\"request\":\"offers\"}\n").await.unwrap();
        line(&mut stream).await;
        clients.push(stream);
    }
    let mut over = raw(folder.path()).await;
    let mut end = [0; 1];
    let read = timeout(Duration::from_secs(5), over.read(&mut end)).await.unwrap();
    assert!(matches!(read, Ok(0)) || read.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
    drop(clients);
    let answered = timeout(Duration::from_secs(5), async {
        loop {
            let client = Client::connect(folder.path()).await.unwrap();
            if client.request(&Request::Offers).await.is_ok() {
                return;
            }
        }
    });
    assert!(answered.await.is_ok());
    server.stop().await;
}

/// Nothing is kept for a client that does not read: the source is not asked for more than the socket's own buffer holds.
#[tokio::test]
async fn a_slow_client_takes_no_memory_and_no_time_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let server = serve(fake.clone(), folder.path()).unwrap();
    let mut stream = raw(folder.path()).await;
    stream.write_all(b"{\"request\":\"subscribe\"}\n").await.unwrap();
    line(&mut stream).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let taken = fake.taken.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fake.taken.load(Ordering::Relaxed), taken, "the source waits for the client");
    let client = Client::connect(folder.path()).await.unwrap();
    assert_eq!(timeout(Duration::from_secs(1), client.request(&Request::Offers)).await.unwrap(), Ok(Reply::Done));
    server.stop().await;
}
