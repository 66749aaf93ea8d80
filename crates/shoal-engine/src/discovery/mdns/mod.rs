//! Finding devices on the local network: multicast DNS (RFC 6762) for the one service `_shoal._udp.local.` (RFC 6763).
//!
//! Owns the two sockets on port 5353 and the task that reads and writes them. The bytes are in [`wire`], the timetable in
//! [`agent`], the interfaces in [`super::interfaces`]; what is heard goes to the table as a hint.
//!
//! Written here, not taken from the crate `mdns-sd`, for the sake of one property: half a million records cost at most
//! 32 MiB. A packet is understood by itself, nothing is kept but rows of the bounded table, and at most [`PACKETS_A_SLICE`]
//! are read in each [`SLICE`]: a flood costs neither memory nor much time, and what the kernel drops meanwhile is said again
//! by those who are really there.
//!
//! `mdns-sd` 0.21.7 was measured in this place, in a provider that asked for its metrics 50 times a second and started a new
//! daemon at 3,000 records. It finds devices in time (medians: by mDNS alone 0.7 s, here 0.05 s; until `shoal peers` lists
//! them both 0.1 to 0.6 s; a changed address 0.9 s, here 1.0 s). But it keeps what it hears without a bound, and while packets
//! come faster than it reads them it takes no command: no metrics, no stop (silent for 5 s). Half a million addresses of
//! hosts that come once cost it 33 to 115 MiB at 100,000 a second and up to 136 MiB at 500,000; the daemon bare, restarted
//! without a pause, 2 to 32 MiB and 21 to 156 MiB. Here: 2.3 MiB. The test
//! `long_a_flood_costs_mdns_sd_more_though_it_is_watched_and_restarted` measures that again; when it fails, the crate can take
//! this module's place.
//!
//! Left out: resolving other services, names of hosts, answers by unicast, known answers. Other responders on this host
//! (Avahi, Bonjour) share the port.

mod agent;
mod wire;

use super::{
    MdnsState, Options, Presence,
    devices::{Devices, Sighting},
    interfaces::{self, Link},
};
use agent::{Agent, Transmit};
use shoal_proto::PeerId;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// How often the interfaces are looked at: an address that changed is announced within this.
const WATCH: Duration = Duration::from_secs(1);
/// How long leaving may take.
const GOODBYE: Duration = Duration::from_millis(500);
const BETWEEN_GOODBYES: Duration = Duration::from_millis(5);
/// Packets read in one [`SLICE`]; a network of a hundred devices sends fewer in ten seconds.
const PACKETS_A_SLICE: u32 = 200;
const SLICE: Duration = Duration::from_millis(100);
/// Longest random delay of an answer, in milliseconds.
const MAX_JITTER_MS: u64 = 60;

/// Announces the device `id` on `port` and tells `devices` of others, until cancelled; then says goodbye.
pub(super) async fn run(
    id: PeerId,
    port: u16,
    options: Options,
    presence: watch::Receiver<Presence>,
    devices: Arc<Devices>,
    state: watch::Sender<MdnsState>,
    cancel: CancellationToken,
) {
    let mut provider = Provider {
        agent: Agent::new(id, port),
        sockets: Sockets::default(),
        devices,
        options,
        presence,
        state,
        budget: Budget { slice: Instant::now(), left: PACKETS_A_SLICE },
    };
    cancel.run_until_cancelled(provider.run()).await;
    if timeout(GOODBYE, provider.say_goodbye()).await.is_err() {
        debug!("not every goodbye was sent in time");
    }
}

struct Provider {
    agent: Agent,
    sockets: Sockets,
    devices: Arc<Devices>,
    options: Options,
    presence: watch::Receiver<Presence>,
    state: watch::Sender<MdnsState>,
    budget: Budget,
}

impl Provider {
    async fn run(&mut self) {
        let mut watch = interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut buffer = vec![0; wire::MAX_PACKET].into_boxed_slice();
        loop {
            self.transmit().await;
            let due = self.agent.poll_timeout().map_or_else(|| Instant::now() + WATCH, Instant::from_std);
            let reopens = self.budget.closed_until();
            tokio::select! {
                _ = watch.tick() => self.look_at_links().await,
                // Fails when the engine is gone, and this task with it.
                Ok(()) = self.presence.changed() => self.look_at_links().await,
                () = sleep_until(due) => {}
                () = sleep_until(reopens.unwrap_or(due)), if reopens.is_some() => {}
                received = self.sockets.receive(&mut buffer), if reopens.is_none() => match received {
                    Ok((len, source)) => self.hear(buffer.get(..len).unwrap_or_default(), source),
                    Err(error) => {
                        // Counts as a packet, so that an error that stays does not spin.
                        self.budget.spend();
                        debug!(%error, "mDNS cannot read");
                    }
                },
            }
        }
    }

