//! A simulated network for tokio's paused time: sockets that quinn takes for real ones, and between them delay, loss, reordering,
//! limited rate, cut cables. A second of it costs milliseconds, and a seed gives the same weather each time.
//!
//! Use it under `#[tokio::test(start_paused = true)]` on the current-thread runtime: then the order of sends, hence of random
//! numbers drawn, is that of the one thread. Leaves out what no test needs: routing, fragmentation, congestion marks.

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    fmt,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Packets that wait at one socket; more are dropped, as a kernel does.
const MAX_QUEUE: usize = 8192;

/// The weather between any two hosts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// One way, for each packet.
    pub latency: Duration,
    /// Added to it, evenly between nothing and this. More than the gap between packets means reordering.
    pub jitter: Duration,
    /// Share of packets that vanish, 0.0 to 1.0.
    pub loss: f64,
    /// Share of packets that come a further `latency` late, behind those sent after them.
    pub reorder: f64,
    /// Bytes a second in each direction between two hosts; `None`: no limit.
    pub rate: Option<u64>,
    /// How long a packet may wait for its turn at that rate before it is dropped: the router's buffer.
    pub buffer: Duration,
    /// Longest packet that passes, in bytes of UDP payload.
    pub mtu: usize,
}

/// A quiet house: half a millisecond each way, nothing lost.
impl Default for Weather {
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(500),
            jitter: Duration::ZERO,
            loss: 0.0,
            reorder: 0.0,
            rate: None,
            buffer: Duration::from_millis(50),
            mtu: 1472,
        }
    }
}

/// What passed, and what did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that were sent.
    pub sent: u64,
    /// Lost by the weather.
    pub lost: u64,
    /// Not let through: a cut, nobody there, too long, or a full buffer.
    pub dropped: u64,
    /// Bytes that arrived.
    pub bytes: u64,
}

/// A network. Clones share it.
#[derive(Clone)]
pub struct SimNetwork {
    state: Arc<Mutex<State>>,
}

struct State {
    random: StdRng,
    weather: Weather,
    sockets: HashMap<SocketAddr, Weak<SimSocket>>,
    cuts: HashSet<(IpAddr, IpAddr)>,
    /// When each direction between two hosts is free again.
    busy_until: HashMap<(IpAddr, IpAddr), Instant>,
    counts: Counts,
    order: u64,
}

