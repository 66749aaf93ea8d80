//! What a front end can ask, and what it is answered. One list, in which every field says what it means: hence its length.

use crate::bench::Bench;
use crate::bytes_text::Base64;
use crate::entries::{Entry, EntryRange, EntryState};
use crate::health::HealthNote;
use crate::rows::{Device, Identity, Limits, Offer, Sas, Snapshot, Transfer, Trust};
use crate::settings::{Settings, SettingsChange};
use crate::shares::{Item, OwnShare, SearchKind, ShareChange, ShareRisk, SortBy};
use crate::tickets::{LinkText, OwnLink};
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
    /// Shares a folder. Answered with [`Reply::OwnShares`] of one.
    AddShare {
        /// The folder; absolute.
        #[ts(type = "string")]
        path: PathBuf,
        /// What others see; none: the folder's own name.
        #[serde(default)]
        #[ts(optional = nullable)]
        name: Option<String>,
        /// `everyone`, `known` or `verified`; or devices.
        #[serde(rename = "for")]
        audience: Vec<String>,
        /// They may add files.
        #[serde(default)]
        write: bool,
        /// Hidden and system files are shared, too.
        #[serde(default)]
        hidden: bool,
        /// Patterns of what is not shared, as in a `.gitignore`.
        #[serde(default)]
        ignore: Vec<String>,
    },
    /// The folders that this device shares. Answered with [`Reply::OwnShares`].
    OwnShares,
    /// Changes a share, at once. Answered with [`Reply::OwnShares`] of one.
    ChangeShare {
        /// Its name.
        share: String,
        /// What changes.
        change: ShareChange,
    },
    /// Shares a folder no more.
    RemoveShare {
        /// Its name.
        share: String,
    },
    /// What a device shares, or a page of a folder in one of its shares. Answered with [`Reply::Items`].
    Look {
        /// The device.
        peer: String,
        /// `/SHARE/PATH`, `/SHARE`, or empty: its shares.
        #[serde(default)]
        path: String,
        /// Items to leave out at the beginning.
        #[serde(default)]
        offset: u32,
        /// Items on the page, 1 to 512; fewer come when they are long.
        limit: u16,
        /// By what it is sorted.
        #[serde(default)]
        sort: SortBy,
        /// The other way round; folders still come first.
        #[serde(default)]
        descending: bool,
        /// Only names with every word of this in them, whatever the case and accents.
        #[serde(default)]
        find: String,
        /// Seconds.
        wait_s: u32,
    },
    /// Searches what devices share. Answered with [`Reply::Searching`]; what is found comes as [`crate::Event::Found`].
    Search {
        /// Words that a name has to have in it.
        text: String,
        /// The name begins with the text.
        #[serde(default)]
        beginning: bool,
        /// The devices; none: every one in reach.
        #[serde(default)]
        on: Vec<String>,
        /// Only what is of this kind.
        #[serde(default)]
        #[ts(optional = nullable)]
        kind: Option<SearchKind>,
        /// Only files of at least this many bytes.
        #[serde(default)]
        #[ts(optional = nullable)]
        min_size: Option<u64>,
        /// Only files of at most this many bytes.
        #[serde(default)]
        #[ts(optional = nullable)]
        max_size: Option<u64>,
        /// Only what was changed then or later, in seconds since 1970.
        #[serde(default)]
        #[ts(optional = nullable)]
        since: Option<i64>,
        /// Only what was changed before, in seconds since 1970.
        #[serde(default)]
        #[ts(optional = nullable)]
        until: Option<i64>,
        /// Hits of one device, at most 10,000.
        limit: u32,
        /// Seconds.
        wait_s: u32,
    },
    /// Ends a search.
    StopSearch {
        /// Which.
        search: u64,
    },
    /// What would be unwise about sharing a folder. Answered with [`Reply::Risks`].
    ShareRisks {
        /// The folder; absolute.
        #[ts(type = "string")]
        path: PathBuf,
        /// `everyone`, `known` or `verified`; or devices.
        #[serde(rename = "for")]
        audience: Vec<String>,
        /// They may add files.
        #[serde(default)]
        write: bool,
        /// Hidden and system files are shared, too.
        #[serde(default)]
        hidden: bool,
    },
    /// Tells when a folder in a device's share changes. Answered with [`Reply::Watching`]; changes come as
    /// [`crate::Event::FolderChanged`], the first at once. The oldest of more than 64 ends.
    WatchFolder {
        /// The device.
        peer: String,
        /// `/SHARE/PATH` or `/SHARE`.
        path: String,
        /// Seconds.
        wait_s: u32,
    },
    /// Ends a watch.
    StopWatch {
        /// Which.
        watch: u64,
    },
    /// Bytes of a file in a device's share, to be looked at. Answered with [`Reply::Bytes`].
    ReadShared {
        /// The device.
        peer: String,
        /// `/SHARE/PATH`.
        path: String,
        /// The first byte.
        offset: u64,
        /// How many, at most 1 MiB; fewer come at the end.
        len: u32,
        /// Seconds.
        wait_s: u32,
    },
    /// A small picture of an image in a device's share. Answered with [`Reply::Thumbnail`].
    Thumbnail {
        /// The device.
        peer: String,
        /// `/SHARE/PATH`.
        path: String,
        /// Pixels of the longer side, 32 to 512.
        edge: u16,
        /// Seconds.
        wait_s: u32,
    },
    /// Adds files to a folder in a device's share, if it lets this device. Answered with [`Reply::Transfers`] of one. Nothing there is
    /// overwritten: what has the same name stands beside it.
    AddTo {
        /// The device.
        peer: String,
        /// `/SHARE/PATH` or `/SHARE`.
        path: String,
        /// What; no text.
        content: Content,
        /// Seconds.
        wait_s: u32,
    },
    /// Fetches something out of a share. Answered with [`Reply::Transfers`] of one.
    Get {
        /// The device.
        peer: String,
        /// The folder that holds it: `/SHARE/PATH` or `/SHARE`.
        path: String,
        /// What of it, each whole; empty: the folder itself.
        #[serde(default)]
        names: Vec<String>,
        /// The folder to put it in; none: the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        into: Option<PathBuf>,
        /// Only files whose path or name fits one of these globs; empty: all.
        #[serde(default)]
        only: Vec<String>,
        /// Replace what has the same name; the old one goes to the trash.
        #[serde(default)]
        replace: bool,
        /// Seconds.
        wait_s: u32,
    },
    /// Makes a link to files: whoever has it may fetch them. All of them are read first. Answered with [`Reply::MakingLink`]; how far it is
    /// comes as [`crate::Event::MakingLink`], its end as [`crate::Event::LinkMade`] or [`crate::Event::LinkFailed`].
    CreateLink {
        /// What; no text.
        content: Content,
        /// It is good only on the network around this device.
        #[serde(default)]
        lan_only: bool,
        /// Where else holders may be asked for: `udp://`, `http://` or `https://`.
        #[serde(default)]
        trackers: Vec<String>,
        /// It ends after so many seconds; none: when it is removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        expires_s: Option<u64>,
    },
    /// Stops the making of a link.
    StopLink {
        /// Which.
        making: u64,
    },
    /// The links that this device made and that are good. Answered with [`Reply::Links`].
    Links,
    /// Makes a link good for nothing, at once. The files stay.
    RemoveLink {
        /// Its id, or the beginning of it.
        id: String,
    },
    /// What would come by a link. Answered with [`Reply::Offers`] of one, which waits: its entries can be listed, and it is accepted, all or
    /// a part, or declined.
    PreviewLink {
        /// The link.
        #[ts(type = "string")]
        link: LinkText,
    },
    /// Fetches by a link. Answered with [`Reply::Transfers`] of one.
    GetLink {
        /// The link.
        #[ts(type = "string")]
        link: LinkText,
        /// The folder to put it in; none: the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string")]
        into: Option<PathBuf>,
        /// Only files whose path or name fits one of these globs; empty: all.
        #[serde(default)]
        only: Vec<String>,
        /// Replace what has the same name; the old one goes to the trash.
        #[serde(default)]
        replace: bool,
    },
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
                | Self::AddTo { content: Content::Paths { .. }, .. }
                | Self::AddShare { .. }
                | Self::ShareRisks { .. }
                | Self::Get { into: Some(_), .. }
                | Self::GetLink { into: Some(_), .. }
                | Self::CreateLink { content: Content::Paths { .. }, .. }
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
    /// Rows of own shares.
    OwnShares {
        /// The rows.
        shares: Vec<OwnShare>,
    },
    /// A page of what a device shares.
    Items {
        /// The page.
        items: Vec<Item>,
        /// Items on all pages.
        total: u32,
        /// The state that it shows: pages of one state fit together. Not a number to reckon with.
        revision: String,
    },
    /// What would be unwise.
    Risks {
        /// The worst first.
        risks: Vec<ShareRisk>,
    },
    /// A folder is watched.
    Watching {
        /// Its number.
        watch: u64,
    },
    /// Bytes of a file.
    Bytes {
        /// Of the whole file, in bytes.
        size: u64,
        /// The version that they are of: two answers with another one do not fit together.
        version: String,
        /// The bytes.
        #[ts(type = "string")]
        data: Base64,
    },
    /// A small picture.
    Thumbnail {
        /// `image/jpeg` or `image/png`; none: there is no picture of this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        content_type: Option<String>,
        /// The file.
        #[ts(type = "string")]
        data: Base64,
    },
    /// A search has begun.
    Searching {
        /// Its number.
        search: u64,
        /// Ids of the devices that are searched.
        peers: Vec<String>,
    },
    /// A link is being made.
    MakingLink {
        /// The number of its making.
        making: u64,
    },
    /// Own links, the newest first.
    Links {
        /// The links.
        links: Vec<OwnLink>,
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
        let get = |into| Request::Get {
            peer: "a".into(),
            path: "/s".into(),
            names: vec![],
            into,
            only: vec![],
            replace: false,
            wait_s: 0,
        };
        let share =
            Request::AddShare { path: path.clone(), name: None, audience: vec![], write: false, hidden: false, ignore: vec![] };
        assert!(share.names_a_path() && get(Some(path.clone())).names_a_path() && !get(None).names_a_path());
        let link = || LinkText("shoal:a".into());
        let get_link = |into| Request::GetLink { link: link(), into, only: vec![], replace: false };
        let create = |content| Request::CreateLink { content, lan_only: false, trackers: vec![], expires_s: None };
        assert!(get_link(Some(path.clone())).names_a_path() && !get_link(None).names_a_path());
        assert!(create(Content::Paths { paths: vec![path.clone()] }).names_a_path());
        for naming in [accept(Some(path.clone())), set(Some(path.clone())), send(Content::Paths { paths: vec![path] })] {
            assert!(naming.names_a_path(), "{naming:?}");
        }
        for other in [accept(None), set(None), send(Content::Text { text: "/etc".into() }), Request::Settings] {
            assert!(!other.names_a_path(), "{other:?}");
        }
    }
}
