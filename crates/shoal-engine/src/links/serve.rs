//! Answering: handshakes, hellos, requests.

use super::{IDLE, IDLE_ANSWERED, IncomingRequest, Links, table::Place};
use crate::{
    Trust,
    connection::{Connection, close},
    endpoint::unmapped,
    greeting::{Greeting, MAX_HELLO},
    stream::{RecvStream, SendStream, StreamError, read_frame},
    tls,
};
use shoal_proto::{
    codec::{self, MAX_MESSAGE},
    message::{CloseCode, MAX_TEXT, Request},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time;

/// From a peer's first packet to the proof of its key.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// From there to the end of the hellos.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// From the opening of a stream to its whole request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes under way, from everywhere and from one address. One costs some 50 KiB. What is above is ignored rather than
/// refused: an honest dialler repeats its packet within half a second.
const MAX_HANDSHAKES: usize = 64;
const MAX_HANDSHAKES_PER_ADDRESS: usize = 16;

/// Handshakes under way above which a dialler must first show that it is where it says (RFC 9000 §8.1.2): forged source
/// addresses then cost nothing but a packet.
const RETRY_ABOVE: usize = 16;

/// Longest request of a peer that is neither trusted nor in a transfer with us: an offer with the longest text, its name, its head.
const MAX_STRANGER_REQUEST: usize = MAX_TEXT + 8 * 1024;

/// Kinds of [`Request`] that this version knows; postcard writes the kind first.
const KNOWN_REQUESTS: u32 = 20;

impl Links {
    /// Accepts until the end.
    pub(super) async fn answer(self: Arc<Self>) {
        let handshakes = Arc::new(Handshakes::default());
        loop {
            let incoming = tokio::select! {
                incoming = self.endpoint.accept() => incoming,
                () = self.cancel.cancelled() => None,
            };
            let Some(incoming) = incoming else { return };
            let own = incoming.local_ip().map(|own| own.to_canonical());
            if !self.allows(unmapped(incoming.remote_address())) || own.is_some_and(|own| self.barred().bars_own(own)) {
                incoming.ignore();
                continue;
            }
            let Some(handshake) = handshakes.begin(incoming.remote_address().ip()) else {
                incoming.ignore();
                continue;
            };
            if handshakes.total() > RETRY_ABOVE && !incoming.remote_address_validated() {
                let _ = incoming.retry(); // fails only for a validated address
                continue;
            }
            let links = self.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    () = links.clone().answer_one(incoming, handshake) => {}
                    () = links.cancel.cancelled() => {}
                }
            });
        }
    }

    async fn answer_one(self: Arc<Self>, incoming: quinn::Incoming, handshake: Handshake) {
        let from = incoming.remote_address();
        let connecting = match incoming.accept() {
            Ok(connecting) => connecting,
            Err(error) => return tracing::debug!(%from, %error, "no handshake"),
        };
        let quinn = match time::timeout(HANDSHAKE_TIMEOUT, connecting).await {
            Ok(Ok(quinn)) => quinn,
            Ok(Err(error)) => return tracing::debug!(%from, %error, "a handshake failed"),
            Err(_) => return tracing::debug!(%from, "a handshake took too long"),
        };
        drop(handshake);
        let Some(peer) = tls::proved_key(quinn.peer_identity()).filter(|peer| *peer != self.endpoint.id()) else {
            return close(&quinn, CloseCode::Refused);
        };
        let place = match Place::take(&self, peer, &quinn, false) {
            Ok(place) => place,
            Err(code) => {
                tracing::debug!(%from, %peer, ?code, "a connection is turned away");
                return close(&quinn, code);
            }
        };
        let own = self.greeting.borrow().clone();
        match time::timeout(HELLO_TIMEOUT, be_greeted(&quinn, &own)).await {
            Ok(Ok(greeting)) => self.serve_in_background(Connection::new(quinn, peer, greeting, false), place),
            Ok(Err(error)) if !error.is_violation() => tracing::debug!(%peer, %error, "gone before its hello"),
            Ok(Err(_)) | Err(_) => close(&quinn, CloseCode::Violation),
        }
    }

    /// Publishes a connection and answers what its peer asks, until one end closes it.
    pub(super) fn serve_in_background(self: &Arc<Self>, connection: Connection, place: Place) {
        if self.directory.trust(connection.peer()) >= Trust::Known {
            connection.make_roomy();
        }
        place.ready(&connection);
        let links = self.clone();
        self.tasks.spawn(async move { links.serve(connection, place).await });
    }

    async fn serve(self: Arc<Self>, connection: Connection, place: Place) {
        let place = Arc::new(place);
        let idle = if connection.dialled() { IDLE } else { IDLE_ANSWERED };
        tokio::select! {
            error = self.accept_requests(&connection, &place) => {
                tracing::debug!(peer = %connection.peer(), %error, "a connection is over");
            }
            () = connection.idle_for(idle) => connection.close(CloseCode::Done),
            () = self.cancel.cancelled() => connection.close(CloseCode::ShuttingDown),
        }
    }

    /// Each stream has a task; the peer has no more of them than the streams that it is allowed. While `incoming` is full they
    /// wait in it, and with them the peer's streams: nobody else's.
    async fn accept_requests(self: &Arc<Self>, connection: &Connection, place: &Arc<Place>) -> quinn::ConnectionError {
        loop {
            let (send, recv) = match connection.accept_request().await {
                Ok(stream) => stream,
                Err(error) => return error,
            };
            let (links, connection, place) = (self.clone(), connection.clone(), Arc::downgrade(place));
            self.tasks.spawn(async move {
                let closed = connection.clone();
                let answer = async {
                    let Some(greeting) = links.take_request(connection.clone(), send, recv).await else { return };
                    if let Some(place) = place.upgrade() {
                        place.heard(&connection, &greeting);
                    }
                };
                tokio::select! {
                    () = answer => {}
                    _ = closed.closed() => {}
                    () = links.cancel.cancelled() => {}
                }
            });
        }
    }

    /// Reads a stream's request and hands it on. A hello is answered, and what it says returned.
    async fn take_request(&self, connection: Connection, mut send: SendStream, mut recv: RecvStream) -> Option<Greeting> {
        let limit = if connection.is_roomy() { MAX_MESSAGE } else { MAX_STRANGER_REQUEST };
        let heard = async {
            Ok(match read_request(&mut recv, limit).await? {
                Some(Request::Hello(hello)) => Some(Asked::Hello(Greeting::hear(hello, &mut recv).await?)),
                Some(request) => Some(Asked::Other(request)),
                None => None,
            })
        };
        match time::timeout(REQUEST_TIMEOUT, heard).await {
            Ok(Ok(Some(Asked::Hello(greeting)))) => {
                let own = self.greeting.borrow().clone();
                match own.answer(&mut send).await {
                    Ok(()) => send.finish(),
                    Err(error) => tracing::debug!(peer = %connection.peer(), %error, "a hello is not answered"),
                }
                return Some(greeting);
            }
            Ok(Ok(Some(Asked::Other(request)))) => {
                let _ = self.incoming.send(IncomingRequest { connection, request, send, recv }).await; // fails while shutting down
            }
            Ok(Ok(None)) => {
                send.refuse(CloseCode::Unsupported);
                recv.refuse(CloseCode::Unsupported);
            }
            Ok(Err(error)) => {
                if StreamError::is_violation(&error) {
                    tracing::debug!(peer = %connection.peer(), %error, "a violation");
                    connection.close(CloseCode::Violation);
                }
            }
            Err(_) => {
                recv.refuse(CloseCode::Violation);
                send.refuse(CloseCode::Violation);
            }
        }
        None
    }
}

