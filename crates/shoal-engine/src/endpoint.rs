//! The one UDP socket and QUIC endpoint of this device: how it is bound, tuned and bounded.
//!
//! Leaves out who may connect and what is said (`links`).

use crate::{
    DEFAULT_PORT, StartError,
    batched_socket::BatchedSocket,
    congestion::Pilots,
    identity::{Identity, Pen},
    net_thread::NetThread,
    stream::var_int,
    tls,
};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};
use shoal_proto::{PeerId, message::CloseCode, swarm::message::Signature};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A connection that says nothing for this long sends a ping: three may be lost before [`MAX_IDLE`].
const KEEP_ALIVE: Duration = Duration::from_millis(2500);

/// A peer that is silent for this long is gone. Short, so that a pulled cable shows; long enough for a laptop's Wi-Fi to roam.
const MAX_IDLE: Duration = Duration::from_secs(8);

/// What an Ethernet frame holds after IPv4 and UDP headers; over IPv6 20 bytes less are found. Beyond, ten datagrams at once, as quinn
/// makes them, come near what one call takes.
const LARGEST_DATAGRAM: u16 = 1472;

/// Bytes that one stream, and one trusted connection, may have under way to us: 10 Gbit/s at 6 ms, and all that a peer that we
/// trust can make us hold.
pub(crate) const RECEIVE_WINDOW: u32 = 8 * 1024 * 1024;

/// The same for a connection until its peer is trusted or a transfer wants it: with the limits on strangers' connections a
/// few MiB in all.
const FIRST_RECEIVE_WINDOW: u32 = 128 * 1024;

/// Bytes written but not acknowledged that one connection keeps.
const SEND_WINDOW: u64 = 8 * 1024 * 1024;

/// Requests that a trusted peer may have open at once on one connection.
pub(crate) const MAX_STREAMS: u32 = 64;

/// The same until its peer is trusted or a transfer wants it.
const FIRST_STREAMS: u32 = 8;

/// What a round trip is taken for before it is measured. Most peers are in the same house; RFC 9002's 333 ms would cost a second
/// for each lost first packet. Too low only costs a repeated packet on a slow path.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// A packet is lost when so many later ones arrived. RFC 9002 has 3, which takes every packet that Wi-Fi delays by a millisecond
/// for lost; time tells instead.
const PACKET_THRESHOLD: u32 = 256;

/// A packet is lost when one sent later arrived and so many round trips passed. RFC 9002 has 9/8, too little where the round trip
/// varies by half of itself; a transfer has other bytes to send meanwhile.
const TIME_THRESHOLD: f32 = 1.5;

/// Socket buffers asked for, in bytes: a burst of some milliseconds at 10 Gbit/s. Systems give less unless told otherwise.
pub(crate) const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Connection attempts that wait for the accept loop; quinn refuses what is above.
const MAX_INCOMING: usize = 256;

/// Bytes that all waiting attempts may have sent, and that one may.
const INCOMING_BUFFER_TOTAL: u64 = 8 * 1024 * 1024;
const INCOMING_BUFFER: u64 = 64 * 1024;

/// How long a shutdown waits for peers to hear of it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Pause between two looks whether they did.
const GOODBYE_PAUSE: Duration = Duration::from_millis(2);

/// This device's end of every connection. The socket is free again once [`Endpoint::shutdown`] returned and no
/// [`quinn::Connection`] is held any more.
#[derive(Debug)]
pub(crate) struct Endpoint {
    quinn: Mutex<Option<quinn::Endpoint>>,
    tls: tls::Tls,
    transport: Arc<TransportConfig>,
    runtime: Arc<JoinedRuntime>,
    local: SocketAddr,
    id: PeerId,
    pen: Pen,
    /// Bytes that the system gives the socket to receive, if it is the system's and says.
    receive_buffer: Option<usize>,
}

