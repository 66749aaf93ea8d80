//! The few DNS messages (RFC 1035, RFC 6762) that finding devices takes, to bytes and from bytes.
//!
//! A device says all about itself in one packet: PTR, SRV, TXT and its addresses on that link. So a packet is understood by
//! itself, nothing has to be kept to make sense of the next one, and a flood of records has nothing to fill. Everything
//! that is not about [`SERVICE`] is skipped where it stands. Reading allocates at most [`MAX_INSTANCES`] small rows.

#![warn(clippy::indexing_slicing)]

use shoal_proto::PeerId;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `_shoal._udp.local.` as it travels: labels with their lengths, ended by the root.
pub(crate) const SERVICE: &[u8] = b"\x06_shoal\x04_udp\x05local\0";
const LOCAL: &[u8] = b"\x05local\0";

/// Longest message (RFC 6762 §17: 9,000 bytes with headers).
pub(crate) const MAX_PACKET: usize = 9000;
/// Most devices that are taken from one packet. Ours hold one.
pub(crate) const MAX_INSTANCES: usize = 16;
/// Most addresses that are taken from one packet, or put in one: then it fits IPv6's smallest MTU.
pub(crate) const MAX_ADDRESSES: usize = 16;
/// How long a record holds, in seconds, said and believed (RFC 6762 §10 for what names a host).
pub(crate) const TTL: u32 = 120;

/// Characters of the id in the host's name. Any name would do: it only ties a packet's addresses to its SRV record.
const HOST_LABEL: usize = 16;
const INSTANCE_LABEL: u8 = PeerId::TEXT_LEN as u8;

const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const ANY: u16 = 255;
const IN: u16 = 1;
/// On a record: it replaces what was heard before (RFC 6762 §10.2). On a question: a unicast answer would do (§5.4).
const TOP_BIT: u16 = 0x8000;
const RESPONSE: u16 = 0x8400;

/// What a packet says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Somebody asks for what [`Own`] announces.
    Question,
    /// Devices that say they are there, or leave.
    Devices(Vec<Announcement>),
}

/// One device's word about itself. Not checked: anybody can say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Whom it is about.
    pub(crate) id: PeerId,
    /// `None`: it leaves.
    pub(crate) at: Option<Place>,
}

/// Where a device says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Never 0.
    pub(crate) port: u16,
    /// At most [`MAX_ADDRESSES`]; any kind.
    pub(crate) addresses: Vec<IpAddr>,
    /// Seconds for which it holds, 1 to [`TTL`].
    pub(crate) ttl: u32,
}

/// This device's names.
#[derive(Debug)]
pub(crate) struct Own {
    instance: Vec<u8>,
    host: Vec<u8>,
    port: u16,
}

impl Own {
    /// Names of the device `id` that listens on `port`.
    pub(crate) fn new(id: PeerId, port: u16) -> Self {
        let text = id.to_string();
        let label = |text: &str, rest: &[u8]| [&[text.len() as u8], text.as_bytes(), rest].concat();
        Self { instance: label(&text, SERVICE), host: label(text.get(..HOST_LABEL).unwrap_or(&text), LOCAL), port }
    }

    /// "Here I am": everything about this device on one link. Its name is not in it: only who proved a key learns that.
    pub(crate) fn announcement(&self, addresses: impl Iterator<Item = IpAddr>) -> Vec<u8> {
        let addresses = addresses.take(MAX_ADDRESSES).collect::<Vec<_>>();
        let mut packet = header(RESPONSE, 0, 3 + addresses.len() as u16);
        record(&mut packet, SERVICE, PTR, IN, TTL, &[&self.instance]);
        record(&mut packet, &self.instance, SRV, IN | TOP_BIT, TTL, &[&[0, 0, 0, 0], &self.port.to_be_bytes(), &self.host]);
        record(&mut packet, &self.instance, TXT, IN | TOP_BIT, TTL, &[b"\x03v=1"]);
        for address in addresses {
            match address {
                IpAddr::V4(v4) => record(&mut packet, &self.host, A, IN | TOP_BIT, TTL, &[&v4.octets()]),
                IpAddr::V6(v6) => record(&mut packet, &self.host, AAAA, IN | TOP_BIT, TTL, &[&v6.octets()]),
            }
        }
        packet
    }

    /// "I leave" (RFC 6762 §10.1).
    pub(crate) fn goodbye(&self) -> Vec<u8> {
        let mut packet = header(RESPONSE, 0, 1);
        record(&mut packet, SERVICE, PTR, IN, 0, &[&self.instance]);
        packet
    }

