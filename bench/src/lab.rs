//! The two hosts of a scene and what joins them.

use shoal_tests::lab::{Cable, Host, Line, Net};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Has the files.
    Sender,
    /// Gets them.
    Receiver,
}

/// What joins the hosts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    /// A veth pair: as fast as the machine goes.
    Unlimited,
    /// A veth pair whose ends send so many Mbit/s at most: for rates at which a cable in user space would be what is measured.
    Limited(u32),
    /// A cable with properties.
    Shaped(Line),
}

/// Two hosts, joined.
#[derive(Debug)]
pub(crate) struct Lab {
    sender: Host,
    receiver: Host,
    cable: Option<Cable>,
    _net: Net,
}

impl Lab {
    /// Two new hosts.
    pub(crate) fn new(link: Link) -> Self {
        let net = Net::new();
        let [sender, receiver] = ["sender", "receiver"].map(|name| net.host(name));
        let cable = match link {
            Link::Unlimited | Link::Limited(_) => {
                net.wire(&sender, &receiver);
                None
            }
            Link::Shaped(line) => Some(net.cable(&sender, &receiver, line)),
        };
        let lab = Self { sender, receiver, cable, _net: net };
        for side in [Side::Sender, Side::Receiver] {
            lab.host(side).add_address("eth0", &format!("{}/24", address(side)));
            if let Link::Limited(mbit) = link {
                let shape = format!("qdisc add dev eth0 root tbf rate {mbit}mbit burst 512kb latency 10ms");
                lab.host(side).run("tc", &shape.split(' ').collect::<Vec<_>>());
            }
        }
        lab
    }

    /// Processor time of the emulated cable so far; zero without one.
    pub(crate) fn cable_cpu(&self) -> Duration {
        self.cable.as_ref().map(Cable::cpu).unwrap_or_default()
    }

    /// The host of one side.
    pub(crate) fn host(&self, side: Side) -> &Host {
        match side {
            Side::Sender => &self.sender,
            Side::Receiver => &self.receiver,
        }
    }
}

/// The address of a side's host, in every lab.
pub(crate) const fn address(side: Side) -> IpAddr {
    IpAddr::V4(match side {
        Side::Sender => Ipv4Addr::new(10, 77, 0, 1),
        Side::Receiver => Ipv4Addr::new(10, 77, 0, 2),
    })
}