/// What a stream is for.
enum Asked {
    Hello(Greeting),
    Other(Request),
}

/// The answerer's side of the hellos.
async fn be_greeted(quinn: &quinn::Connection, own: &Greeting) -> Result<Greeting, StreamError> {
    let (mut send, mut recv) = quinn.accept_bi().await?;
    let Some(Request::Hello(hello)) = read_request(&mut recv, MAX_HELLO).await? else {
        return Err(codec::CodecError::Malformed.into());
    };
    let greeting = Greeting::hear(hello, &mut recv).await?;
    own.answer(&mut send).await?;
    let _ = send.finish(); // fails only when the dialler wants no answer
    Ok(greeting)
}

/// A request; `None` when it is of a kind that this version does not know.
async fn read_request(recv: &mut quinn::RecvStream, limit: usize) -> Result<Option<Request>, StreamError> {
    let frame = read_frame(recv, limit).await?;
    match postcard::take_from_bytes::<u32>(&frame) {
        Ok((kind, _)) if kind >= KNOWN_REQUESTS => Ok(None),
        _ => Ok(Some(codec::decode(&frame)?)),
    }
}

/// Handshakes under way, by address.
#[derive(Debug, Default)]
struct Handshakes {
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Handshakes {
    fn begin(self: &Arc<Self>, address: IpAddr) -> Option<Handshake> {
        let address = address.to_canonical();
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = by_address.values().sum();
        let here = by_address.get(&address).copied().unwrap_or(0);
        if total >= MAX_HANDSHAKES || here >= MAX_HANDSHAKES_PER_ADDRESS {
            return None;
        }
        by_address.insert(address, here + 1);
        Some(Handshake { all: self.clone(), address })
    }

    fn total(&self) -> usize {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

/// One of them, until dropped.
#[derive(Debug)]
struct Handshake {
    all: Arc<Handshakes>,
    address: IpAddr,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut by_address = self.all.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use shoal_proto::ticket::{Enter, Proof};

    #[test]
    fn the_last_known_request_is_known() {
        let bytes = postcard::to_allocvec(&Request::Enter(Enter { proof: Proof([0; 32]) })).unwrap();
        assert_eq!(postcard::take_from_bytes::<u32>(&bytes).unwrap().0, KNOWN_REQUESTS - 1);
    }

    #[test]
    fn one_address_cannot_take_every_handshake() {
        let all = Arc::new(Handshakes::default());
        let begin =
            |last: u8, count: usize| -> Vec<_> { (0..count).filter_map(|_| all.begin(IpAddr::from([10, 0, 0, last]))).collect() };
        let flood = begin(1, 1000);
        assert_eq!(flood.len(), MAX_HANDSHAKES_PER_ADDRESS);
        let other = begin(2, 1);
        assert_eq!(other.len(), 1);
        drop(flood);
        assert_eq!(all.total(), 1);
        drop(other);
        assert!(all.by_address.lock().unwrap().is_empty());
    }
}