impl Endpoint {
    /// Binds a socket on `listen` (`None`: every address, IPv4 and IPv6) and `port` (`None`: [`DEFAULT_PORT`], or any when that
    /// is taken).
    ///
    /// # Errors
    /// [`StartError::Listen`] when the address is not this host's or the port asked for is taken.
    pub(crate) fn bind(identity: &Identity, listen: Option<IpAddr>, port: Option<u16>) -> Result<Self, StartError> {
        let socket = bind_udp(listen, port)?;
        let local = socket.local_addr().unwrap_or_else(|_| (Ipv6Addr::UNSPECIFIED, 0).into());
        let failed = |error: io::Error| StartError::Listen { address: local, reason: error.to_string() };
        let receive_buffer = SockRef::from(&socket).recv_buffer_size().ok();
        let thread = NetThread::start().map_err(failed)?;
        let socket = {
            let _on = thread.handle().enter();
            quinn::Runtime::wrap_udp_socket(&quinn::TokioRuntime, socket).map_err(failed)?
        };
        let socket = Arc::new(BatchedSocket::new(socket, thread.handle()));
        let endpoint = Self::on_socket(identity, socket, thread).map_err(failed)?;
        Ok(Self { receive_buffer, ..endpoint })
    }

    /// The same on a socket that somebody else made: a simulated one, with everything on the runtime that this is called in.
    ///
    /// # Errors
    /// [`StartError::Listen`] when the socket has no address.
    pub(crate) fn with_socket(identity: &Identity, socket: Arc<dyn quinn::AsyncUdpSocket>) -> Result<Self, StartError> {
        let local = socket.local_addr();
        let address = *local.as_ref().unwrap_or(&(Ipv6Addr::UNSPECIFIED, 0).into());
        let started = Self::on_socket(identity, socket, NetThread::here());
        started.map_err(|error| StartError::Listen { address, reason: error.to_string() })
    }

    fn on_socket(identity: &Identity, socket: Arc<dyn quinn::AsyncUdpSocket>, thread: NetThread) -> io::Result<Self> {
        let local = unmapped(socket.local_addr()?);
        let tls = tls::Tls::new(identity).map_err(io::Error::other)?;
        let transport = Arc::new(transport_config()?);
        let server = server_config(&tls, transport.clone())?;
        let runtime = Arc::new(JoinedRuntime { thread, tasks: TaskTracker::new(), stop: CancellationToken::new() });
        let quinn = quinn::Endpoint::new_with_abstract_socket(endpoint_config(identity), Some(server), socket, runtime.clone())?;
        let (id, pen) = (identity.peer_id(), identity.pen()?);
        Ok(Self { quinn: Mutex::new(Some(quinn)), tls, transport, runtime, local, id, pen, receive_buffer: None })
    }

    /// Signs for this device.
    pub(crate) fn sign(&self, text: &[u8]) -> Signature {
        self.pen.sign(text)
    }

    /// Who this device is.
    pub(crate) fn id(&self) -> PeerId {
        self.id
    }

    /// The socket's address; unspecified when it listens on all.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Bytes that the system gives the socket to receive, if it says.
    pub(crate) fn receive_buffer(&self) -> Option<usize> {
        self.receive_buffer
    }

    /// Where tasks belong that read and write streams all the time.
    pub(crate) fn net(&self) -> &tokio::runtime::Handle {
        self.runtime.thread.handle()
    }

    /// Begins a handshake with `address`; the other end must prove `expected`, or any key when it is `None`.
    ///
    /// # Errors
    /// When the address cannot be dialled from this socket, or the endpoint is shut down.
    pub(crate) fn dial(&self, address: SocketAddr, expected: Option<PeerId>) -> Result<Dial, DialError> {
        let (tls, verifier) = self.tls.client(expected).map_err(|error| DialError::Unusable(error.to_string()))?;
        let crypto =
            quinn::crypto::rustls::QuicClientConfig::try_from(tls).map_err(|error| DialError::Unusable(error.to_string()))?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(self.transport.clone());
        // quinn maps IPv4 addresses for a dual-stack socket by itself.
        let endpoint = self.quinn().ok_or(DialError::ShutDown)?;
        match endpoint.connect_with(config, address, tls::SERVER_NAME) {
            Ok(connecting) => Ok(Dial { connecting, verifier, address }),
            Err(quinn::ConnectError::EndpointStopping) => Err(DialError::ShutDown),
            Err(error) => Err(DialError::Unusable(error.to_string())),
        }
    }

    /// The next attempt to connect; `None` once the endpoint is shut down.
    pub(crate) async fn accept(&self) -> Option<quinn::Incoming> {
        let endpoint = self.quinn()?;
        endpoint.accept().await
    }

