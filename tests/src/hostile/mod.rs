//! A peer that keeps to no rule: its own TLS and streams over quinn, nothing of the engine, so that it can say what our sender never
//! would. What it says is the test's affair; this module carries it and tells how the other end took it.
//!
//! - [`Intruder`] is a key and a socket, dials and answers;
//! - [`Wire`] is a connection, [`Stream`] a stream of it, for messages and for raw bytes;
//! - [`Ended`] is how the other end closed, reset or ignored it;
//! - [`tree`] makes manifests, true and false.

mod tls;
pub mod tree;

use crate::lab::Host;
use serde::{Serialize, de::DeserializeOwned};
use shoal_proto::{
    PeerId,
    codec::{self, MAX_MESSAGE, PREFIX_LEN},
    message::{CloseCode, Hello, Platform, Request},
};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};
use tls::Tls;
use tokio::time::timeout;

/// How long the other end may take to react to something that it must not wait with.
pub const SOON: Duration = Duration::from_secs(8);

/// Somebody who means no good. Several keys may share one socket.
#[derive(Debug, Clone)]
pub struct Intruder {
    endpoint: quinn::Endpoint,
    tls: Arc<Tls>,
    name: String,
}

impl Intruder {
    /// On a host, with the key of a seed. Call it within a tokio runtime.
    pub fn at(host: &Host, seed: u64) -> Self {
        Self::from(host, Ipv4Addr::UNSPECIFIED, seed)
    }

    /// The same with an address of its own, one of the host's.
    pub fn from(host: &Host, address: Ipv4Addr, seed: u64) -> Self {
        let socket = host.within(|| UdpSocket::bind((address, 0))).expect("a socket can be bound");
        let tls = Arc::new(Tls::new(seed));
        let endpoint =
            quinn::Endpoint::new(quinn::EndpointConfig::default(), Some(tls.server()), socket, Arc::new(quinn::TokioRuntime));
        Self { endpoint: endpoint.expect("an endpoint can be made"), tls, name: "mallory".to_owned() }
    }

    /// The same socket with another key; it can only dial.
    pub fn with_key(&self, seed: u64) -> Self {
        Self { tls: Arc::new(Tls::new(seed)), ..self.clone() }
    }

    /// The same with another name.
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Its id.
    pub fn id(&self) -> PeerId {
        self.tls.id()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.endpoint.local_addr().expect("a bound socket has an address").port()
    }

    /// How it introduces itself.
    pub fn hello(&self) -> Hello {
        Hello { name: self.name.clone(), platform: Platform::Linux, version: "6.6.6".to_owned() }
    }

    /// A connection on which nothing was said yet.
    ///
    /// # Errors
    /// How the other end turned it away.
    pub async fn dial(&self, to: SocketAddr) -> Result<Wire, Ended> {
        let connecting = self.endpoint.connect_with(self.tls.client(), to, "shoal").expect("the address can be dialled");
        match timeout(Duration::from_secs(20), connecting).await {
            Ok(Ok(connection)) => Ok(Wire { connection }),
            Ok(Err(error)) => Err(Ended::of(&error)),
            Err(_) => Err(Ended::Silent),
        }
    }

    /// A connection after both hellos.
    ///
    /// # Errors
    /// How the other end turned it away.
    pub async fn greet(&self, to: SocketAddr) -> Result<Wire, Ended> {
        let wire = self.dial(to).await?;
        let mut stream = wire.open().await?;
        stream.say(&Request::Hello(self.hello())).await;
        stream.finish();
        stream.hear::<Hello>().await?;
        Ok(wire)
    }

    /// The next device that dials, greeted.
    pub async fn answer(&self) -> Wire {
        loop {
            let incoming = self.endpoint.accept().await.expect("the endpoint is open");
            let Ok(connection) = incoming.await else { continue };
            let wire = Wire { connection };
            let Ok((request, mut stream)) = wire.request().await else { continue };
            assert!(matches!(request, Request::Hello(_)), "{request:?}");
            stream.say(&self.hello()).await;
            stream.finish();
            return wire;
        }
    }
}

/// A connection.
#[derive(Debug, Clone)]
pub struct Wire {
    connection: quinn::Connection,
}

impl Wire {
    /// A new stream.
    ///
    /// # Errors
    /// [`Ended::Silent`] when the other end allows no more of them for now.
    pub async fn open(&self) -> Result<Stream, Ended> {
        match timeout(SOON, self.connection.open_bi()).await {
            Ok(Ok((send, recv))) => Ok(Stream { send, recv, wire: self.clone() }),
            Ok(Err(error)) => Err(Ended::of(&error)),
            Err(_) => Err(Ended::Silent),
        }
    }

    /// A new stream with its request.
    ///
    /// # Errors
    /// As [`Wire::open`].
    pub async fn ask(&self, request: &Request) -> Result<Stream, Ended> {
        let mut stream = self.open().await?;
        stream.say(request).await;
        Ok(stream)
    }

    /// The next stream that the other end opens, with its request.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn request(&self) -> Result<(Request, Stream), Ended> {
        let (send, recv) = self.connection.accept_bi().await.map_err(|error| Ended::of(&error))?;
        let mut stream = Stream { send, recv, wire: self.clone() };
        let request = stream.hear().await?;
        Ok((request, stream))
    }

    /// How the other end closed it, if it does within `wait`.
    pub async fn closed_within(&self, wait: Duration) -> Ended {
        match timeout(wait, self.connection.closed()).await {
            Ok(error) => Ended::of(&error),
            Err(_) => Ended::Silent,
        }
    }

    /// It is not over yet.
    pub fn is_open(&self) -> bool {
        self.connection.close_reason().is_none()
    }

    /// Closes it from this end.
    pub fn close(&self) {
        self.connection.close(0u32.into(), b"");
    }
}

