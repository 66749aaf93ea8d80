//! One live connection to a peer whose key is proved and whose hello was heard.
//!
//! Owns opening requests and knowing whether the connection is in use. Leaves out making connections and answering (`links`).

use crate::{
    congestion::let_farewell_pass,
    endpoint::{MAX_STREAMS, RECEIVE_WINDOW, unmapped},
    greeting::Greeting,
    stream::{RecvStream, SendStream, StreamError, var_int, write_message},
};
use shoal_proto::{
    PeerId,
    codec::MAX_MESSAGE,
    message::{CloseCode, Request},
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// A connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    quinn: quinn::Connection,
    peer: PeerId,
    greeting: Greeting,
    dialled: bool,
    since: Instant,
    use_: Use,
    roomy: AtomicBool,
}

impl Connection {
    pub(crate) fn new(quinn: quinn::Connection, peer: PeerId, greeting: Greeting, dialled: bool) -> Self {
        let (use_, roomy) = (Use::default(), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { quinn, peer, greeting, dialled, since: Instant::now(), use_, roomy }) }
    }

    /// Who is at the other end: TLS proved it.
    pub(crate) fn peer(&self) -> PeerId {
        self.inner.peer
    }

    /// How it introduced itself. A hint for a screen.
    pub(crate) fn greeting(&self) -> &Greeting {
        &self.inner.greeting
    }

    /// This end dialled.
    pub(crate) fn dialled(&self) -> bool {
        self.inner.dialled
    }

    /// When the hellos were said.
    pub(crate) fn since(&self) -> Instant {
        self.inner.since
    }

    /// Where the peer is now; it may move.
    pub(crate) fn remote_address(&self) -> SocketAddr {
        unmapped(self.inner.quinn.remote_address())
    }

    /// The address of this host that the peer dialled, where the system tells; `None` when this end dialled.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        self.inner.quinn.local_ip().map(|ip| ip.to_canonical())
    }

    /// The measured round trip.
    pub(crate) fn rtt(&self) -> Duration {
        self.inner.quinn.rtt()
    }

    /// Opens a stream and writes the request that it is for. Waits while the peer allows no more streams.
    ///
    /// # Errors
    /// [`StreamError::Lost`], or [`StreamError::Codec`] when the request is too long.
    pub(crate) async fn open_request(&self, request: &Request) -> Result<(SendStream, RecvStream), StreamError> {
        let busy = self.busy();
        let (send, recv) = self.inner.quinn.open_bi().await?;
        let (mut send, recv) = (SendStream::new(send, busy.clone()), RecvStream::new(recv, busy));
        write_message(&mut send, request, MAX_MESSAGE).await?;
        Ok((send, recv))
    }

    /// The next stream that the peer opens.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) async fn accept_request(&self) -> Result<(SendStream, RecvStream), quinn::ConnectionError> {
        let (send, recv) = self.inner.quinn.accept_bi().await?;
        let busy = self.busy();
        Ok((SendStream::new(send, busy.clone()), RecvStream::new(recv, busy)))
    }

    /// 32 bytes that only the two ends of this connection know (RFC 8446 §7.5).
    ///
    /// # Errors
    /// [`StreamError::ClosedHere`] when the handshake's secrets are gone.
    pub(crate) fn exporter(&self, label: &[u8]) -> Result<[u8; 32], StreamError> {
        let mut out = [0; 32];
        self.inner.quinn.export_keying_material(&mut out, label, b"").map_err(|_| StreamError::ClosedHere)?;
        Ok(out)
    }

    /// Closes it at once; streams under way fail on both ends.
    pub(crate) fn close(&self, code: CloseCode) {
        close(&self.inner.quinn, code);
    }

    /// Waits until it is over, for whatever reason.
    pub(crate) async fn closed(&self) -> quinn::ConnectionError {
        self.inner.quinn.closed().await
    }

    /// It is not over yet, as far as is known.
    pub(crate) fn is_live(&self) -> bool {
        self.inner.quinn.close_reason().is_none()
    }

    /// Keeps the connection while the guard lives, and gives it the room that a transfer needs.
    pub(crate) fn hold(&self) -> Busy {
        self.make_roomy();
        self.busy()
    }

    /// Lifts the first limits on the bytes and streams that the peer may have under way: it is trusted.
    pub(crate) fn make_roomy(&self) {
        if !self.inner.roomy.swap(true, Ordering::AcqRel) {
            self.inner.quinn.set_receive_window(quinn::VarInt::from_u32(RECEIVE_WINDOW));
            self.inner.quinn.set_max_concurrent_bi_streams(quinn::VarInt::from_u32(MAX_STREAMS));
        }
    }

    /// The peer is trusted or a transfer wanted the connection.
    pub(crate) fn is_roomy(&self) -> bool {
        self.inner.roomy.load(Ordering::Acquire)
    }

    /// Nothing uses it at this moment.
    pub(crate) fn is_idle(&self) -> bool {
        *self.inner.use_.count.borrow() == 0
    }

    /// Somebody is about to use it: the wait of [`Connection::idle_for`] begins anew.
    pub(crate) fn touch(&self) {
        drop(self.busy());
    }

    /// Waits until nothing used the connection for `time`.
    pub(crate) async fn idle_for(&self, time: Duration) {
        let mut count = self.inner.use_.count.subscribe();
        loop {
            // The sender lives in `self`, so neither wait can fail.
            if count.wait_for(|users| *users == 0).await.is_err() {
                return;
            }
            // A stream that comes and goes at once counts too: `changed` sees it, whatever the number is then.
            match tokio::time::timeout(time, count.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// The same connection, not merely one to the same peer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    #[cfg(test)]
    pub(crate) fn raw(&self) -> &quinn::Connection {
        &self.inner.quinn
    }

    fn busy(&self) -> Busy {
        self.inner.use_.enter()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { peer, dialled, .. } = &*self.inner;
        f.debug_struct("Connection").field("peer", peer).field("dialled", dialled).field("at", &self.remote_address()).finish()
    }
}

/// Closes a connection at once, whatever is under way on it, and tells the other end why.
pub(crate) fn close(quinn: &quinn::Connection, code: CloseCode) {
    let_farewell_pass(quinn);
    quinn.close(var_int(code), b"");
}

/// How many streams and holds a connection has.
struct Use {
    count: Arc<watch::Sender<usize>>,
}

impl Default for Use {
    fn default() -> Self {
        Self { count: Arc::new(watch::Sender::new(0)) }
    }
}

impl Use {
    fn enter(&self) -> Busy {
        self.count.send_modify(|users| *users += 1);
        Busy { count: self.count.clone() }
    }
}

/// While it lives, its connection is in use.
#[derive(Debug)]
pub(crate) struct Busy {
    count: Arc<watch::Sender<usize>>,
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        self.count.send_modify(|users| *users += 1);
        Self { count: self.count.clone() }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.count.send_modify(|users| *users = users.saturating_sub(1));
    }
}