    /// Closes every connection with [`CloseCode::ShuttingDown`], waits a second at most until the peers of `closed` said that they
    /// heard it, and joins every task. quinn's own wait is for stragglers, three probe timeouts: a third of a second over 50 ms.
    pub(crate) async fn shutdown(&self, closed: &[quinn::Connection]) {
        let taken = self.quinn.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(endpoint) = taken {
            endpoint.close(var_int(CloseCode::ShuttingDown), b"");
            let heard = async {
                while endpoint.open_connections() > 0 {
                    tokio::time::sleep(GOODBYE_PAUSE).await;
                    // The answer to a close is a close (RFC 9000 §10.2.2).
                    if closed.iter().all(|connection| connection.stats().frame_rx.connection_close > 0) {
                        return;
                    }
                }
            };
            if tokio::time::timeout(GOODBYE, heard).await.is_err() {
                tracing::debug!("some peers did not hear that this device shuts down");
            }
        }
        self.runtime.stop().await;
    }

    fn quinn(&self) -> Option<quinn::Endpoint> {
        self.quinn.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A handshake under way.
#[derive(Debug)]
pub(crate) struct Dial {
    connecting: quinn::Connecting,
    verifier: Arc<tls::ProvedKey>,
    address: SocketAddr,
}

impl Dial {
    /// Ends with a connection whose other end proved its key.
    ///
    /// # Errors
    /// [`DialError`].
    pub(crate) async fn finish(self) -> Result<(quinn::Connection, PeerId), DialError> {
        let connection = self.connecting.await.map_err(|error| match self.verifier.other_key_shown() {
            Some(_) => DialError::WrongKey(self.address),
            None => DialError::Failed(error),
        })?;
        let id = tls::proved_key(connection.peer_identity()).ok_or(DialError::WrongKey(self.address))?;
        Ok((connection, id))
    }
}

/// Why a dial made no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum DialError {
    /// Another key than the expected one was shown there.
    #[error("another device answers at {0}")]
    WrongKey(SocketAddr),
    /// The address cannot be dialled from this socket.
    #[error("the address cannot be dialled: {0}")]
    Unusable(String),
    /// Nobody answered, or refused.
    #[error(transparent)]
    Failed(quinn::ConnectionError),
    /// This endpoint is shut down.
    #[error("shutting down")]
    ShutDown,
}

/// IPv4 addresses come from a dual-stack socket as `::ffff:a.b.c.d`; people and tables see them plain.
pub(crate) fn unmapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

fn bind_udp(listen: Option<IpAddr>, port: Option<u16>) -> Result<std::net::UdpSocket, StartError> {
    let try_port = |port: u16| match listen {
        Some(ip) => open_udp((ip, port).into()),
        None => open_udp((Ipv6Addr::UNSPECIFIED, port).into()).or_else(|error| {
            // A taken port is taken for both families; anything else means that this host has no IPv6.
            if error.kind() == io::ErrorKind::AddrInUse { Err(error) } else { open_udp((Ipv4Addr::UNSPECIFIED, port).into()) }
        }),
    };
    let wanted = port.unwrap_or(DEFAULT_PORT);
    let bound = try_port(wanted).or_else(|error| match port {
        None => {
            tracing::info!(port = wanted, %error, "the default port is not to be had; taking another");
            try_port(0)
        }
        Some(_) => Err(error),
    });
    bound.map_err(|error| StartError::Listen {
        address: (listen.unwrap_or(Ipv6Addr::UNSPECIFIED.into()), wanted).into(),
        reason: error.to_string(),
    })
}

fn open_udp(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    // Buffers are a wish: a socket with small ones still works.
    for (what, set, get) in [
        (
            "receive",
            Socket::set_recv_buffer_size as fn(&Socket, usize) -> io::Result<()>,
            Socket::recv_buffer_size as fn(&Socket) -> io::Result<usize>,
        ),
        ("send", Socket::set_send_buffer_size, Socket::send_buffer_size),
    ] {
        let given = set(&socket, SOCKET_BUFFER).and_then(|()| get(&socket));
        if !matches!(given, Ok(size) if size >= SOCKET_BUFFER) {
            tracing::info!(
                what,
                ?given,
                wanted = SOCKET_BUFFER,
                "the system caps the socket's buffer; fast networks may lose packets"
            );
        }
    }
    Ok(socket.into())
}

fn endpoint_config(identity: &Identity) -> EndpointConfig {
    // The key outlives the process: after a restart the peers' old connections are reset at their next packet, not after
    // MAX_IDLE. That takes ids that this process did not make to be answered, hence no hash in them.
    let mut config = EndpointConfig::new(Arc::new(identity.derive(b"shoal stateless reset")));
    config.cid_generator(|| Box::new(RandomIds));
    config
}

fn mtu_discovery() -> MtuDiscoveryConfig {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(LARGEST_DATAGRAM);
    discovery
}

fn transport_config() -> io::Result<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::try_from(MAX_IDLE).map_err(io::Error::other)?))
        .stream_receive_window(VarInt::from_u32(RECEIVE_WINDOW))
        .receive_window(VarInt::from_u32(FIRST_RECEIVE_WINDOW))
        .send_window(SEND_WINDOW)
        .send_fairness(false) // blocks of content leave one after another: the first is whole sooner
        .max_concurrent_bidi_streams(VarInt::from_u32(FIRST_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .initial_rtt(INITIAL_RTT)
        .mtu_discovery_config(Some(mtu_discovery()));
    config.congestion_controller_factory(Arc::new(Pilots)).packet_threshold(PACKET_THRESHOLD).time_threshold(TIME_THRESHOLD);
    Ok(config)
}

fn server_config(tls: &tls::Tls, transport: Arc<TransportConfig>) -> io::Result<quinn::ServerConfig> {
    let crypto = tls.server().map_err(io::Error::other)?;
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(crypto).map_err(io::Error::other)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(transport)
        .migration(true) // a laptop that changes networks keeps its transfers
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL);
    Ok(config)
}

