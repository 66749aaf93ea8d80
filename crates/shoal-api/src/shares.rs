//! Shared folders: rows of own ones, of what is in those of others, and of what a search found.

use serde::{Deserialize, Serialize};
use shoal_engine::{self as engine, Audience, ItemKind, Media, PeerId, shown};
use std::path::PathBuf;
use ts_rs::TS;

/// A folder that this device shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnShare {
    /// What others see.
    pub share: String,
    /// Where it is.
    #[ts(type = "string")]
    pub path: PathBuf,
    /// `everyone`, `known` or `verified`; or ids of devices.
    #[serde(rename = "for")]
    pub audience: Vec<String>,
    /// They may add files.
    pub write: bool,
    /// Files in it, as far as it was read.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Everything was read.
    pub indexed: bool,
    /// For nobody, for the time being.
    pub paused: bool,
    /// Hidden and system files are shared, too.
    pub hidden: bool,
    /// Patterns of what is not shared, as in a `.gitignore`.
    pub ignore: Vec<String>,
    /// The folder is there now: drives come and go.
    pub there: bool,
    /// Why sharing it may be unwise.
    pub risks: Vec<ShareRisk>,
}

/// Why sharing a folder may be unwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareRisk {
    /// For programs.
    pub code: RiskCode,
    /// For people: one sentence.
    pub message: String,
}

/// Why sharing a folder may be unwise, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RiskCode {
    /// It is the whole drive.
    Drive,
    /// It is the home folder of this device's user, or above it.
    Home,
    /// It holds keys or passwords.
    Keys,
    /// It belongs to the system.
    System,
    /// Strangers may fill the drive.
    StrangersAdd,
}

/// What is to be another with an own share; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(optional_fields)]
pub struct ShareChange {
    /// What others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `everyone`, `known` or `verified`; or devices.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<String>>,
    /// They may add files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<bool>,
    /// For nobody, for the time being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Hidden and system files are shared, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// Patterns of what is not shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Vec<String>>,
}

/// Something in a shared folder, or a share itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Item {
    /// Its name, to ask by; not safe to print.
    pub name: String,
    /// The name, safe to print.
    pub shown: String,
    /// What it is.
    pub kind: ItemSort,
    /// In bytes; of a folder, all that is in it. None: not known yet.
    pub size: Option<u64>,
    /// Files in a folder, with all below it; none: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub files: Option<u64>,
    /// When it was changed, in seconds since 1970; none for a share.
    pub modified: Option<i64>,
    /// A file's BLAKE3 hash, when its owner knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub blake3: Option<String>,
    /// Files may be added to this share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub write: Option<bool>,
    /// What a file holds, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub media: Option<MediaKind>,
}

/// What a file holds, as people sort files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// A film.
    Video,
    /// Music or speech.
    Audio,
    /// Something to read.
    Document,
}

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SearchKind {
    /// Files.
    File,
    /// Folders.
    Folder,
    /// Still pictures.
    Image,
    /// Films.
    Video,
    /// Music or speech.
    Audio,
    /// Something to read.
    Document,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum ItemSort {
    /// A share.
    Share,
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// By what a folder is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SortBy {
    /// Names, without regard to case and accents.
    #[default]
    Name,
    /// Sizes.
    Size,
    /// Times of change.
    Modified,
}

/// What a search found, in one piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FoundItem {
    /// The device's id.
    pub peer: String,
    /// Its name, safe to print.
    pub peer_name: String,
    /// `/SHARE/PATH`, to ask by; not safe to print.
    pub path: String,
    /// The path, safe to print.
    pub shown: String,
    /// What it is.
    pub kind: ItemSort,
    /// In bytes; none: not known.
    pub size: Option<u64>,
    /// When it was changed, in seconds since 1970.
    pub modified: i64,
    /// A file's BLAKE3 hash, when its owner knows it: the same hash is the same content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub blake3: Option<String>,
    /// What a file holds, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub media: Option<MediaKind>,
}