    async fn look_at_links(&mut self) {
        let Options { loopback, listen, .. } = self.options;
        // Off the runtime: with hundreds of interfaces the system takes its time.
        match tokio::task::spawn_blocking(move || interfaces::links(loopback)).await {
            Ok(Ok(mut links)) => {
                links.retain_mut(|link| link.keep_reachable(listen));
                let Presence { discoverable, off } = self.presence.borrow_and_update().clone();
                links.retain(|link| !off.contains(&link.name));
                self.take_leave(discoverable, &off).await;
                let state = match self.sockets.follow(&links) {
                    Ok(()) => MdnsState::On,
                    Err(error) => MdnsState::Unavailable(error.to_string()),
                };
                if state != *self.state.borrow() {
                    if let MdnsState::Unavailable(error) = &state {
                        warn!(%error, "mDNS does not have its port: devices near here are not found by themselves");
                    }
                    self.state.send_replace(state);
                }
                let now = Instant::now().into_std();
                self.agent.set_discoverable(discoverable, now);
                for link in self.agent.handle_links(links, now) {
                    self.devices.sighting(Sighting::LinkGone { link });
                }
            }
            Ok(Err(error)) => debug!(%error, "the interfaces cannot be listed"),
            Err(error) => debug!(%error, "listing the interfaces was cut short"),
        }
    }

    async fn transmit(&mut self) {
        while let Some(transmit) = self.agent.poll_transmit(Instant::now().into_std()) {
            let taken = self.send(&transmit).await;
            self.agent.handle_sent(&transmit, taken, Instant::now().into_std());
        }
    }

    /// Whether every kind of address that the link has took the packet.
    async fn send(&self, transmit: &Transmit) -> bool {
        let Some(link) = self.agent.link(transmit.link) else { return true };
        let sent = self.sockets.send(link, &transmit.packet).await;
        if let Err(error) = &sent {
            debug!(link = link.name, %error, "mDNS packet not sent");
        }
        sent.is_ok()
    }

    fn hear(&mut self, packet: &[u8], source: SocketAddr) {
        self.budget.spend();
        let jitter = Duration::from_millis(rand::random_range(0..=MAX_JITTER_MS));
        for sighting in self.agent.handle_packet(packet, source, jitter, Instant::now().into_std()) {
            self.devices.sighting(sighting);
        }
    }

    /// Says goodbye where this device is not to be seen any more.
    async fn take_leave(&self, discoverable: bool, off: &BTreeSet<String>) {
        let is_left = |link: u32| !discoverable || self.agent.link(link).is_some_and(|link| off.contains(&link.name));
        let goodbyes = self.agent.goodbyes().into_iter().filter(|goodbye| is_left(goodbye.link));
        self.send_twice(goodbyes.collect()).await;
    }

    async fn say_goodbye(&self) {
        self.send_twice(self.agent.goodbyes()).await;
    }

    /// Nobody asks again for a goodbye that was lost.
    async fn send_twice(&self, goodbyes: Vec<Transmit>) {
        for pause in [Duration::ZERO, BETWEEN_GOODBYES] {
            if !goodbyes.is_empty() {
                sleep(pause).await;
            }
            for transmit in &goodbyes {
                self.send(transmit).await;
            }
        }
    }
}

/// How many packets may still be read in this slice of time.
struct Budget {
    slice: Instant,
    left: u32,
}

impl Budget {
    fn spend(&mut self) {
        let now = Instant::now();
        if now >= self.slice + SLICE {
            *self = Self { slice: now, left: PACKETS_A_SLICE };
        }
        self.left = self.left.saturating_sub(1);
    }

    fn closed_until(&mut self) -> Option<Instant> {
        let end = self.slice + SLICE;
        if self.left > 0 {
            return None;
        }
        if Instant::now() >= end {
            *self = Self { slice: Instant::now(), left: PACKETS_A_SLICE };
            return None;
        }
        Some(end)
    }
}

/// One socket for each IP version that the host has, joined to the group on each link.
#[derive(Default)]
struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    /// Links on which the group is joined, with the addresses that they had then.
    joined: BTreeSet<(Version, u32, IpAddr)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V4,
    V6,
}

