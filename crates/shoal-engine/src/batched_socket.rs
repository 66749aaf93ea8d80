//! Datagrams of one connection that quinn sends in the same moment, handed to the system at once.
//!
//! quinn hands over ten at most (its `MAX_TRANSMIT_SEGMENTS`); the system takes 64 in one call and cuts them late, on a good network
//! card not at all. What quinn paced stays together only as long as it was going to leave together: until its task lets others run.

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{EcnCodepoint, RecvMeta, Transmit},
};
use std::{
    fmt, future,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::{runtime::Handle, sync::Notify, task::JoinHandle};

/// Bytes in one call, at most: what fits into a datagram of IPv6 with room for its headers.
const MAX_BYTES: usize = 64_000;

/// Datagrams in one call, at most.
const MAX_DATAGRAMS: usize = 64;

/// A socket that gathers. Its last datagrams are sent by a task, which ends with it.
pub(crate) struct BatchedSocket {
    shared: Arc<Shared>,
    sender: JoinHandle<()>,
}

struct Shared {
    socket: Arc<dyn AsyncUdpSocket>,
    gathered: Mutex<Gathered>,
    /// There is something to send.
    some: Notify,
}

/// Datagrams to one place, all of one length but the last.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    to: Option<Envelope>,
    /// Nothing can follow: the last datagram is short.
    closed: bool,
}

/// What datagrams that leave together have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Envelope {
    destination: SocketAddr,
    ecn: Option<EcnCodepoint>,
    src_ip: Option<IpAddr>,
    len: usize,
}

impl BatchedSocket {
    /// `on`: where quinn's tasks run.
    pub(crate) fn new(socket: Arc<dyn AsyncUdpSocket>, on: &Handle) -> Self {
        let shared = Arc::new(Shared { socket, gathered: Mutex::default(), some: Notify::new() });
        let sender = on.spawn(send_the_rest(shared.clone()));
        Self { shared, sender }
    }
}

impl Drop for BatchedSocket {
    fn drop(&mut self) {
        self.sender.abort();
        // A last word is worth a try.
        let _ = self.shared.gathered().send(&*self.shared.socket);
    }
}

/// Sends what is gathered once quinn's task has had another turn.
async fn send_the_rest(shared: Arc<Shared>) {
    let mut poller = shared.socket.clone().create_io_poller();
    loop {
        shared.some.notified().await;
        tokio::task::yield_now().await;
        loop {
            let sent = shared.gathered().send(&*shared.socket);
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // quinn hears of a broken socket when it sends the next datagram, or receives.
                _ => break,
            }
            if future::poll_fn(|cx| poller.as_mut().poll_writable(cx)).await.is_err() {
                break;
            }
        }
    }
}

impl Shared {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    /// Adds datagrams, if they may leave with those that are here.
    fn add(&mut self, transmit: &Transmit<'_>, most: usize) -> bool {
        let len = transmit.segment_size.unwrap_or(transmit.contents.len());
        let Transmit { destination, ecn, src_ip, contents, .. } = *transmit;
        let envelope = Envelope { destination, ecn, src_ip, len };
        let all = self.bytes.len() + contents.len();
        let fits = len > 0 && all <= MAX_BYTES && all.div_ceil(len) <= most;
        if !fits || !self.bytes.is_empty() && (self.closed || self.to != Some(envelope)) {
            return false;
        }
        self.to = Some(envelope);
        self.bytes.extend_from_slice(contents);
        self.closed = !contents.len().is_multiple_of(len);
        true
    }

    /// Sends everything, or nothing: then it stays.
    fn send(&mut self, socket: &dyn AsyncUdpSocket) -> io::Result<()> {
        let Some(Envelope { destination, ecn, src_ip, len }) = self.to.filter(|_| !self.bytes.is_empty()) else { return Ok(()) };
        let segment_size = (self.bytes.len() > len).then_some(len);
        let sent = socket.try_send(&Transmit { destination, ecn, contents: &self.bytes, segment_size, src_ip });
        if !matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.bytes.clear();
        }
        sent
    }
}

impl AsyncUdpSocket for BatchedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.shared.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let most = self.shared.socket.max_transmit_segments().min(MAX_DATAGRAMS);
        let mut gathered = self.shared.gathered();
        if !gathered.add(transmit, most) {
            gathered.send(&*self.shared.socket)?;
            // Alone it fits, unless it is larger than a batch: quinn's largest is a quarter of that.
            if !gathered.add(transmit, most) {
                return self.shared.socket.try_send(transmit);
            }
        }
        drop(gathered);
        self.shared.some.notify_one();
        Ok(())
    }

    fn poll_recv(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        self.shared.socket.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.shared.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.shared.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.shared.socket.may_fragment()
    }
}

impl fmt::Debug for BatchedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchedSocket").field("socket", &self.shared.socket).finish_non_exhaustive()
    }
}