impl From<engine::OwnShare> for OwnShare {
    fn from(share: engine::OwnShare) -> Self {
        Self {
            share: share.name,
            path: share.path,
            audience: audience_words(&share.rights.audience),
            write: share.rights.access == engine::Access::ReadAndAdd,
            files: share.holds.files,
            bytes: share.holds.bytes,
            indexed: share.indexed,
            paused: share.rights.paused,
            hidden: share.hidden,
            ignore: share.ignored,
            there: share.is_there,
            risks: share.risks.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<engine::Risk> for ShareRisk {
    fn from(risk: engine::Risk) -> Self {
        let code = match risk {
            engine::Risk::Drive => RiskCode::Drive,
            engine::Risk::Home => RiskCode::Home,
            engine::Risk::Keys => RiskCode::Keys,
            engine::Risk::System => RiskCode::System,
            engine::Risk::StrangersAdd => RiskCode::StrangersAdd,
        };
        Self { code, message: risk.to_string() }
    }
}

fn audience_words(audience: &Audience) -> Vec<String> {
    match audience {
        Audience::Everyone => vec!["everyone".to_owned()],
        Audience::Known => vec!["known".to_owned()],
        Audience::Verified => vec!["verified".to_owned()],
        Audience::Chosen(peers) => peers.iter().map(PeerId::to_string).collect(),
    }
}

impl From<engine::Share> for Item {
    fn from(share: engine::Share) -> Self {
        Self {
            name: share.name.as_str().to_owned(),
            shown: shown(share.name.as_str()),
            kind: ItemSort::Share,
            size: share.holds.map(|holds| holds.bytes),
            files: share.holds.map(|holds| holds.files),
            modified: None,
            blake3: None,
            write: Some(share.may_add),
            media: None,
        }
    }
}

impl From<engine::Item> for Item {
    fn from(item: engine::Item) -> Self {
        let (kind, size, files, blake3) = parts(&item.kind);
        let name = item.name.as_str().to_owned();
        let media = media_of(kind, &name);
        Self { shown: shown(&name), name, kind, size, files, modified: Some(item.modified), blake3, write: None, media }
    }
}

fn media_of(kind: ItemSort, name: &str) -> Option<MediaKind> {
    let media = Media::of(name).filter(|_| kind == ItemSort::File)?;
    Some(match media {
        Media::Image => MediaKind::Image,
        Media::Video => MediaKind::Video,
        Media::Audio => MediaKind::Audio,
        Media::Document => MediaKind::Document,
    })
}

impl From<SearchKind> for engine::Kind {
    fn from(kind: SearchKind) -> Self {
        match kind {
            SearchKind::File => Self::File,
            SearchKind::Folder => Self::Folder,
            SearchKind::Image => Self::Of(Media::Image),
            SearchKind::Video => Self::Of(Media::Video),
            SearchKind::Audio => Self::Of(Media::Audio),
            SearchKind::Document => Self::Of(Media::Document),
        }
    }
}

/// What is the same for whatever can be listed or found: kind, size, files below, hash.
fn parts(kind: &ItemKind) -> (ItemSort, Option<u64>, Option<u64>, Option<String>) {
    match kind {
        ItemKind::Folder(holds) => (ItemSort::Folder, holds.map(|holds| holds.bytes), holds.map(|holds| holds.files), None),
        ItemKind::File { size, hash } => (ItemSort::File, Some(*size), None, hash.map(|hash| hash.to_string())),
    }
}

impl FoundItem {
    /// A hit in a share of a device.
    pub(crate) fn new(peer: PeerId, peer_name: &str, share: &str, hit: &engine::Hit) -> Self {
        let (kind, size, _, blake3) = parts(&hit.kind);
        let path = format!("/{share}/{}", hit.path.as_str());
        Self {
            peer: peer.to_string(),
            peer_name: peer_name.to_owned(),
            shown: shown(&path),
            path,
            kind,
            size,
            modified: hit.modified,
            blake3,
            media: media_of(kind, hit.path.file_name()),
        }
    }
}

impl From<SortBy> for engine::OrderBy {
    fn from(sort: SortBy) -> Self {
        match sort {
            SortBy::Name => Self::Name,
            SortBy::Size => Self::Size,
            SortBy::Modified => Self::Modified,
        }
    }
}