impl Sockets {
    /// Opens what is missing and joins the group on what is new. The first error that left a version deaf comes back.
    fn follow(&mut self, links: &[Link]) -> io::Result<()> {
        let mut outcome = Ok(());
        if self.v4.is_none() && links.iter().any(Link::has_v4) {
            match open_v4() {
                Ok(socket) => self.v4 = Some(socket),
                Err(error) => outcome = Err(error),
            }
        }
        if self.v6.is_none() && links.iter().any(Link::has_v6) {
            match open_v6() {
                Ok(socket) => self.v6 = Some(socket),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        // Systems differ in whether a membership outlives an address, and an interface's number can come back: what is not
        // as it was is left and joined anew.
        let here = links.iter().filter_map(|link| Some((Version::V4, link.index, first(link, IpAddr::is_ipv4)?)));
        let here = here.chain(links.iter().filter_map(|link| Some((Version::V6, link.index, first(link, IpAddr::is_ipv6)?))));
        let here = here.collect::<BTreeSet<_>>();
        for stale in self.joined.difference(&here) {
            self.leave(*stale);
        }
        self.joined.retain(|membership| here.contains(membership));
        for membership in here {
            if self.joined.contains(&membership) {
                continue;
            }
            match self.join(membership) {
                Ok(()) => {
                    self.joined.insert(membership);
                }
                Err(error) => debug!(link = membership.1, %error, "the mDNS group cannot be joined"),
            }
        }
        outcome
    }

    fn join(&self, (version, link, _): (Version, u32, IpAddr)) -> io::Result<()> {
        let joined = match (version, &self.v4, &self.v6) {
            (Version::V4, Some(v4), _) => SockRef::from(v4).join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(link)),
            (Version::V6, _, Some(v6)) => SockRef::from(v6).join_multicast_v6(&GROUP_V6, link),
            _ => Err(io::ErrorKind::NotConnected.into()),
        };
        match joined {
            // Joined before and kept by the kernel.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
            other => other,
        }
    }

    fn leave(&self, (version, link, _): (Version, u32, IpAddr)) {
        let left = match (version, &self.v4, &self.v6) {
            (Version::V4, Some(v4), _) => {
                SockRef::from(v4).leave_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(link))
            }
            (Version::V6, _, Some(v6)) => SockRef::from(v6).leave_multicast_v6(&GROUP_V6, link),
            _ => Ok(()),
        };
        if let Err(error) = left {
            debug!(link, %error, "the mDNS group was left already");
        }
    }

    async fn send(&self, link: &Link, packet: &[u8]) -> io::Result<()> {
        let mut outcome = Ok(());
        if let (Some(socket), Some(IpAddr::V4(own))) = (&self.v4, first(link, IpAddr::is_ipv4)) {
            let sent = match SockRef::from(socket).set_multicast_if_v4(&own) {
                Ok(()) => socket.send_to(packet, (GROUP_V4, PORT)).await,
                Err(error) => Err(error),
            };
            outcome = sent.map(drop);
        }
        if let (Some(socket), true) = (&self.v6, link.has_v6()) {
            let sent = socket.send_to(packet, SocketAddrV6::new(GROUP_V6, PORT, 0, link.index)).await;
            outcome = outcome.and(sent.map(drop));
        }
        outcome
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        // Two readers of one buffer are not to be had, so: wait for either, then read without waiting.
        loop {
            let socket = match (&self.v4, &self.v6) {
                (None, None) => std::future::pending().await,
                (Some(only), None) | (None, Some(only)) => {
                    only.readable().await?;
                    only
                }
                (Some(v4), Some(v6)) => tokio::select! {
                    ready = v4.readable() => ready.map(|()| v4)?,
                    ready = v6.readable() => ready.map(|()| v6)?,
                },
            };
            match socket.try_recv_from(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}

fn first(link: &Link, version: fn(&IpAddr) -> bool) -> Option<IpAddr> {
    link.addresses.iter().map(|own| own.address).find(version)
}

fn open_v4() -> io::Result<UdpSocket> {
    let socket = open(Domain::IPV4)?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_multicast_loop_v4(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
    UdpSocket::from_std(socket.into())
}

fn open_v6() -> io::Result<UdpSocket> {
    let socket = open(Domain::IPV6)?;
    socket.set_only_v6(true)?;
    socket.set_multicast_hops_v6(255)?;
    socket.set_multicast_loop_v6(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)).into())?;
    UdpSocket::from_std(socket.into())
}

fn open(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    Ok(socket)
}
