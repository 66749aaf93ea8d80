//! What a front end can ask, and what it is answered.

use crate::bench::Bench;
use crate::entries::{Entry, EntryRange, EntryState};
use crate::health::HealthNote;
use crate::rows::{Device, Identity, Limits, Offer, Sas, Snapshot, Transfer, Trust};
use crate::settings::{Settings, SettingsChange};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use ts_rs::TS;

/// One question or command. Progress never comes back as a reply: it comes as [`crate::Event`]s.
///
/// A `peer` is a device's name, the beginning of its id, a link or `HOST:PORT`; a `transfer` is an id or the beginning of one.
/// `wait_s` says how many seconds a peer may take to show up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Who this is. Answered with [`Reply::Identity`].
    Identity,
    /// Everything at this moment. Answered with [`Reply::Snapshot`].
    Snapshot,
    /// Devices known and in reach. Answered with [`Reply::Devices`].
    Devices,
    /// Which device a person means. Answered with [`Reply::Device`].
    Find {
        /// The device.
        peer: String,
        /// Seconds.
        wait_s: u32,
    },
    /// Short authentication strings to compare. Answered with [`Reply::Sas`].
    Verify {
        /// The device.
        peer: String,
        /// Seconds.
        wait_s: u32,
    },
    /// Sets a device's standing.
    SetTrust {
        /// The device.
        peer: String,
        /// Its standing from now on.
        trust: Trust,
    },
    /// Lets a verified device send without asking.
    SetAllowance {
        /// The device.
        peer: String,
        /// Bytes in any 24 hours; none: each offer is asked about.
        bytes: Option<u64>,
    },
    /// Forgets a device.
    Forget {
        /// The device.
        peer: String,
    },
    /// Offers something. Answered with [`Reply::Transfers`], one for each receiver in the order of `to`.
    Send {
        /// The devices.
        to: Vec<String>,
        /// What.
        content: Content,
        /// Seconds.
        wait_s: u32,
    },
    /// Transfers that are not over. Answered with [`Reply::Transfers`].
    Transfers {
        /// The ended ones too, newest first.
        all: bool,
    },
    /// Offers that wait for an answer. Answered with [`Reply::Offers`].
    Offers,
    /// Takes an offer.
    Accept {
        /// The offer.
        transfer: String,
        /// The folder to put it in; none: the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        into: Option<PathBuf>,
        /// Only files whose path or name fits one of these globs; empty: all.
        #[serde(default)]
        only: Vec<String>,
        /// Only these entries, with the folders they are in; empty: all.
        #[serde(default)]
        #[ts(optional, as = "Option<Vec<EntryRange>>")]
        entries: Vec<EntryRange>,
        /// Replace what has the same name; the old one goes to the trash.
        #[serde(default)]
        replace: bool,
    },
    /// Turns an offer down.
    Decline {
        /// The offer.
        transfer: String,
    },
    /// Pauses a transfer.
    Pause {
        /// The transfer.
        transfer: String,
    },
    /// Goes on with a transfer.
    Resume {
        /// The transfer.
        transfer: String,
    },
    /// Gives a transfer up.
    Cancel {
        /// The transfer.
        transfer: String,
    },
    /// Tries what failed again.
    Retry {
        /// The transfer.
        transfer: String,
    },
    /// Which transfer a person means. Answered with [`Reply::Transfers`] of one.
    FindTransfer {
        /// The transfer.
        transfer: String,
    },
    /// A page of what a transfer holds: a folder's own entries, or, with `state` or `find`, files out of all folders. Answered with
    /// [`Reply::Entries`]; a text has none.
    Entries {
        /// The transfer.
        transfer: String,
        /// The index of the folder's entry; none: the top.
        #[serde(default)]
        #[ts(optional = nullable)]
        folder: Option<u32>,
        /// Entries to leave out at the beginning.
        offset: u32,
        /// Entries on the page, 1 to 1000.
        limit: u32,
        /// Only files in this state.
        #[serde(default)]
        #[ts(optional = nullable)]
        state: Option<EntryState>,
        /// Only files whose name has this in it, whatever the case.
        #[serde(default)]
        #[ts(optional = nullable)]
        find: Option<String>,
    },
    /// Takes an ended transfer out of the history. Its files stay.
    ForgetTransfer {
        /// The transfer.
        transfer: String,
    },
    /// Takes every ended transfer out of the history. Their files stay.
    ClearHistory,
    /// What can be set. Answered with [`Reply::Settings`].
    Settings,
    /// Changes settings: in force at once, and kept.
    SetSettings {
        /// What changes.
        change: SettingsChange,
    },
    /// What may be wrong. Answered with [`Reply::Health`].
    Health,
    /// Limits in force. Answered with [`Reply::Limits`].
    Limits,
    /// Sets both limits.
    SetLimits {
        /// From now on, and after a restart.
        limits: Limits,
    },
    /// What limits a transfer: disk and processor here, and the way to a device. Answered with [`Reply::Bench`], after some ten
    /// seconds.
    Bench {
        /// The device; none: only this one is measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        peer: Option<String>,
        /// Seconds.
        wait_s: u32,
    },
    /// Events from now on, each a line after the reply, until the connection ends. Only over [`crate::control`].
    Subscribe,
}