/// Connection ids of eight random bytes.
#[derive(Debug)]
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&rand::random::<[u8; 8]>())
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// Tokio, but every task that quinn spawns runs on the network's thread and is joined at the end.
#[derive(Debug)]
struct JoinedRuntime {
    thread: NetThread,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl JoinedRuntime {
    async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.thread.stop().await;
    }
}

impl quinn::Runtime for JoinedRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn quinn::AsyncTimer>> {
        let _on = self.thread.handle().enter();
        quinn::TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.tasks.spawn_on(self.stop.clone().run_until_cancelled_owned(future), self.thread.handle());
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn quinn::AsyncUdpSocket>> {
        let _on = self.thread.handle().enter();
        quinn::TokioRuntime.wrap_udp_socket(socket)
    }

    fn now(&self) -> Instant {
        quinn::TokioRuntime.now()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_port_asked_for_that_is_taken_is_an_error_and_the_default_is_only_a_wish() {
        let identity = Identity::ephemeral().unwrap();
        let first = Endpoint::bind(&identity, Some(Ipv4Addr::LOCALHOST.into()), Some(0)).unwrap();
        let port = first.local_addr().port();
        assert!(matches!(
            Endpoint::bind(&identity, Some(Ipv4Addr::LOCALHOST.into()), Some(port)),
            Err(StartError::Listen { address, .. }) if address.port() == port
        ));
        let a = Endpoint::bind(&identity, None, None).unwrap();
        let b = Endpoint::bind(&identity, None, None).unwrap();
        assert_ne!(a.local_addr().port(), b.local_addr().port());
        assert!(matches!(Endpoint::bind(&identity, Some("192.0.2.1".parse().unwrap()), None), Err(StartError::Listen { .. })));
    }

    #[test]
    fn transport_settings_are_as_named() {
        let text = format!("{:?}", transport_config().unwrap());
        for setting in [
            "max_concurrent_bidi_streams: 8,",
            "max_concurrent_uni_streams: 0,",
            "max_idle_timeout: Some(8000)",
            "stream_receive_window: 8388608",
            "receive_window: 131072",
            "send_window: 8388608",
            "keep_alive_interval: Some(2.5s)",
            "datagram_receive_buffer_size: None",
            "initial_rtt: 100ms",
            "upper_bound: 1472",
            "packet_threshold: 256",
            "time_threshold: 1.5",
        ] {
            assert!(text.contains(setting), "{setting} in {text}");
        }
    }

    #[test]
    fn mapped_addresses_are_shown_plain() {
        assert_eq!(unmapped("[::ffff:192.0.2.7]:5".parse().unwrap()), "192.0.2.7:5".parse().unwrap());
        assert_eq!(unmapped("[fe80::1%3]:5".parse().unwrap()), "[fe80::1%3]:5".parse().unwrap());
    }
}
