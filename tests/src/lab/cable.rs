//! A network cable in user space: rate, delay, jitter, loss and a queue between two hosts, for kernels with and without `netem`.
//!
//! Each end is a TAP device, so ARP, IPv6 link-local addresses and multicast work. One thread carries frames both ways. Without
//! loss, TCP and UDP segments pass whole (up to 64 KiB), which keeps several Gbit/s cheap; their cost on the wire is counted as
//! if they had been cut. Sleeping a little while frames come, to take more at once, was tried: at 1 Gbit/s it cost more than it
//! saved, and the rate suffered.

use super::host::Host;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    io::Errno,
};
use shoal_tap::{HEADER, Offload};
use std::{
    collections::VecDeque,
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// What a cable is like. The same both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Bits a second, in millions; 0: as fast as the machine goes.
    pub mbit: f64,
    /// From one end to the other.
    pub delay: Duration,
    /// Up to so much more, at random for each frame; frames do not overtake each other.
    pub jitter: Duration,
    /// The share of frames that vanish, 0 to 1.
    pub loss: f64,
    /// Bytes that may wait for their turn; more are dropped. What is under way does not count.
    pub queue: usize,
    /// Which frames vanish.
    pub seed: u64,
}

impl Line {
    /// 1 Gbit/s, 1 ms round trip, no loss.
    pub const fn gigabit() -> Self {
        let (delay, jitter) = (Duration::from_micros(500), Duration::ZERO);
        Self { mbit: 1000.0, delay, jitter, loss: 0.0, queue: 512 * 1024, seed: 1 }
    }

    /// 100 Mbit/s, 50 ms round trip, 1 % loss: a bad wireless link.
    pub const fn poor() -> Self {
        Self { mbit: 100.0, delay: Duration::from_millis(25), loss: 0.01, ..Self::gigabit() }
    }

    /// The same at another rate.
    pub const fn at(self, mbit: f64) -> Self {
        Self { mbit, ..self }
    }
}

/// What a cable did with frames of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// Bytes delivered, without the wire's framing.
    pub bytes: u64,
    /// Frames that vanished by the line's loss or while it was cut.
    pub lost: u64,
    /// Frames that found the queue full.
    pub dropped: u64,
}

/// A cable between two hosts; gone when dropped, and the interfaces with it.
#[derive(Debug)]
pub struct Cable {
    shared: Arc<Shared>,
    carrier: Option<JoinHandle<()>>,
    // The namespaces stay until the carrier is done.
    _ends: [Host; 2],
}

impl Cable {
    /// Makes an interface `device` on both hosts, up and without addresses but link-local ones, and joins them.
    pub fn between(a: &Host, b: &Host, device: &str, line: Line) -> Self {
        let offload = if line.loss > 0.0 { Offload::Frames } else { Offload::Segments };
        let [end_a, end_b] = [a, b].map(|host| {
            let end = host
                .within(|| shoal_tap::open(device, offload))
                .unwrap_or_else(|e| panic!("make {device} on {}: {e}", host.name()));
            host.ip(&format!("link set {device} txqueuelen 10000 multicast on up"));
            end
        });
        let shared = Arc::new(Shared::default());
        let carrier = std::thread::Builder::new()
            .name("cable".into())
            .spawn({
                let shared = shared.clone();
                move || carry(&end_a, &end_b, line, &shared)
            })
            .expect("a thread can be started");
        Self { shared, carrier: Some(carrier), _ends: [a.clone(), b.clone()] }
    }

    /// Cuts it: what is under way and what comes vanishes. The interfaces do not notice, as behind a switch.
    pub fn cut(&self) {
        self.shared.cut.store(true, Ordering::Relaxed);
    }

    /// Joins it again.
    pub fn join(&self) {
        self.shared.cut.store(false, Ordering::Relaxed);
    }

    /// Processor time of carrying so far, of its own thread; what the system does at either end comes on top.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.shared.cpu.load(Ordering::Relaxed))
    }

    /// What it carried from the first host to the second.
    pub fn forth(&self) -> Carried {
        self.shared.forth.read()
    }

    /// What it carried from the second host to the first.
    pub fn back(&self) -> Carried {
        self.shared.back.read()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(carrier) = self.carrier.take() {
            // Its panic, if any, was printed when it happened; a second one here would abort the run.
            let _ = carrier.join();
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    cut: AtomicBool,
    /// Nanoseconds.
    cpu: AtomicU64,
    forth: Counts,
    back: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    fn read(&self) -> Carried {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Carried { bytes: get(&self.bytes), lost: get(&self.lost), dropped: get(&self.dropped) }
    }
}

/// Carries frames until told to stop.
fn carry(a: &OwnedFd, b: &OwnedFd, line: Line, shared: &Shared) {
    // Both only make it more precise: without them, or without the right to them, it still works.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000));
    let _ = rustix::process::setpriority_process(None, -15);
    let mut forth = Lane::new(a, b, line, &shared.forth);
    let mut back = Lane::new(b, a, Line { seed: line.seed ^ u64::MAX, ..line }, &shared.back);
    let mut buffer = vec![0; HEADER + LONGEST_SEGMENT];
    while !shared.stop.load(Ordering::Relaxed) {
        let cut = shared.cut.load(Ordering::Relaxed);
        let mut next = Instant::now() + LONGEST_SLEEP;
        for lane in [&mut forth, &mut back] {
            lane.take(&mut buffer, cut);
            next = lane.deliver(cut).map_or(next, |due| due.min(next));
        }
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        shared.cpu.store(used.tv_sec.unsigned_abs() * 1_000_000_000 + used.tv_nsec.unsigned_abs(), Ordering::Relaxed);
        let wait = next.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let mut ends = [PollFd::new(a, PollFlags::IN), PollFd::new(b, PollFlags::IN)];
        match poll(&mut ends, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => panic!("cable: poll: {e}"),
        }
    }
}

/// One direction.
struct Lane<'a> {
    from: &'a OwnedFd,
    to: &'a OwnedFd,
    line: Line,
    under_way: VecDeque<Frame>,
    /// When the wire is free for the next frame.
    free_at: Instant,
    /// When the last frame so far arrives.
    latest: Instant,
    random: u64,
    counts: &'a Counts,
}

