//! When to say what on which link: the mDNS timetable (RFC 6762 §5.2, §6, §8.3) as a pure state machine.
//!
//! No socket, no clock, no chance: packets and the time come in by `handle_*`, packets go out by [`Agent::poll_transmit`].
//! It keeps nothing about other devices; what it hears becomes a [`Sighting`] at once. There is no probing for a name's
//! owner (§8.1): an instance's name is a public key and no two devices share one.

use super::wire::{self, Heard, Own};
use crate::{
    Path, Via,
    discovery::{devices::Sighting, interfaces::Link},
};
use shoal_proto::PeerId;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// The second announcement follows the first after this long (RFC 6762 §8.3).
const REPEAT_ANNOUNCEMENT: Duration = Duration::from_secs(1);
/// Answers on one link are at least this far apart. §6 says a second and allows a quarter where it matters.
const BETWEEN_ANSWERS: Duration = Duration::from_millis(250);
/// Questions come at 0, 1, 3, 7, 15, 31 s after a change and then each 50 s: twice within what a record holds.
const FIRST_QUESTION_GAP: Duration = Duration::from_secs(1);
const LONGEST_QUESTION_GAP: Duration = Duration::from_secs(50);
/// A packet that the system would not send (an IPv6 address still being checked for duplicates) is tried again after this.
const RETRY: Duration = Duration::from_millis(200);
/// Tries in a row; then the link waits for the timetable.
const MAX_RETRIES: u8 = 40;

/// What to say on each link, and when.
#[derive(Debug)]
pub(super) struct Agent {
    id: PeerId,
    own: Own,
    discoverable: bool,
    links: BTreeMap<u32, State>,
}

/// A packet for the group on one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transmit {
    /// The link's number.
    pub(super) link: u32,
    /// The message.
    pub(super) packet: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Announcement,
    Question,
    Goodbye,
}

#[derive(Debug)]
struct State {
    link: Link,
    announce_at: Option<Instant>,
    announced: Option<Instant>,
    repeat: bool,
    ask_at: Instant,
    ask_gap: Duration,
    retries: u8,
}

impl State {
    fn new(link: Link, now: Instant) -> Self {
        let ask_gap = FIRST_QUESTION_GAP;
        Self { link, announce_at: Some(now), announced: None, repeat: true, ask_at: now, ask_gap, retries: 0 }
    }
}

impl Agent {
    /// Speaks for the device `id` on `port`, on no link yet.
    pub(super) fn new(id: PeerId, port: u16) -> Self {
        Self { id, own: Own::new(id, port), discoverable: true, links: BTreeMap::new() }
    }

    /// Whether this device is announced. Others are looked for in any case. Where it was announced before, [`Self::goodbyes`] come
    /// first.
    pub(super) fn set_discoverable(&mut self, discoverable: bool, now: Instant) {
        if discoverable && !self.discoverable {
            for state in self.links.values_mut() {
                (state.announce_at, state.repeat) = (Some(now), true);
            }
        }
        self.discoverable = discoverable;
    }

    /// The links that are up. What is new or changed is announced and asked on at once; the numbers of those gone come back.
    pub(super) fn handle_links(&mut self, links: Vec<Link>, now: Instant) -> Vec<u32> {
        let mut before = std::mem::take(&mut self.links);
        for link in links {
            let state = before.remove(&link.index).filter(|state| state.link == link);
            self.links.insert(link.index, state.unwrap_or_else(|| State::new(link, now)));
        }
        before.into_keys().collect()
    }

