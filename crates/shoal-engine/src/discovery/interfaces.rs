//! This host's interfaces as discovery sees them: which are up, and what is on their link.

use if_addrs::{IfAddr, IfOperStatus};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
};

/// Most interfaces that discovery speaks on. Hosts of many containers have hundreds, and no device is reached by those.
pub(crate) const MAX_LINKS: usize = 64;

/// One interface that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The system's number for it: the scope of link-local IPv6 addresses on it.
    pub(crate) index: u32,
    /// What people call it.
    pub(crate) name: String,
    /// Its addresses, sorted.
    pub(crate) addresses: Vec<Subnet>,
}

/// An address of this host and how much of it names the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subnet {
    /// The address.
    pub(crate) address: IpAddr,
    /// Length of the network's part, in bits.
    pub(crate) prefix: u8,
}

/// The interfaces that are up, by number; loopback only when asked for. At most [`MAX_LINKS`].
pub(crate) fn links(loopback: bool) -> io::Result<Vec<Link>> {
    let mut links = BTreeMap::<u32, Link>::new();
    for interface in if_addrs::get_if_addrs()? {
        let Some(index) = interface.index else { continue };
        let down = matches!(interface.oper_status, IfOperStatus::Down | IfOperStatus::NotPresent | IfOperStatus::LowerLayerDown);
        if down || interface.is_loopback() && !loopback {
            continue;
        }
        let subnet = match interface.addr {
            IfAddr::V4(v4) => Subnet { address: v4.ip.into(), prefix: v4.prefixlen },
            IfAddr::V6(v6) => Subnet { address: v6.ip.into(), prefix: v6.prefixlen },
        };
        let link = links.entry(index).or_insert_with(|| Link { index, name: interface.name, addresses: Vec::new() });
        link.addresses.push(subnet);
    }
    let mut links = links.into_values().take(MAX_LINKS).collect::<Vec<_>>();
    for link in &mut links {
        link.addresses.sort_unstable();
        link.addresses.dedup();
    }
    Ok(links)
}

/// Where others can reach `port` of this host when its socket is bound to `listen` (`None`: to every address): the addresses
/// of every interface but loopback and those called as in `off`, link-local ones with scope.
pub(crate) fn addresses(listen: Option<IpAddr>, port: u16, off: &BTreeSet<String>) -> io::Result<Vec<SocketAddr>> {
    let mut links = links(listen.is_some_and(|one| one.is_loopback()))?;
    links.retain_mut(|link| !off.contains(&link.name) && link.keep_reachable(listen));
    Ok(links.iter().flat_map(|link| link.socket_addrs(port)).collect())
}

/// Interfaces that are not to be used. What goes through a router is not told by its address, and let through.
#[derive(Debug, Default)]
pub(crate) struct Barred {
    off: Vec<Link>,
    used: Vec<Link>,
}

impl Barred {
    /// Of `links`, those called as in `off`.
    pub(crate) fn new(links: &[Link], off: &BTreeSet<String>) -> Self {
        let (off, used) = links.iter().cloned().partition(|link| off.contains(&link.name));
        Self { off, used }
    }

    /// Whether an address of this host belongs to such an interface alone.
    pub(crate) fn bars_own(&self, own: IpAddr) -> bool {
        let has = |links: &[Link]| links.iter().any(|link| link.addresses.iter().any(|subnet| subnet.address == own));
        has(&self.off) && !has(&self.used)
    }

    /// Whether another host is reached through such an interface alone.
    pub(crate) fn bars(&self, other: SocketAddr) -> bool {
        match other {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => self.off.iter().any(|link| link.index == v6.scope_id()),
            _ => {
                let reaches = |links: &[Link]| links.iter().any(|link| link.reaches(other.ip()));
                reaches(&self.off) && !reaches(&self.used)
            }
        }
    }
}

impl Link {
    /// Whether it has an IPv4 address.
    pub(crate) fn has_v4(&self) -> bool {
        self.addresses.iter().any(|own| own.address.is_ipv4())
    }

