//! Finding devices: providers feed one table ([`devices::Devices`]) keyed by id.
//!
//! Providers are [`mdns`], addresses remembered from before (the table starts with them) and addresses typed in (the engine
//! dials those to learn who is there). All of it is hints. Dialling, and with it every proof, is the engine's: it asks the
//! table whom to probe.

pub(crate) mod devices;
pub(crate) mod interfaces;
mod mdns;
pub(crate) mod table;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use devices::Devices;
use shoal_proto::PeerId;
use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often stale hints are dropped.
const EXPIRE: Duration = Duration::from_secs(1);

/// What discovery may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Announce and look for devices by mDNS.
    pub(crate) mdns: bool,
    /// On the loopback interface too. For tests: no other device is there.
    pub(crate) loopback: bool,
    /// The address to which the announced port is bound; `None`: every one.
    pub(crate) listen: Option<IpAddr>,
}

/// Where this device shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presence {
    /// It is announced.
    pub(crate) discoverable: bool,
    /// Names of interfaces that are not used.
    pub(crate) off: BTreeSet<String>,
}

impl Default for Presence {
    fn default() -> Self {
        Self { discoverable: true, off: BTreeSet::new() }
    }
}

/// Whether devices find each other by mDNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MdnsState {
    /// It was not asked for.
    Off,
    /// As far as it can be told.
    On,
    /// It has no socket; what the system said.
    Unavailable(String),
}

/// The running providers.
#[derive(Debug)]
pub(crate) struct Discovery {
    mdns: watch::Receiver<MdnsState>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Discovery {
    /// Starts the providers: announces `id` on UDP `port` and tells `devices` of everybody else. Ends with `cancel`, or by
    /// [`Self::shutdown`]. Must be called within a tokio runtime.
    pub(crate) fn start(
        options: Options,
        presence: watch::Receiver<Presence>,
        id: PeerId,
        port: u16,
        devices: Arc<Devices>,
        cancel: &CancellationToken,
    ) -> Self {
        let cancel = cancel.child_token();
        let tasks = TaskTracker::new();
        let (state, mdns) = watch::channel(if options.mdns { MdnsState::On } else { MdnsState::Off });
        if options.mdns {
            tasks.spawn(mdns::run(id, port, options, presence, devices.clone(), state, cancel.clone()));
        }
        tasks.spawn(cancel.clone().run_until_cancelled_owned(expire(devices)));
        tasks.close();
        Self { mdns, cancel, tasks }
    }

    /// Whether devices find each other by mDNS.
    pub(crate) fn mdns(&self) -> MdnsState {
        self.mdns.borrow().clone()
    }

    /// Says goodbye and ends every task; at most half a second.
    pub(crate) async fn shutdown(&self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }
}

async fn expire(devices: Arc<Devices>) {
    let mut tick = interval(EXPIRE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        devices.expire();
    }
}