    /// Reads a packet; `None` when it is broken or about other things.
    pub(crate) fn read(&self, packet: &[u8]) -> Option<Heard> {
        let mut reader = Reader { packet, at: 0 };
        let _id = reader.u16()?;
        let flags = reader.u16()?;
        let [questions, answers, authorities, additionals] = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        // Neither an operation nor an error other than zero is ours (RFC 6762 §18.3, §18.11).
        if flags & 0x780f != 0 {
            return None;
        }
        if flags & 0x8000 == 0 {
            return (0..questions).find_map(|_| reader.question(self).transpose()).and_then(Result::ok).map(|()| Heard::Question);
        }
        for _ in 0..questions {
            reader.name()?;
            reader.take(4)?;
        }
        let records = u32::from(answers) + u32::from(authorities) + u32::from(additionals);
        let devices = reader.devices(records)?;
        (!devices.is_empty()).then_some(Heard::Devices(devices))
    }

    fn is_asked(&self, name: &[u8], kind: u16) -> bool {
        match kind {
            PTR => name == SERVICE,
            SRV | TXT => name == self.instance,
            A | AAAA => name == self.host,
            ANY => name == SERVICE || name == self.instance || name == self.host,
            _ => false,
        }
    }
}

/// "Who is there?"
pub(crate) fn question() -> Vec<u8> {
    let mut packet = header(0, 1, 0);
    packet.extend_from_slice(SERVICE);
    packet.extend_from_slice(&PTR.to_be_bytes());
    packet.extend_from_slice(&IN.to_be_bytes());
    packet
}