    /// Whether it has an IPv6 address.
    pub(crate) fn has_v6(&self) -> bool {
        self.addresses.iter().any(|own| own.address.is_ipv6())
    }

    /// Keeps the addresses at which a socket bound to `listen` is reached (`None` and `::`: every one); whether any is left.
    pub(crate) fn keep_reachable(&mut self, listen: Option<IpAddr>) -> bool {
        self.addresses.retain(|own| match listen {
            None => true,
            Some(any) if any.is_unspecified() => any.is_ipv6() || own.address.is_ipv4(),
            Some(one) => own.address == one,
        });
        !self.addresses.is_empty()
    }

    /// Whether a packet for `address` would go out here without a router.
    pub(crate) fn reaches(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.contains(address))
    }

    /// Its addresses with a port.
    pub(crate) fn socket_addrs(&self, port: u16) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().map(move |own| self.socket_addr(own.address, port))
    }

    /// The address as something to dial: link-local IPv6 gets this interface as its scope.
    pub(crate) fn socket_addr(&self, address: IpAddr, port: u16) -> SocketAddr {
        match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(v6, port, 0, self.index).into(),
            other => SocketAddr::new(other, port),
        }
    }
}

impl Subnet {
    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let host_bits = 32 - u32::from(self.prefix.min(32));
                (u64::from(own.to_bits()) >> host_bits) == (u64::from(other.to_bits()) >> host_bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let host_bits = 128 - u32::from(self.prefix.min(128));
                own.to_bits().checked_shr(host_bits) == other.to_bits().checked_shr(host_bits)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_reached_by_interfaces_that_are_off_alone_is_barred() {
        let link = |index, name: &str, address: &str| {
            let addresses = vec![Subnet { address: address.parse().unwrap(), prefix: 24 }];
            Link { index, name: name.into(), addresses }
        };
        let links = [link(1, "lan", "10.0.1.1"), link(2, "vpn", "10.0.2.1"), link(3, "twin", "10.0.2.9")];
        let bars = |off: &[&str], other: &str| {
            let barred = Barred::new(&links, &off.iter().map(|name| (*name).to_owned()).collect());
            barred.bars(other.parse().unwrap())
        };
        assert!(!bars(&[], "10.0.1.7:1") && bars(&["lan"], "10.0.1.7:1") && !bars(&["vpn"], "10.0.1.7:1"));
        assert!(!bars(&["vpn"], "10.0.2.7:1") && bars(&["vpn", "twin"], "10.0.2.7:1"), "another one leads there");
        assert!(!bars(&["lan", "vpn", "twin"], "8.8.8.8:1"), "through a router");
        assert!(bars(&["vpn"], "[fe80::1%2]:1") && !bars(&["vpn"], "[fe80::1%1]:1"));
        let barred = Barred::new(&links, &["vpn".to_owned()].into());
        assert!(barred.bars_own("10.0.2.1".parse().unwrap()) && !barred.bars_own("10.0.2.9".parse().unwrap()));
    }

    #[test]
    fn a_subnet_holds_its_own_and_nobody_elses() {
        let contains =
            |own: &str, prefix, other: &str| Subnet { address: own.parse().unwrap(), prefix }.contains(other.parse().unwrap());
        assert!(contains("10.1.2.3", 24, "10.1.2.250"));
        assert!(!contains("10.1.2.3", 24, "10.1.3.3"));
        assert!(!contains("10.1.2.3", 32, "10.1.2.4"));
        assert!(contains("10.1.2.3", 0, "8.8.8.8"));
        assert!(contains("fe80::1", 64, "fe80::2"));
        assert!(!contains("fd00::1", 64, "fe80::2"));
        assert!(!contains("fd00::1", 128, "fd00::2"));
        assert!(contains("::1", 0, "fd00::2"));
        assert!(!contains("::1", 0, "10.0.0.1"));
    }
}
