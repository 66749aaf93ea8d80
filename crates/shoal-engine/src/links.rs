//! Every connection of this device: made, shared, admitted, bounded, closed.
//!
//! [`Links::get`] gives the one connection to a peer, dialling when there is none. What peers ask arrives on one bounded channel
//! as [`IncomingRequest`]s; only hellos are answered here. Leaves out what requests mean, and who is trusted ([`Directory`]).
//!
//! * `table`: which connections there are, and who gets in when there are many.
//! * `dial`: reaching a peer at one of several addresses.
//! * `network`: what becomes of connections when this host's addresses change.
//! * `serve`: answering: handshakes, hellos, requests.
//!
//! **Two connections to one peer** arise when both dial at once, or when a peer restarts. New requests go on the one dialled by the
//! lower id, the newest of several; the rest ends by being idle. Neither end gives up a dial because the other's arrived first:
//! both could, and be left with nothing.
//!
//! **When this host's address changes** the socket, bound to every address, stays; the rest is in `network`.

mod dial;
mod network;
mod serve;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use crate::{
    ReachError, Trust,
    connection::Connection,
    discovery::{devices::Devices, interfaces::Barred},
    endpoint::Endpoint,
    greeting::Greeting,
    stream::{RecvStream, SendStream},
};
use shoal_proto::{
    PeerId,
    message::{CloseCode, Request},
    swarm::message::Signature,
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use table::Table;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A connection that nothing uses is closed by its dialler after this long; keep-alives would keep it for ever.
const IDLE: Duration = Duration::from_secs(15);

/// The answerer waits longer, so that as a rule one end decides and a request seldom crosses a close.
const IDLE_ANSWERED: Duration = Duration::from_secs(20);

/// Notices of new connections that a slow listener may leave unread; then it takes [`Links::connected`] instead.
const MAX_NOTICES: usize = 256;

/// What the links need to know of devices, and tell. No method may call back into [`Links`]: some are called under its lock, so
/// that the order of `proved` and `disconnected` is the order of things.
pub(crate) trait Directory: Send + Sync + fmt::Debug + 'static {
    /// Standing of a device.
    fn trust(&self, id: PeerId) -> Trust;
    /// Addresses to dial, best first.
    fn candidates(&self, id: PeerId) -> Vec<SocketAddr>;
    /// TLS proved the key at `address` and it said who it is; a connection lives now.
    fn proved(&self, id: PeerId, greeting: &Greeting, address: SocketAddr);
    /// Its last connection is gone.
    fn disconnected(&self, id: PeerId);
}

impl Directory for Devices {
    fn trust(&self, id: PeerId) -> Trust {
        self.trust(id)
    }

    fn candidates(&self, id: PeerId) -> Vec<SocketAddr> {
        self.candidates(id)
    }

    fn proved(&self, id: PeerId, greeting: &Greeting, address: SocketAddr) {
        self.proved(id, greeting, address);
    }

    fn disconnected(&self, id: PeerId) {
        self.disconnected(id);
    }
}

/// Something that a peer asks for, and the stream to answer on. Dropping it resets the stream.
#[derive(Debug)]
pub(crate) struct IncomingRequest {
    /// Whose.
    pub(crate) connection: Connection,
    /// What; never a hello.
    pub(crate) request: Request,
    /// To answer.
    pub(crate) send: SendStream,
    /// What follows the request.
    pub(crate) recv: RecvStream,
}

/// Which addresses are dialled and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All.
    Everywhere,
    /// Those that no router forwards to the internet.
    Local,
}

/// All connections of this device.
pub(crate) struct Links {
    endpoint: Endpoint,
    directory: Arc<dyn Directory>,
    greeting: watch::Receiver<Greeting>,
    incoming: mpsc::Sender<IncomingRequest>,
    reach: Reach,
    barred: Mutex<Barred>,
    table: Mutex<Table>,
    connected: broadcast::Sender<PeerId>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Links {
    /// Begins to answer. `greeting` is how this device introduces itself; requests of peers go to `incoming`. Ends when `cancel` is
    /// cancelled, cleanly by [`Links::shutdown`].
    pub(crate) fn start(
        endpoint: Endpoint,
        directory: Arc<dyn Directory>,
        greeting: watch::Receiver<Greeting>,
        incoming: mpsc::Sender<IncomingRequest>,
        reach: Reach,
        cancel: CancellationToken,
    ) -> Arc<Self> {
        let links = Arc::new(Self {
            endpoint,
            directory,
            greeting,
            incoming,
            reach,
            barred: Mutex::default(),
            table: Mutex::default(),
            connected: broadcast::Sender::new(MAX_NOTICES),
            cancel,
            tasks: TaskTracker::new(),
        });
        links.tasks.spawn(links.clone().answer());
        links
    }

    /// This device.
    pub(crate) fn id(&self) -> PeerId {
        self.endpoint.id()
    }

    /// Signs for this device.
    pub(crate) fn sign(&self, text: &[u8]) -> Signature {
        self.endpoint.sign(text)
    }

    /// Where this device listens; the address is unspecified when it is every one.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.endpoint.local_addr()
    }

    /// Where tasks belong that read and write streams all the time.
    pub(crate) fn net(&self) -> &tokio::runtime::Handle {
        self.endpoint.net()
    }

