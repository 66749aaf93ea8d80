//! HTTP as a browser, or somebody who is none, writes it: bytes on a socket.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longest that anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head as it came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request, by its lines.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    /// With a `Host`.
    pub(crate) fn new(method: &str, target: &str, host: impl ToString) -> Self {
        Self { first: format!("{method} {target} HTTP/1.1"), headers: vec![("host".into(), host.to_string())], body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn with(self, name: &str, value: impl ToString) -> Self {
        self.without(name).header(name, value)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let len = self.body.len();
        self.header("content-length", len)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        [format!("{}\r\n{headers}\r\n", self.first).as_bytes(), &self.body].concat()
    }

    /// Asks on a connection of its own and reads the whole answer.
    pub(crate) async fn send(&self, to: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(to).await.unwrap();
        // Whoever is refused early may find the connection closed while writing.
        let _ = stream.write_all(&self.bytes()).await;
        answer(&mut stream).await
    }
}

/// Reads one answer.
pub(crate) async fn answer(stream: &mut TcpStream) -> Answer {
    timeout(PATIENCE, async {
        let head = head(stream).await;
        let mut answer = Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: Vec::new() };
        let len: usize = answer.header("content-length").map_or(0, |len| len.parse().unwrap());
        answer.body.resize(len, 0);
        stream.read_exact(&mut answer.body).await.unwrap();
        answer
    })
    .await
    .expect("an answer in time")
}

/// Reads the head of an answer and not a byte more.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&head))));
    }
    String::from_utf8(head).unwrap()
}