    /// A packet from `source`. `jitter`, 0 to 100 ms by chance, spreads the answers of many devices (§6).
    pub(super) fn handle_packet(&mut self, packet: &[u8], source: SocketAddr, jitter: Duration, now: Instant) -> Vec<Sighting> {
        // Only a source on the link counts (§11). Its link also tells the scope of the addresses inside.
        let sources = self.links_of(source);
        let Some(&link) = sources.first() else { return Vec::new() };
        match self.own.read(packet) {
            None => Vec::new(),
            Some(Heard::Question) => {
                sources.into_iter().for_each(|link| self.answer(link, now + jitter));
                Vec::new()
            }
            Some(Heard::Devices(devices)) => {
                let Some(state) = self.links.get(&link) else { return Vec::new() };
                let others = devices.into_iter().filter(|said| said.id != self.id);
                others.filter_map(|said| sighting(said, &state.link, sources.len() == 1, now)).collect()
            }
        }
    }

    /// The next packet that is due.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let discoverable = self.discoverable;
        self.links.iter_mut().find_map(|(&link, state)| {
            if discoverable && state.announce_at.is_some_and(|at| at <= now) {
                state.announced = Some(now);
                state.announce_at = std::mem::take(&mut state.repeat).then_some(now + REPEAT_ANNOUNCEMENT);
                let packet = self.own.announcement(state.link.addresses.iter().map(|own| own.address));
                return Some(Transmit { link, packet, kind: Kind::Announcement });
            }
            if state.ask_at <= now {
                state.ask_at = now + state.ask_gap;
                state.ask_gap = (state.ask_gap * 2).min(LONGEST_QUESTION_GAP);
                return Some(Transmit { link, packet: wire::question(), kind: Kind::Question });
            }
            None
        })
    }

    /// When [`Self::poll_transmit`] has something next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.links
            .values()
            .flat_map(|state| [Some(state.ask_at), state.announce_at.filter(|_| self.discoverable)])
            .flatten()
            .min()
    }

    /// Whether the system took a packet. What it did not take is said again soon, some times.
    pub(super) fn handle_sent(&mut self, transmit: &Transmit, taken: bool, now: Instant) {
        let Some(state) = self.links.get_mut(&transmit.link) else { return };
        if taken {
            state.retries = 0;
        } else if state.retries < MAX_RETRIES {
            state.retries += 1;
            match transmit.kind {
                Kind::Announcement => {
                    state.announce_at = Some(now + RETRY);
                    state.repeat = true;
                }
                Kind::Question => {
                    state.ask_at = now + RETRY;
                    state.ask_gap = FIRST_QUESTION_GAP;
                }
                Kind::Goodbye => {}
            }
        }
    }

    /// A goodbye for each link on which this device is announced; the last thing to send there.
    pub(super) fn goodbyes(&self) -> Vec<Transmit> {
        if !self.discoverable {
            return Vec::new();
        }
        let packet = self.own.goodbye();
        self.links.keys().map(|&link| Transmit { link, packet: packet.clone(), kind: Kind::Goodbye }).collect()
    }

    /// The link of that number.
    pub(super) fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index).map(|state| &state.link)
    }

    /// The links on which a packet from `source` may have come: one, unless two have the same network.
    fn links_of(&self, source: SocketAddr) -> Vec<u32> {
        match source {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
                self.links.get_key_value(&v6.scope_id()).map(|(&index, _)| index).into_iter().collect()
            }
            other => self.links.values().filter(|state| state.link.reaches(other.ip())).map(|state| state.link.index).collect(),
        }
    }

    fn answer(&mut self, link: u32, at: Instant) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let at = state.announced.map_or(at, |last| at.max(last + BETWEEN_ANSWERS));
        state.announce_at = Some(state.announce_at.map_or(at, |planned| planned.min(at)));
    }
}