impl SimNetwork {
    /// A network in fair weather whose chances are decided by `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with_weather(seed, Weather::default())
    }

    /// The same in other weather.
    pub fn with_weather(seed: u64, weather: Weather) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let state = State {
            random,
            weather,
            sockets: HashMap::new(),
            cuts: HashSet::new(),
            busy_until: HashMap::new(),
            counts: Counts::default(),
            order: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A socket at `address`. Another one at the same address takes its place, as after a restart.
    pub fn socket(&self, address: SocketAddr) -> Arc<dyn AsyncUdpSocket> {
        let socket = Arc::new(SimSocket { network: self.clone(), address: Mutex::new(address), inbox: Mutex::default() });
        self.state().sockets.insert(address, Arc::downgrade(&socket));
        socket
    }

    /// Changes the weather for packets sent from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Cuts the cable between two hosts; what is under way still arrives.
    pub fn cut(&self, a: IpAddr, b: IpAddr) {
        self.state().cuts.extend([(a, b), (b, a)]);
    }

    /// Joins it again.
    pub fn join(&self, a: IpAddr, b: IpAddr) {
        let mut state = self.state();
        state.cuts.remove(&(a, b));
        state.cuts.remove(&(b, a));
    }

    /// Gives the socket at `from` another address, as when a host gets a new lease. Its owner is not told.
    pub fn readdress(&self, from: SocketAddr, to: SocketAddr) {
        let mut state = self.state();
        let Some(socket) = state.sockets.remove(&from) else { return };
        if let Some(socket) = socket.upgrade() {
            *lock(&socket.address) = to;
        }
        state.sockets.insert(to, socket);
    }

    /// What passed until now.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Sockets that somebody still holds.
    pub fn sockets(&self) -> usize {
        self.state().sockets.values().filter(|socket| socket.strong_count() > 0).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        let mut state = self.state();
        let state = &mut *state;
        state.counts.sent += 1;
        let receiver = state.sockets.get(&to).and_then(Weak::upgrade);
        let hosts = (from.ip(), to.ip());
        let weather = state.weather;
        // Each packet draws the same numbers whatever becomes of it, so that a change at one place does not shift all others.
        let [lost, late] = [weather.loss, weather.reorder].map(|chance| state.random.random::<f64>() < chance);
        let jitter = weather.jitter.mul_f64(state.random.random::<f64>());
        let Some(receiver) = receiver.filter(|_| !state.cuts.contains(&hosts) && packet.len() <= weather.mtu) else {
            state.counts.dropped += 1;
            return;
        };
        let now = Instant::now();
        let mut departs = now;
        if let Some(rate) = weather.rate {
            let busy = state.busy_until.entry(hosts).or_insert(now);
            departs = now.max(*busy);
            if departs - now > weather.buffer {
                state.counts.dropped += 1;
                return;
            }
            departs += Duration::from_secs_f64(packet.len() as f64 / rate as f64);
            *busy = departs;
        }
        if lost {
            state.counts.lost += 1;
            return;
        }
        let at = departs + weather.latency * if late { 2 } else { 1 } + jitter;
        state.order += 1;
        let len = packet.len() as u64;
        let packet = Packet { at, order: state.order, from, bytes: packet.to_vec() };
        if receiver.deliver(packet) {
            state.counts.bytes += len;
        } else {
            state.counts.dropped += 1;
        }
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("SimNetwork").field("weather", &state.weather).field("counts", &state.counts).finish_non_exhaustive()
    }
}

/// One end.
struct SimSocket {
    network: SimNetwork,
    address: Mutex<SocketAddr>,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    packets: BinaryHeap<Reverse<Packet>>,
    timer: Option<Pin<Box<Sleep>>>,
    reader: Option<Waker>,
}

/// Ordered by when it arrives, then by when it was sent.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    at: Instant,
    order: u64,
    from: SocketAddr,
    bytes: Vec<u8>,
}

impl SimSocket {
    fn deliver(&self, packet: Packet) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.packets.len() >= MAX_QUEUE {
            return false;
        }
        inbox.packets.push(Reverse(packet));
        let reader = inbox.reader.take();
        drop(inbox);
        if let Some(reader) = reader {
            reader.wake(); // to set its timer to this packet
        }
        true
    }
}

impl AsyncUdpSocket for SimSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let from = *lock(&self.address);
        for packet in transmit.contents.chunks(transmit.segment_size.unwrap_or(transmit.contents.len()).max(1)) {
            self.network.send(from, transmit.destination, packet);
        }
        Ok(())
    }

    fn poll_recv(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        let mut inbox = lock(&self.inbox);
        loop {
            let now = Instant::now();
            let mut filled = 0;
            for (buf, meta) in bufs.iter_mut().zip(meta.iter_mut()) {
                if inbox.packets.peek().is_none_or(|Reverse(packet)| packet.at > now) {
                    break;
                }
                let Some(Reverse(packet)) = inbox.packets.pop() else { break };
                let len = packet.bytes.len().min(buf.len());
                buf[..len].copy_from_slice(&packet.bytes[..len]);
                *meta = RecvMeta { addr: packet.from, len, stride: len, ecn: None, dst_ip: None };
                filled += 1;
            }
            if filled > 0 {
                return Poll::Ready(Ok(filled));
            }
            inbox.reader = Some(cx.waker().clone());
            let Some(Reverse(next)) = inbox.packets.peek() else {
                inbox.timer = None;
                return Poll::Pending;
            };
            let at = next.at;
            let timer = inbox.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
            timer.as_mut().reset(at);
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(*lock(&self.address))
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

impl fmt::Debug for SimSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimSocket").field("address", &*lock(&self.address)).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "sim_tests.rs"]
mod tests;