/// A stream, both ways.
#[derive(Debug)]
pub struct Stream {
    send: quinn::SendStream,
    recv: quinn::RecvStream,
    wire: Wire,
}

impl Stream {
    /// Writes a message. That the other end wants none of it shows when one listens.
    pub async fn say<T: Serialize>(&mut self, message: &T) {
        self.raw(&framed(message)).await;
    }

    /// Writes bytes as they are, until the other end wants no more of them or takes none for some seconds.
    pub async fn raw(&mut self, bytes: &[u8]) {
        let _ = timeout(SOON, self.send.write_all(bytes)).await;
    }

    /// Ends the writing half.
    pub fn finish(&mut self) {
        let _ = self.send.finish(); // fails when the other end stopped it
    }

    /// Breaks the writing half off.
    pub fn reset(&mut self, code: u32) {
        let _ = self.send.reset(code.into()); // the same
    }

    /// The next message.
    ///
    /// # Errors
    /// How the other end ended the stream or the connection instead.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, Ended> {
        self.hear_within(SOON).await
    }

    /// The same with a time of its own.
    ///
    /// # Errors
    /// The same.
    pub async fn hear_within<T: DeserializeOwned>(&mut self, wait: Duration) -> Result<T, Ended> {
        let recv = &mut self.recv;
        let read = async {
            let mut prefix = [0; PREFIX_LEN];
            recv.read_exact(&mut prefix).await?;
            let mut frame = vec![0; codec::decode_len(prefix, MAX_MESSAGE).expect("an honest end keeps to the limit")];
            recv.read_exact(&mut frame).await?;
            Ok::<_, quinn::ReadExactError>(codec::decode(&frame).expect("an honest end's messages can be read"))
        };
        match timeout(wait, read).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(quinn::ReadExactError::FinishedEarly(_))) => Err(Ended::Finished),
            Ok(Err(quinn::ReadExactError::ReadError(error))) => Err(Ended::of_read(&error)),
            Err(_) => Err(Ended::Silent),
        }
    }

    /// The next `len` bytes as they are.
    ///
    /// # Errors
    /// How the other end ended the stream or the connection instead.
    pub async fn hear_raw(&mut self, len: usize) -> Result<Vec<u8>, Ended> {
        let mut bytes = vec![0; len];
        match timeout(SOON, self.recv.read_exact(&mut bytes)).await {
            Ok(Ok(())) => Ok(bytes),
            Ok(Err(quinn::ReadExactError::FinishedEarly(_))) => Err(Ended::Finished),
            Ok(Err(quinn::ReadExactError::ReadError(error))) => Err(Ended::of_read(&error)),
            Err(_) => Err(Ended::Silent),
        }
    }

    /// Reads a message of any kind, or its absence.
    pub async fn skip_message(&mut self) {
        let recv = &mut self.recv;
        let read = async {
            let mut prefix = [0; PREFIX_LEN];
            recv.read_exact(&mut prefix).await?;
            let mut frame = vec![0; codec::decode_len(prefix, MAX_MESSAGE).expect("an honest end keeps to the limit")];
            recv.read_exact(&mut frame).await
        };
        let _ = timeout(SOON, read).await; // what is not there shows in what follows
    }

    /// Writes the first byte of a length and no more; how the other end takes it.
    pub async fn half_open_within(&mut self, wait: Duration) -> Ended {
        self.raw(&[1]).await;
        self.ended_within(wait).await
    }

    /// How the other end ends this stream or its connection; what it says before is skipped.
    pub async fn ended_within(&mut self, wait: Duration) -> Ended {
        let (recv, wire) = (&mut self.recv, &self.wire);
        let read = async {
            loop {
                match recv.read_chunk(usize::MAX, true).await {
                    Ok(Some(_)) => {}
                    // A close may follow.
                    Ok(None) => return Ended::Finished,
                    Err(error) => return Ended::of_read(&error),
                }
            }
        };
        let ended = timeout(wait, read).await.unwrap_or(Ended::Silent);
        match ended {
            // The violation may be told by the connection a moment after the stream was dropped.
            Ended::Closed(_) | Ended::Silent => ended,
            _ => match wire.closed_within(Duration::from_millis(300)).await {
                Ended::Silent => ended,
                closed => closed,
            },
        }
    }

    /// Its connection.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }
}

/// How the other end took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It closed the connection.
    Closed(CloseCode),
    /// It reset the stream.
    Reset(CloseCode),
    /// It finished the stream.
    Finished,
    /// Nothing came in time.
    Silent,
    /// Something else: no code of ours, or the connection broke.
    Broken,
}

impl Ended {
    fn of(error: &quinn::ConnectionError) -> Self {
        match error {
            quinn::ConnectionError::ApplicationClosed(close) => {
                CloseCode::from_code(close.error_code.into_inner()).map_or(Self::Broken, Self::Closed)
            }
            _ => Self::Broken,
        }
    }

    fn of_read(error: &quinn::ReadError) -> Self {
        match error {
            quinn::ReadError::Reset(code) => CloseCode::from_code(code.into_inner()).map_or(Self::Broken, Self::Reset),
            quinn::ReadError::ConnectionLost(error) => Self::of(error),
            _ => Self::Broken,
        }
    }
}

/// A message with its length, as it travels.
pub fn framed<T: Serialize>(message: &T) -> Vec<u8> {
    let mut out = Vec::new();
    codec::encode(message, 1 << 30, &mut out).expect("the message can be written");
    out
}