fn header(flags: u16, questions: u16, answers: u16) -> Vec<u8> {
    [0, flags, questions, answers, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect()
}

fn record(packet: &mut Vec<u8>, name: &[u8], kind: u16, class: u16, ttl: u32, data: &[&[u8]]) {
    packet.extend_from_slice(name);
    packet.extend_from_slice(&kind.to_be_bytes());
    packet.extend_from_slice(&class.to_be_bytes());
    packet.extend_from_slice(&ttl.to_be_bytes());
    let len = data.iter().map(|part| part.len()).sum::<usize>();
    packet.extend_from_slice(&(len as u16).to_be_bytes());
    data.iter().for_each(|part| packet.extend_from_slice(part));
}

/// The device that an instance's name means.
fn instance_id(name: &[u8]) -> Option<PeerId> {
    let label = name.strip_suffix(SERVICE)?.strip_prefix(&[INSTANCE_LABEL])?;
    std::str::from_utf8(label).ok()?.parse().ok()
}

/// A name, labels with their lengths, in lower case; at most 255 bytes (RFC 1035 §3.1).
#[derive(Clone, Copy)]
struct Name {
    bytes: [u8; 255],
    len: usize,
}

impl Name {
    const ROOT: Self = Self { bytes: [0; 255], len: 0 };

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        let room = self.bytes.get_mut(self.len..end)?;
        room.copy_from_slice(bytes);
        room.make_ascii_lowercase();
        self.len = end;
        Some(())
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A place in a packet. Every step gives `None` where the packet ends early.
struct Reader<'p> {
    packet: &'p [u8],
    at: usize,
}

impl<'p> Reader<'p> {
    fn take(&mut self, len: usize) -> Option<&'p [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.packet.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A name, compressed or not (RFC 1035 §4.1.4). A pointer must point before the part that it ends, so this terminates.
    fn name(&mut self) -> Option<Name> {
        let mut name = Name::ROOT;
        let mut reader = Reader { packet: self.packet, at: self.at };
        let mut part = self.at;
        let mut jumped = false;
        loop {
            let [len] = reader.array()?;
            match len {
                0 => {
                    name.push(&[0])?;
                    break;
                }
                1..=63 => {
                    name.push(&[len])?;
                    name.push(reader.take(len.into())?)?;
                }
                192.. => {
                    let [low] = reader.array()?;
                    let target = usize::from(u16::from_be_bytes([len & 0x3f, low]));
                    if target >= part {
                        return None;
                    }
                    if !jumped {
                        self.at = reader.at;
                        jumped = true;
                    }
                    reader.at = target;
                    part = target;
                }
                _ => return None,
            }
        }
        if !jumped {
            self.at = reader.at;
        }
        Some(name)
    }

    /// `Ok(Some)`: asks for what `own` announces. `Err`: the packet ends early.
    fn question(&mut self, own: &Own) -> Result<Option<()>, Broken> {
        let name = self.name().ok_or(Broken)?;
        let kind = self.u16().ok_or(Broken)?;
        let class = self.u16().ok_or(Broken)? & !TOP_BIT;
        Ok((class == IN || class == ANY).then_some(()).filter(|()| own.is_asked(name.as_bytes(), kind)))
    }

    /// What `records` records say of devices.
    fn devices(&mut self, records: u32) -> Option<Vec<Announcement>> {
        let mut gone = Vec::new();
        let mut servers: Vec<(PeerId, u16, u32, Name)> = Vec::new();
        let mut hosts: Vec<(Name, IpAddr)> = Vec::new();
        for _ in 0..records {
            let name = self.name()?;
            let kind = self.u16()?;
            let _class = self.u16()?;
            let ttl = u32::from_be_bytes(self.array()?);
            let len = self.u16()?;
            let mut data = Reader { packet: self.packet, at: self.at };
            self.take(len.into())?;
            match kind {
                PTR if ttl == 0 && name.as_bytes() == SERVICE => {
                    gone.extend(data.name().and_then(|alias| instance_id(alias.as_bytes())));
                }
                SRV if servers.len() < MAX_INSTANCES => {
                    let Some(id) = instance_id(name.as_bytes()) else { continue };
                    let _priority_and_weight = data.take(4)?;
                    servers.push((id, data.u16()?, ttl, data.name()?));
                }
                A if ttl > 0 && hosts.len() < MAX_ADDRESSES => hosts.push((name, Ipv4Addr::from(data.array::<4>()?).into())),
                AAAA if ttl > 0 && hosts.len() < MAX_ADDRESSES => hosts.push((name, Ipv6Addr::from(data.array::<16>()?).into())),
                _ => {}
            }
            gone.truncate(MAX_INSTANCES);
        }
        let there = servers.into_iter().map(|(id, port, ttl, host)| {
            let addresses = hosts.iter().filter(|(owner, _)| owner.as_bytes() == host.as_bytes()).map(|&(_, address)| address);
            let place = Place { port, addresses: addresses.collect(), ttl: ttl.min(TTL) };
            Announcement { id, at: (ttl > 0).then_some(place) }
        });
        // Without a port or an address there is nothing to try.
        let there = there.filter(|said| said.at.as_ref().is_none_or(|place| place.port != 0 && !place.addresses.is_empty()));
        Some(gone.into_iter().map(|id| Announcement { id, at: None }).chain(there).collect())
    }
}

/// A packet that ends early or bends the rules.
struct Broken;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use proptest::prelude::*;

    fn own(key: u8) -> Own {
        Own::new(PeerId::from_public_key([key; 32]), 4242)
    }

    fn addresses() -> Vec<IpAddr> {
        vec!["192.168.7.9".parse().unwrap(), "fe80::7".parse().unwrap()]
    }

    #[test]
    fn an_announcement_is_understood_by_itself_and_fits_the_smallest_mtu() {
        let packet = own(1).announcement(addresses().into_iter());
        let place = Place { port: 4242, addresses: addresses(), ttl: TTL };
        let expected = Announcement { id: PeerId::from_public_key([1; 32]), at: Some(place) };
        assert_eq!(own(2).read(&packet), Some(Heard::Devices(vec![expected])));
        assert_eq!(
            own(2).read(&own(1).goodbye()),
            Some(Heard::Devices(vec![Announcement { id: PeerId::from_public_key([1; 32]), at: None }]))
        );
        let most = own(1).announcement((0..100).map(|n| Ipv6Addr::from_bits(n).into()));
        assert!(most.len() <= 1280 - 48, "{}", most.len());
    }

    #[test]
    fn questions_for_this_service_are_answered_and_no_others() {
        let other = Own::new(PeerId::from_public_key([9; 32]), 1);
        let ask = |name: &[u8], kind: u16| {
            let mut packet = header(0, 2, 0);
            for (name, kind) in [(&b"\x05other\x05local\0"[..], A), (name, kind)] {
                packet.extend_from_slice(name);
                packet.extend_from_slice(&kind.to_be_bytes());
                packet.extend_from_slice(&(IN | TOP_BIT).to_be_bytes());
            }
            other.read(&packet)
        };
        assert_eq!(other.read(&question()), Some(Heard::Question));
        assert_eq!(ask(b"\x06_SHOAL\x04_udp\x05local\0", PTR), Some(Heard::Question));
        assert_eq!(ask(&other.instance, SRV), Some(Heard::Question));
        assert_eq!(ask(&other.host, AAAA), Some(Heard::Question));
        assert_eq!(ask(&own(1).instance, SRV), None);
        assert_eq!(ask(b"\x04_ipp\x04_tcp\x05local\0", PTR), None);
    }

    #[test]
    fn pointers_that_loop_or_look_ahead_are_refused() {
        for target in [12u16, 13, 14, 200] {
            let mut packet = header(RESPONSE, 0, 1);
            packet.extend_from_slice(&(0xc000 | target).to_be_bytes());
            packet.extend_from_slice(&[0; 32]);
            assert_eq!(own(1).read(&packet), None, "{target}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_take_more_than_its_limits(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            own(1).read(&bytes);
        }

        #[test]
        fn damaged_announcements_stay_within_limits(at in 0usize..400, value: u8, cut in 0usize..400) {
            let mut packet = own(1).announcement(addresses().into_iter());
            let len = packet.len();
            packet[at % len] = value;
            packet.truncate(len - cut.min(len));
            if let Some(Heard::Devices(devices)) = own(2).read(&packet) {
                prop_assert!(devices.len() <= 2 * MAX_INSTANCES);
                for place in devices.into_iter().filter_map(|device| device.at) {
                    prop_assert!(place.port != 0 && place.addresses.len() <= MAX_ADDRESSES && (1..=TTL).contains(&place.ttl));
                }
            }
        }
    }
}