impl Request {
    /// It names a path on this machine's disk. A host whose front end must not (a browser) refuses it.
    pub fn names_a_path(&self) -> bool {
        matches!(
            self,
            Self::Send { content: Content::Paths { .. }, .. }
                | Self::Accept { into: Some(_), .. }
                | Self::SetSettings { change: SettingsChange { inbox: Some(_), .. } }
        )
    }
}

/// What is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Files and folders, folders whole.
    Paths {
        /// Absolute paths.
        #[ts(type = "string[]")]
        paths: Vec<PathBuf>,
    },
    /// A text.
    Text {
        /// The text.
        text: String,
    },
}

/// The answer to a [`Request`] that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done; there is nothing to say.
    Done,
    /// Who this is.
    Identity(Identity),
    /// Everything at this moment.
    Snapshot(Snapshot),
    /// Rows of devices.
    Devices {
        /// The rows.
        devices: Vec<Device>,
    },
    /// One device.
    Device(Device),
    /// What both screens must show.
    Sas(Sas),
    /// Rows of transfers.
    Transfers {
        /// The rows.
        transfers: Vec<Transfer>,
    },
    /// Offers that wait for an answer.
    Offers {
        /// The offers.
        offers: Vec<Offer>,
    },
    /// A page of entries.
    Entries {
        /// The page.
        entries: Vec<Entry>,
        /// Entries on all pages.
        total: u32,
    },
    /// What can be set, as it is.
    Settings(Settings),
    /// What may be wrong; nothing, most of the time.
    Health {
        /// What was found, the worst first.
        notes: Vec<HealthNote>,
    },
    /// Limits in force.
    Limits(Limits),
    /// What was measured, and what follows from it.
    Bench(Bench),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A browser that could name a path could have any file sent, or received anywhere.
    #[test]
    fn every_request_with_a_path_says_so() {
        let accept = |into| Request::Accept { transfer: "a".into(), into, only: vec![], entries: vec![], replace: false };
        let set = |inbox| Request::SetSettings { change: SettingsChange { inbox, ..SettingsChange::default() } };
        let send = |content| Request::Send { to: vec![], content, wait_s: 0 };
        let path = PathBuf::from("/etc");
        for naming in [accept(Some(path.clone())), set(Some(path.clone())), send(Content::Paths { paths: vec![path] })] {
            assert!(naming.names_a_path(), "{naming:?}");
        }
        for other in [accept(None), set(None), send(Content::Text { text: "/etc".into() }), Request::Settings] {
            assert!(!other.names_a_path(), "{other:?}");
        }
    }
}