/// Only addresses on the link are believed: an announcement cannot make this host send packets to somebody elsewhere. And
/// link-local ones only when it is `certain` which link that is.
fn sighting(said: wire::Announcement, link: &Link, certain: bool, now: Instant) -> Option<Sighting> {
    let wire::Announcement { id, at } = said;
    let Some(place) = at else { return Some(Sighting::Gone { id, via: Via::Mdns }) };
    let is_usable = |address: &IpAddr| {
        let needs_scope = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        !address.is_multicast() && !address.is_unspecified() && link.reaches(*address) && (certain || !needs_scope)
    };
    let usable = place.addresses.into_iter().filter(is_usable);
    let paths = usable.map(|address| Path { via: Via::Mdns, address: link.socket_addr(address, place.port) }).collect::<Vec<_>>();
    let until = Some(now + Duration::from_secs(place.ttl.into()));
    (!paths.is_empty()).then_some(Sighting::Seen { id, paths, link: link.index, until })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::discovery::interfaces::Subnet;

    fn link(index: u32, address: &str) -> Link {
        let subnet = |address: &str, prefix| Subnet { address: address.parse().unwrap(), prefix };
        let addresses = vec![subnet(address, 24), subnet(&format!("fe80::{index}"), 64)];
        Link { index, name: format!("eth{index}"), addresses }
    }

    fn agent(key: u8, link: Link, now: Instant) -> Agent {
        let mut agent = Agent::new(PeerId::from_public_key([key; 32]), 4000 + u16::from(key));
        agent.handle_links(vec![link], now);
        agent
    }

    fn due(agent: &mut Agent, now: Instant) -> Vec<Transmit> {
        std::iter::from_fn(|| agent.poll_transmit(now)).collect()
    }

    #[test]
    fn two_devices_know_each_other_after_the_first_answer() {
        let start = Instant::now();
        let (mut first, mut second) = (agent(1, link(3, "10.0.0.1"), start), agent(2, link(5, "10.0.0.2"), start));
        due(&mut first, start);
        let later = start + Duration::from_millis(500);
        let from_second = "10.0.0.2:5353".parse().unwrap();
        let said = due(&mut second, later);
        let heard: Vec<_> = said
            .iter()
            .flat_map(|said| first.handle_packet(&said.packet, from_second, Duration::from_millis(20), later))
            .collect();
        let expected = ["10.0.0.2:4002", "[fe80::5%3]:4002"].map(|text| Path { via: Via::Mdns, address: text.parse().unwrap() });
        let [Sighting::Seen { paths, link: 3, .. }] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(paths, &expected);
        // The question is answered when its delay is over, before the second announcement.
        assert_eq!(first.poll_timeout(), Some(later + Duration::from_millis(20)));
        let answer = due(&mut first, later + Duration::from_millis(20));
        let source = "[fe80::3%5]:5353".parse().unwrap();
        let heard = second.handle_packet(&answer[0].packet, source, Duration::ZERO, later);
        assert!(matches!(&heard[..], [Sighting::Seen { paths, link: 5, .. }] if paths.len() == 2), "{heard:?}");
    }

    #[test]
    fn nobody_can_make_this_host_dial_off_the_link() {
        let now = Instant::now();
        let mut own = agent(1, link(3, "10.0.0.1"), now);
        let hostile = Own::new(PeerId::from_public_key([7; 32]), 80);
        let victims = ["8.8.8.8", "10.0.1.9", "127.0.0.1", "2001:db8::1", "::1", "ff02::1", "0.0.0.0", "224.0.0.1"];
        let packet = hostile.announcement(victims.iter().map(|text| text.parse().unwrap()));
        assert_eq!(own.handle_packet(&packet, "10.0.0.66:5353".parse().unwrap(), Duration::ZERO, now), []);
        // Nor is a source beyond a router heard at all.
        let packet = hostile.announcement(["10.0.0.5".parse().unwrap()].into_iter());
        assert_eq!(own.handle_packet(&packet, "10.9.0.66:5353".parse().unwrap(), Duration::ZERO, now), []);
        assert_eq!(own.handle_packet(&packet, "10.0.0.66:5353".parse().unwrap(), Duration::ZERO, now).len(), 1);
    }

    #[test]
    fn a_flood_of_questions_gets_four_answers_a_second_and_a_quiet_link_hears_little() {
        let start = Instant::now();
        let mut own = agent(1, link(3, "10.0.0.1"), start);
        let mut sent = 0;
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            own.handle_packet(&wire::question(), "10.0.0.2:5353".parse().unwrap(), Duration::ZERO, now);
            sent += due(&mut own, now).len();
        }
        assert!(sent <= 46, "{sent}");
        let quiet = (10..3610).map(|s| due(&mut own, start + Duration::from_secs(s)).len()).sum::<usize>();
        assert!(quiet <= 3600 / 50 + 5, "{quiet}");
    }

    #[test]
    fn changed_links_are_announced_at_once_and_lost_ones_reported() {
        let start = Instant::now();
        let mut own = agent(1, link(3, "10.0.0.1"), start);
        due(&mut own, start);
        let later = start + Duration::from_secs(100);
        due(&mut own, later);
        assert_eq!(own.handle_links(vec![link(3, "10.0.0.1"), link(4, "10.4.0.1")], later), []);
        assert_eq!(due(&mut own, later).iter().map(|said| said.link).collect::<Vec<_>>(), [4, 4]);
        assert_eq!(own.handle_links(vec![link(4, "10.4.0.9")], later), [3]);
        assert_eq!(due(&mut own, later).len(), 2);
    }

    #[test]
    fn where_two_links_have_the_same_network_both_answer_and_no_scope_is_guessed() {
        let now = Instant::now();
        let mut own = agent(1, link(3, "10.0.0.1"), now);
        own.handle_links(vec![link(3, "10.0.0.1"), link(4, "10.0.0.2")], now);
        while own.poll_transmit(now).is_some() {}
        let (later, source) = (now + Duration::from_secs(20), "10.0.0.9:5353".parse().unwrap());
        while own.poll_transmit(later).is_some() {}
        let later = later + Duration::from_millis(800);
        own.handle_packet(&wire::question(), source, Duration::ZERO, later);
        assert_eq!(due(&mut own, later).iter().map(|said| said.link).collect::<Vec<_>>(), [3, 4]);
        let addresses = ["10.0.0.9".parse().unwrap(), "fe80::9".parse().unwrap()];
        let packet = Own::new(PeerId::from_public_key([7; 32]), 80).announcement(addresses.into_iter());
        let heard = own.handle_packet(&packet, source, Duration::ZERO, later);
        assert!(matches!(&heard[..], [Sighting::Seen { paths, .. }] if paths.len() == 1), "{heard:?}");
    }

    #[test]
    fn who_is_not_to_be_seen_asks_and_does_not_answer_until_it_is_again() {
        let start = Instant::now();
        let mut own = agent(1, link(3, "10.0.0.1"), start);
        assert_eq!(own.goodbyes().len(), 1);
        own.set_discoverable(false, start);
        assert_eq!(due(&mut own, start).iter().map(|said| said.kind).collect::<Vec<_>>(), [Kind::Question]);
        own.handle_packet(&wire::question(), "10.0.0.2:5353".parse().unwrap(), Duration::ZERO, start);
        assert!(own.poll_timeout().is_some_and(|at| at > start), "nothing is due");
        own.handle_links(vec![link(4, "10.4.0.1")], start);
        assert_eq!(due(&mut own, start).iter().map(|said| said.kind).collect::<Vec<_>>(), [Kind::Question]);
        assert_eq!(own.goodbyes(), []);
        own.set_discoverable(true, start);
        assert_eq!(due(&mut own, start).iter().map(|said| said.kind).collect::<Vec<_>>(), [Kind::Announcement]);
        assert_eq!(own.goodbyes().len(), 1);
    }

    #[test]
    fn what_the_system_would_not_send_is_said_again_soon() {
        let now = Instant::now();
        let mut own = agent(1, link(3, "10.0.0.1"), now);
        for said in due(&mut own, now) {
            own.handle_sent(&said, false, now);
        }
        assert_eq!(own.poll_timeout(), Some(now + RETRY));
        assert_eq!(due(&mut own, now + RETRY).len(), 2);
    }
}
