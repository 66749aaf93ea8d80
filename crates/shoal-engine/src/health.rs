//! What may be wrong when no device is to be seen or nothing arrives. Each note is something that was looked at just now.

use crate::{
    Engine,
    discovery::{MdnsState, interfaces::Link},
    endpoint::SOCKET_BUFFER,
    free_space,
    transfer::transfers::blocking,
};
use shoal_proto::display;
use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

/// Less room than this in the inbox is worth a word, in bytes.
const LITTLE_SPACE: u64 = 1 << 30;

/// How the names of tunnels begin, where the system does not say what an interface is.
const TUNNELS: [&str; 9] = ["tun", "tap", "wg", "utun", "ppp", "ipsec", "tailscale", "zt", "nordlynx"];

/// Something that may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthNote {
    /// No interface is up but loopback.
    NoNetwork,
    /// Every interface that is up is switched off; their names.
    InterfacesOff(Vec<String>),
    /// The only addresses are those that a host gives itself; the interfaces' names.
    OnlyLinkLocal(Vec<String>),
    /// Every interface in use is a tunnel, which carries no announcements; their names.
    VpnOnly(Vec<String>),
    /// The port of mDNS is not to be had, and what the system said.
    MdnsUnavailable(String),
    /// mDNS was switched off for this start.
    MdnsOff,
    /// The settings say not to announce this device.
    NotDiscoverable,
    /// Nothing can be written to the inbox.
    InboxNotWritable {
        /// The inbox.
        inbox: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Free bytes in the inbox, which are few.
    LittleSpace(u64),
    /// Bytes that the system gives the socket to receive, which are less than asked for: fast networks lose packets.
    SocketBuffersSmall(usize),
}

impl Engine {
    /// What may be wrong, the worst first.
    pub async fn health(&self) -> Vec<HealthNote> {
        let settings = self.settings().await;
        let mut notes = Vec::new();
        let links = self.inner.bar_interfaces().await;
        let off: Vec<&str> =
            settings.interfaces.iter().filter(|interface| !interface.used).map(|interface| interface.name.as_str()).collect();
        if !self.inner.listens_on_loopback() {
            notes.extend(network(links, &off));
        }
        match self.inner.mdns_state() {
            MdnsState::Off => notes.push(HealthNote::MdnsOff),
            MdnsState::Unavailable(reason) => notes.push(HealthNote::MdnsUnavailable(reason)),
            MdnsState::On if !settings.discoverable => notes.push(HealthNote::NotDiscoverable),
            MdnsState::On => {}
        }
        notes.extend(blocking(move || inbox(settings.inbox)).await);
        let buffer = self.inner.links.receive_buffer().filter(|bytes| *bytes < SOCKET_BUFFER);
        notes.extend(buffer.map(HealthNote::SocketBuffersSmall));
        notes
    }
}

/// What is wrong with the interfaces that are up, if anything.
fn network(mut links: Vec<Link>, off: &[&str]) -> Option<HealthNote> {
    let names = |links: &[Link]| links.iter().map(|link| link.name.clone()).collect();
    if links.is_empty() {
        return Some(HealthNote::NoNetwork);
    }
    let all = names(&links);
    links.retain(|link| !off.contains(&link.name.as_str()));
    if links.is_empty() {
        return Some(HealthNote::InterfacesOff(all));
    }
    if links.iter().all(|link| is_tunnel(&link.name)) {
        return Some(HealthNote::VpnOnly(names(&links)));
    }
    let is_given_by_itself = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let mut addresses = links.iter().flat_map(|link| &link.addresses);
    addresses.all(|own| is_given_by_itself(own.address)).then(|| HealthNote::OnlyLinkLocal(names(&links)))
}

fn is_tunnel(name: &str) -> bool {
    TUNNELS.iter().any(|tunnel| name.starts_with(tunnel))
}

/// What is wrong with the inbox, if anything.
fn inbox(inbox: PathBuf) -> Option<HealthNote> {
    if let Err(error) = try_writing(&inbox) {
        return Some(HealthNote::InboxNotWritable { inbox, reason: error.to_string() });
    }
    match free_space(&inbox) {
        Ok(free) => (free < LITTLE_SPACE).then_some(HealthNote::LittleSpace(free)),
        Err(error) => Some(HealthNote::InboxNotWritable { inbox, reason: error.to_string() }),
    }
}

/// Makes a file and removes it: rights alone do not tell (read-only drives, quotas, sandboxes).
fn try_writing(inbox: &Path) -> io::Result<()> {
    fs::create_dir_all(inbox)?;
    let file = inbox.join(format!(".shoal-{:016x}", rand::random::<u64>()));
    fs::File::create_new(&file)?;
    fs::remove_file(&file)
}

impl HealthNote {
    /// What it is about, safe to print: names, an amount, or what the system said.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::NoNetwork | Self::MdnsOff | Self::NotDiscoverable => None,
            Self::InterfacesOff(names) | Self::OnlyLinkLocal(names) | Self::VpnOnly(names) => {
                Some(display::shown(&names.join(", ")))
            }
            Self::MdnsUnavailable(reason) => Some(display::shown(reason)),
            Self::InboxNotWritable { inbox, reason } => Some(display::shown(&format!("{}: {reason}", inbox.display()))),
            Self::LittleSpace(bytes) => Some(display::size(*bytes)),
            Self::SocketBuffersSmall(bytes) => Some(display::size(*bytes as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::discovery::interfaces::Subnet;

    fn link(name: &str, address: &str) -> Link {
        Link { index: 1, name: name.into(), addresses: vec![Subnet { address: address.parse().unwrap(), prefix: 24 }] }
    }

    #[test]
    fn the_first_thing_that_is_wrong_with_the_network_is_named() {
        let [lan, own, tunnel] = [link("eth0", "192.168.1.2"), link("eth1", "169.254.7.7"), link("wg0", "10.0.0.1")];
        assert_eq!(network(vec![], &[]), Some(HealthNote::NoNetwork));
        assert_eq!(network(vec![lan.clone(), own.clone(), tunnel.clone()], &[]), None);
        assert_eq!(network(vec![lan.clone()], &["eth0"]), Some(HealthNote::InterfacesOff(vec!["eth0".into()])));
        assert_eq!(network(vec![lan.clone(), tunnel], &["eth0"]), Some(HealthNote::VpnOnly(vec!["wg0".into()])));
        assert_eq!(network(vec![lan, own], &["eth0"]), Some(HealthNote::OnlyLinkLocal(vec!["eth1".into()])));
    }

    #[test]
    fn an_inbox_that_takes_nothing_is_noticed_and_one_that_does_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let noted = inbox(folder.path().join("file/below"));
        assert!(matches!(noted, Some(HealthNote::InboxNotWritable { .. })), "{noted:?}");
        let fine = folder.path().join("inbox");
        assert!(!matches!(inbox(fine.clone()), Some(HealthNote::InboxNotWritable { .. })));
        assert_eq!(fs::read_dir(fine).unwrap().count(), 0);
    }
}