    /// The connection to `peer`: the live one, or a new one. Callers at the same time share one dial of at most five seconds. It
    /// stays for at least [`IDLE`]; hold it ([`Connection::hold`]) to keep it longer.
    ///
    /// # Errors
    /// [`ReachError`] but for `Ambiguous`; names in it are short ids.
    pub(crate) async fn get(self: &Arc<Self>, peer: PeerId) -> Result<Connection, ReachError> {
        if self.cancel.is_cancelled() {
            return Err(ReachError::ShuttingDown);
        }
        if self.directory.trust(peer) == Trust::Blocked {
            return Err(ReachError::Refused { name: peer.short() });
        }
        if let Some(connection) = self.live(peer) {
            connection.touch();
            return Ok(connection);
        }
        let mut dial = self.dial(peer);
        tokio::select! {
            outcome = dial.wait_for(Option::is_some) => match outcome {
                Ok(outcome) => outcome.clone().unwrap_or(Err(ReachError::ShuttingDown)),
                Err(_) => Err(ReachError::ShuttingDown),
            },
            connection = self.until_live(peer) => Ok(connection),
        }
    }

    /// Opens a request on the connection to `peer`. A connection that turns out to be over, as one that the other end closed as idle
    /// a moment ago, is replaced once.
    ///
    /// # Errors
    /// As [`Links::get`].
    pub(crate) async fn request(
        self: &Arc<Self>,
        peer: PeerId,
        request: &Request,
    ) -> Result<(Connection, SendStream, RecvStream), ReachError> {
        for _ in 0..2 {
            let connection = self.get(peer).await?;
            match connection.open_request(request).await {
                Ok((send, recv)) => return Ok((connection, send, recv)),
                Err(error) if error.close_code() == Some(CloseCode::Refused) => {
                    return Err(ReachError::Refused { name: peer.short() });
                }
                Err(error) => tracing::debug!(%peer, %error, "a request was not opened"),
            }
        }
        Err(ReachError::Unreachable { name: peer.short() })
    }

    /// Connects to whoever is at `address`, which somebody typed in.
    ///
    /// # Errors
    /// [`ReachError`]; the name in it is the address.
    pub(crate) async fn dial_address(self: &Arc<Self>, address: SocketAddr) -> Result<Connection, ReachError> {
        tokio::select! {
            outcome = self.reach_address(address) => outcome,
            () = self.cancel.cancelled() => Err(ReachError::ShuttingDown),
        }
    }

    /// Looks for a peer where somebody said that it is. Returns whether it is there: a connection to it lives then.
    pub(crate) async fn find_at(self: &Arc<Self>, peer: PeerId, addresses: &[SocketAddr]) -> bool {
        for address in addresses {
            match self.dial_address(*address).await {
                Ok(connection) if connection.peer() == peer => return true,
                Ok(_) => {}
                Err(error) => tracing::debug!(%peer, %address, %error, "a peer is not where it was said to be"),
            }
        }
        false
    }

    /// Closes every connection of a peer at once: it is blocked, forgotten, or done with.
    pub(crate) fn close_peer(&self, peer: PeerId, code: CloseCode) {
        self.table().close_peer(peer, code);
    }

    /// Bytes that the system gives the socket to receive, if it says.
    pub(crate) fn receive_buffer(&self) -> Option<usize> {
        self.endpoint.receive_buffer()
    }

    /// Closes what goes over interfaces that are not to be used, and makes nothing new there.
    pub(crate) fn bar(&self, barred: Barred) {
        *self.barred() = barred;
        for connection in self.table().all_ready() {
            let barred = self.barred();
            let by_own = connection.local_ip().is_some_and(|own| barred.bars_own(own));
            if by_own || barred.bars(connection.remote_address()) {
                drop(barred);
                connection.close(CloseCode::Done);
            }
        }
    }

    /// The connection of each connected peer that requests go on.
    pub(crate) fn connected(&self) -> Vec<Connection> {
        self.table().preferred(self.endpoint.id())
    }

    /// Hears of each peer that gets its first connection. One that lags takes [`Links::connected`].
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<PeerId> {
        self.connected.subscribe()
    }

    /// Closes everything with [`CloseCode::ShuttingDown`], waits a second at most for peers to hear it, joins every task. The
    /// socket is free then, if no [`Connection`] is held any more.
    pub(crate) async fn shutdown(&self) {
        self.cancel.cancel();
        let closed = self.table().close_all(CloseCode::ShuttingDown);
        self.tasks.close();
        self.tasks.wait().await;
        self.endpoint.shutdown(&closed).await;
    }

    fn live(&self, peer: PeerId) -> Option<Connection> {
        self.table().live(self.endpoint.id(), peer)
    }

    /// Waits for a connection, whoever dialled it.
    async fn until_live(&self, peer: PeerId) -> Connection {
        let mut connected = self.connected.subscribe();
        loop {
            if let Some(connection) = self.live(peer) {
                return connection;
            }
            // Any news, or having missed some, is a reason to look again. `self` holds a sender: it never closes.
            let _ = connected.recv().await;
        }
    }

    fn allows(&self, address: SocketAddr) -> bool {
        (self.reach == Reach::Everywhere || is_local(address.ip())) && !self.barred().bars(address)
    }

    fn barred(&self) -> MutexGuard<'_, Barred> {
        self.barred.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("id", &self.endpoint.id()).field("at", &self.local_addr()).finish_non_exhaustive()
    }
}

/// Addresses that belong to this host or a network around it: RFC 1918, 3927, 6598, 4193, 4291 §2.5.6.
pub(crate) fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