struct Frame {
    /// When its last bit arrives.
    due: Instant,
    data: Box<[u8]>,
}

impl<'a> Lane<'a> {
    fn new(from: &'a OwnedFd, to: &'a OwnedFd, line: Line, counts: &'a Counts) -> Self {
        let random = line.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let now = Instant::now();
        Self { from, to, line, under_way: VecDeque::new(), free_at: now, latest: now, random, counts }
    }

    /// Takes what the sender has put on the wire, a batch at most so that the other direction gets its turn.
    fn take(&mut self, buffer: &mut [u8], cut: bool) {
        for _ in 0..BATCH {
            let length = match rustix::io::read(self.from, &mut *buffer) {
                Ok(length) if length > HEADER => length,
                // EIO: the interface is down.
                Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::IO) => return,
                Err(e) => panic!("cable: read: {e}"),
            };
            let data = &buffer[..length];
            if cut || (self.line.loss > 0.0 && self.uniform() < self.line.loss) {
                self.counts.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let now = Instant::now();
            if self.waiting(now) + data.len() > self.line.queue {
                self.counts.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            self.free_at = self.free_at.max(now) + self.line.time_for(cost_on_wire(data));
            let jitter = if self.line.jitter.is_zero() { Duration::ZERO } else { self.line.jitter.mul_f64(self.uniform()) };
            let due = (self.free_at + self.line.delay + jitter).max(self.latest);
            self.latest = due;
            self.under_way.push_back(Frame { due, data: data.into() });
        }
    }

    /// Bytes that have not left the sender yet.
    fn waiting(&self, now: Instant) -> usize {
        let ahead = self.free_at.saturating_duration_since(now).as_secs_f64();
        (ahead * self.line.mbit * 1e6 / 8.0) as usize
    }

    /// Hands over what has arrived; returns when the next will.
    fn deliver(&mut self, cut: bool) -> Option<Instant> {
        loop {
            let frame = self.under_way.front()?;
            let (due, now) = (frame.due, Instant::now());
            if due > now {
                return Some(due);
            }
            if cut {
                self.counts.lost.fetch_add(1, Ordering::Relaxed);
            } else {
                match rustix::io::write(self.to, &frame.data) {
                    Ok(_) => _ = self.counts.bytes.fetch_add((frame.data.len() - HEADER) as u64, Ordering::Relaxed),
                    Err(Errno::AGAIN) => return Some(now + RETRY),
                    // EIO: the interface is down; EINVAL: a frame this kernel does not take. Lost, as on a real one.
                    Err(_) => _ = self.counts.lost.fetch_add(1, Ordering::Relaxed),
                }
            }
            self.under_way.pop_front();
        }
    }

    /// 0 to 1; xorshift64, so that a seed gives the same losses again.
    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Line {
    fn time_for(&self, bytes: usize) -> Duration {
        if self.mbit > 0.0 { Duration::from_secs_f64(bytes as f64 * 8.0 / (self.mbit * 1e6)) } else { Duration::ZERO }
    }
}

/// Bytes that a frame, or the frames that a whole segment is cut into, take on the wire.
fn cost_on_wire(data: &[u8]) -> usize {
    let bytes = data.len() - HEADER;
    // `struct virtio_net_hdr`: gso_type at 1, gso_size at 4.
    let segment = usize::from(u16::from_ne_bytes([data[4], data[5]]));
    let frames = if data[1] != 0 && segment > 0 { bytes.div_ceil(segment).max(1) } else { 1 };
    let headers = if data[1] == GSO_UDP { UDP_HEADERS } else { TCP_HEADERS };
    bytes + frames * FRAMING + (frames - 1) * headers
}

/// Preamble, checksum and gap: what a frame costs beyond what an interface shows.
const FRAMING: usize = 24;
/// `VIRTIO_NET_HDR_GSO_UDP_L4`.
const GSO_UDP: u8 = 5;
/// Ethernet, IPv4 and UDP headers, which each further frame of a cut segment repeats.
const UDP_HEADERS: usize = 42;
/// The same with TCP's, time stamps included.
const TCP_HEADERS: usize = 66;
/// The longest segment that comes whole, with its Ethernet header.
const LONGEST_SEGMENT: usize = 65_536 + 64;
/// Frames taken from one direction before the other is looked at.
const BATCH: usize = 64;
/// How soon a full receiver is tried again.
const RETRY: Duration = Duration::from_micros(20);
/// The longest time until `stop` and `cut` are looked at.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);
