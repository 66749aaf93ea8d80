//! Shared folders: looking into what a peer shares, searching it, hearing of changes, and asking for parts of it.
//!
//! # Participants
//! The *owner* shares folders of its disk; the *asker* looks into them. Both are peers, and each may be both.
//!
//! # Goals
//! A share with a million files is as quick to look into as a small one, so everything comes by pages or batches, sorted and filtered
//! by the owner. The owner decides on every single request, by the key that TLS proved ([`rights`]).
//!
//! # What a peer may not see does not exist
//! A share that is not for a peer, one that is paused, one that was removed, an id that was guessed, a path that leaves the share,
//! leads over a symbolic link, is hidden, ignored, or simply not there: each is refused with the same
//! [`crate::message::CloseCode::NotShared`], and before anything is looked up on the disk wherever the owner can tell without. Ids of
//! shares are random ([`ShareId`]) and a share that is made anew has a new one.
//!
//! # Requests
//! Each has a stream of its own, which the owner ends or resets. It resets it with `NotShared` also in the middle, within a second from
//! the moment when the share, or the asker's right to it, is no more.
//!
//! | request | the owner writes |
//! |---|---|
//! | `Shares` | one [`Shares`]: those that the asker may see |
//! | `List` | one [`Page`] |
//! | `Search` | [`Found::Hits`] as they are found, then [`Found::End`]. An asker that has enough stops the stream |
//! | `Watch` | a [`Changed`] at once, and another after each change of the folder, at most four a second, until the asker stops the stream |
//! | `Get` | nothing: it ends the stream once the list of files is made, and offers it ([`Get`]) |
//! | `Read` | a [`Reading`], then the pieces that hold the bytes as [`crate::message::Frame`]s of entry 0. An asker that has enough stops the stream |
//! | `Thumb` | one [`Thumbnail`] |
//! | `Add` | as for an offer: [`crate::message::FromReceiver`]s ([`Add`]) |
//!
//! An asker may have [`MAX_ASKS`] of these under way; one more is refused with [`crate::message::CloseCode::TooMany`].
//!
//! # Fetching
//! [`Get`] names what is wanted and a transfer that the asker made up. The owner makes an ordinary manifest of it, as the disk is at that
//! moment, and offers it as that transfer; the asker, who knows the id, takes it without asking anybody, provided that its top-level names
//! are the ones that were asked for. All else is a transfer as any other: it is resumed, verified, paused, and what is there already
//! is not sent. A file that is no longer the version in the manifest fails with `Changed`: no file is ever a mix of two versions.
//! For the owner the transfer is bound to the share: it ends when the share, or the asker's right to it, does.
//!
//! # Looking at a file
//! [`Read`] gives bytes for the eyes: a text, an image, a film from its middle. They come as in a fetch, each piece with its hash, and are kept
//! nowhere. The [`Reading`] names the version that they are of; one who reads on compares it with what he saw before. A file that changes
//! while it is read ends with `Failed`. A [`Thumbnail`] is made by the owner, whose disk is at hand: the asker takes at most
//! [`MAX_THUMBNAIL`] bytes and looks at its size before anything decodes it.
//!
//! # Adding
//! [`Add`] is an offer that says where in a share its files are to go. Nobody is asked: whoever may add files to the share does, and for
//! everybody else the stream is reset with `NotShared`, as it is where the share or the folder is not there. Nothing is overwritten or
//! removed: a file whose name is taken stands beside the other under a number, and one that is there already, the same, is not sent. What
//! the share leaves out is not taken: the owner wants of the offer what has a name that may be seen there, and declines one that has no
//! other. Each time that the transfer is gone on with it is offered by an `Add` again, and what holds for the first holds then: the transfer
//! is bound to the share, and ends on both sides when the share, or the right to add to it, does.
//!
//! # Limits
//! Each is a constant below and is held while a message is read. No message is longer than [`crate::codec::MAX_MESSAGE`]: pages and batches
//! hold less than they may when names are long ([`PAGE_BYTES`]).

mod bounded;
mod fold;
pub mod rights;

pub use bounded::{Few, Name, Text, TooMany};
pub use fold::{MAX_WORDS, Pattern, fold};

use crate::{
    Hash, Media, RelativePath,
    message::{Offer, TransferId},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Requests of one asker that an owner answers at once.
pub const MAX_ASKS: usize = 16;

/// Most shares of one owner.
pub const MAX_SHARES: usize = 256;

/// Longest name of a share, in characters.
pub const MAX_SHARE_NAME: usize = 64;

/// Most entries in one [`Page`].
pub const MAX_PAGE: usize = 512;

/// Most hits in one batch.
pub const MAX_HITS: usize = 64;

/// Most hits that a search gives, however many there are.
pub const MAX_FOUND: u32 = 10_000;

/// Longest text to search or filter by, in bytes.
pub const MAX_QUERY: usize = 256;

/// Most names in one [`Get`].
pub const MAX_GET: usize = 1024;

/// Longest thumbnail, in bytes.
pub const MAX_THUMBNAIL: usize = 64 * 1024;

/// Most pixels of a thumbnail's longer side; less counts as [`MIN_THUMBNAIL_EDGE`], more as this.
pub const MAX_THUMBNAIL_EDGE: u16 = 512;

/// Fewest pixels of a thumbnail's longer side that can be asked for.
pub const MIN_THUMBNAIL_EDGE: u16 = 32;

/// Encoded entries in one message, in bytes, above which no more are added. The longest entry fits beside that.
pub const PAGE_BYTES: usize = 192 * 1024;

/// One share for as long as it is shared. Random, so that it names nothing and cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShareId(pub [u8; 16]);

impl fmt::Debug for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// What the asker may see, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares(pub Few<Share, MAX_SHARES>);

/// A share as its owner describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// To ask by.
    pub id: ShareId,
    /// What its owner calls it; unique among the owner's.
    pub name: Name,
    /// The asker may add files.
    pub may_add: bool,
    /// What is in it, once that is known.
    pub holds: Option<Holds>,
}

/// What a folder holds, with all below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes, in bytes.
    pub bytes: u64,
}

/// A part of a folder's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Of which share.
    pub share: ShareId,
    /// The folder in it; `None`: the share itself.
    pub folder: Option<RelativePath>,
    /// How it is sorted.
    pub order: Order,
    /// Only names that hold every word of this, folded; empty: all.
    pub filter: Text<MAX_QUERY>,
    /// How many entries are left out before the first.
    pub offset: u32,
    /// How many are wanted; more than [`MAX_PAGE`] counts as that.
    pub limit: u16,
}

/// How a folder is sorted. Folders come before files, and names decide between equals: folded, then as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// The other way round, folders still first.
    pub descending: bool,
}

/// What a folder is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderBy {
    /// Names, folded.
    #[default]
    Name,
    /// Sizes.
    Size,
    /// Times of the last change.
    Modified,
}

/// The answer to a [`List`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Entries that fit the filter, in all.
    pub total: u32,
    /// The state of the folder that this shows. Two pages with the same number fit together; nothing else can be read from it.
    pub revision: u64,
    /// The entries; fewer than were wanted when there are no more, or when they are long ([`PAGE_BYTES`]). Never none if there are any.
    pub items: Few<Item, MAX_PAGE>,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: ItemKind,
    /// When it was last changed, in seconds since 1970; negative before.
    pub modified: i64,
}

/// File or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemKind {
    /// A folder.
    Folder(Option<Holds>),
    /// A file.
    File {
        /// In bytes.
        size: u64,
        /// Its BLAKE3 hash, when the owner knows it already.
        hash: Option<Hash>,
    },
}

/// A search through what the asker may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// What for ([`Pattern`]).
    pub text: Text<MAX_QUERY>,
    /// Where in a name.
    pub matching: Matching,
    /// Only in this share.
    pub share: Option<ShareId>,
    /// Only what is of this kind.
    pub kind: Option<Kind>,
    /// Only files of at least this many bytes.
    pub min_size: Option<u64>,
    /// Only files of at most this many bytes.
    pub max_size: Option<u64>,
    /// Only what was changed at this time or later, in seconds since 1970.
    pub since: Option<i64>,
    /// Only what was changed before this time, in seconds since 1970.
    pub until: Option<i64>,
    /// How many hits are wanted; more than [`MAX_FOUND`] counts as that.
    pub limit: u32,
}

impl Search {
    /// Whether something fits but for the text, by which the [`Pattern`] judges its name.
    pub fn fits(&self, name: &str, kind: &ItemKind, modified: i64) -> bool {
        let of_size = |size: u64| self.min_size.is_none_or(|min| size >= min) && self.max_size.is_none_or(|max| size <= max);
        let of_kind = match kind {
            // A folder has no size of its own, so a search by size does not mean it.
            ItemKind::Folder(_) => {
                self.kind.is_none_or(|kind| kind == Kind::Folder) && self.min_size.is_none() && self.max_size.is_none()
            }
            ItemKind::File { size, .. } => {
                let is_kind = match self.kind {
                    None | Some(Kind::File) => true,
                    Some(Kind::Folder) => false,
                    Some(Kind::Of(media)) => Media::of(name) == Some(media),
                };
                is_kind && of_size(*size)
            }
        };
        of_kind && self.since.is_none_or(|since| modified >= since) && self.until.is_none_or(|until| modified < until)
    }
}

/// Where in a name a text has to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Matching {
    /// Every word of it anywhere.
    #[default]
    Anywhere,
    /// The whole of it at the beginning.
    Beginning,
}

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Files.
    File,
    /// Folders.
    Folder,
    /// Files whose names say that they hold this.
    Of(Media),
}

/// A part of the answer to a [`Search`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Some hits, of one share.
    Hits {
        /// In which share.
        share: ShareId,
        /// Its name.
        name: Name,
        /// Never empty.
        hits: Few<Hit, MAX_HITS>,
    },
    /// Nothing follows.
    End {
        /// There was more than [`Search::limit`].
        more: bool,
        /// Everything was looked through: no share is still being read for the first time.
        complete: bool,
    },
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Where in the share.
    pub path: RelativePath,
    /// What it is.
    pub kind: ItemKind,
    /// When it was last changed, in seconds since 1970; negative before.
    pub modified: i64,
}

/// "Tell me when this folder changes."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Of which share.
    pub share: ShareId,
    /// The folder in it; `None`: the share itself. What is in folders below does not count, but for their sizes.
    pub folder: Option<RelativePath>,
}

/// A folder is no longer as it was; what is shown of it is to be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// As [`Page::revision`]: a page of this revision is up to date.
    pub revision: u64,
}

/// "Offer me this."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// The id that the offer is to have, made up by the asker.
    pub transfer: TransferId,
    /// From which share.
    pub share: ShareId,
    /// The folder in it that holds what is wanted; `None`: the share itself.
    pub folder: Option<RelativePath>,
    /// What of it, each whole, under its own name; none: the folder itself, under its name or that of the share.
    pub names: Few<Name, MAX_GET>,
}

/// "I add this to your share."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add {
    /// Where to.
    pub place: Place,
    /// What: files, no text.
    pub offer: Offer,
}

/// A folder in a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which share.
    pub share: ShareId,
    /// The folder in it; `None`: the share itself.
    pub folder: Option<RelativePath>,
}

/// "Let me see this": bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// In which share.
    pub share: ShareId,
    /// The file in it.
    pub path: RelativePath,
    /// The first byte; one behind the end gives no piece.
    pub offset: u64,
    /// How many bytes; 0: the [`Reading`] alone. Whole pieces come, so there may be more on both sides.
    pub len: u64,
}

/// The version of a file that the pieces after it are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// In bytes; it decides what a piece is ([`crate::piece`]).
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970, cut to what 64 bits hold.
    pub modified: i64,
}

/// "Give me a small picture of this image."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumb {
    /// In which share.
    pub share: ShareId,
    /// The image in it.
    pub path: RelativePath,
    /// Pixels of the longer side, [`MIN_THUMBNAIL_EDGE`] to [`MAX_THUMBNAIL_EDGE`].
    pub edge: u16,
}

/// The answer to a [`Thumb`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Thumbnail {
    /// There is none: it is no image, one that is not understood, too large, or damaged.
    None,
    /// A JPEG or PNG file.
    Picture(Few<u8, MAX_THUMBNAIL>),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        codec::{self, MAX_MESSAGE},
        name::{MAX_COMPONENT, MAX_PATH},
    };

    fn search() -> Search {
        let text = Text::new("x").unwrap();
        Search {
            text,
            matching: Matching::Anywhere,
            share: None,
            kind: None,
            min_size: None,
            max_size: None,
            since: None,
            until: None,
            limit: 1,
        }
    }

    #[test]
    fn filters_leave_out_what_they_say() {
        let file = |size| ItemKind::File { size, hash: None };
        let folder = ItemKind::Folder(None);
        assert!(search().fits("a", &file(0), 0) && search().fits("a", &folder, 0));
        let files = Search { kind: Some(Kind::File), ..search() };
        assert!(files.fits("a", &file(0), 0) && !files.fits("a", &folder, 0));
        let folders = Search { kind: Some(Kind::Folder), ..search() };
        assert!(!folders.fits("a", &file(0), 0) && folders.fits("a", &folder, 0));
        let films = Search { kind: Some(Kind::Of(Media::Video)), ..search() };
        assert!(films.fits("a.mp4", &file(0), 0) && !films.fits("a.mp3", &file(0), 0) && !films.fits("a.mp4", &folder, 0));
        let sized = Search { min_size: Some(2), max_size: Some(3), ..search() };
        assert_eq!([1, 2, 3, 4].map(|size| sized.fits("a", &file(size), 0)), [false, true, true, false]);
        assert!(!sized.fits("a", &folder, 0));
        let dated = Search { since: Some(-1), until: Some(1), ..search() };
        assert_eq!([-2, -1, 0, 1].map(|at| dated.fits("a", &folder, at)), [false, true, true, false]);
    }

    /// An owner that stops adding at [`PAGE_BYTES`] never makes a message that the asker refuses.
    #[test]
    fn the_longest_entry_fits_beside_a_full_page() {
        let item = Item {
            name: Name::parse(&"x".repeat(MAX_COMPONENT)).unwrap(),
            kind: ItemKind::File { size: u64::MAX, hash: Some(Hash::of(b"")) },
            modified: i64::MIN,
        };
        let len = |encoded: Vec<u8>| encoded.len();
        assert!(PAGE_BYTES + len(postcard::to_allocvec(&item).unwrap()) + 64 <= MAX_MESSAGE);
        let path = vec!["x".repeat(MAX_PATH / 128 - 1); 128].join("/");
        let hit = Hit { path: RelativePath::parse(&path).unwrap(), kind: item.kind, modified: 0 };
        assert!(PAGE_BYTES + len(postcard::to_allocvec(&hit).unwrap()) + MAX_COMPONENT + 64 <= MAX_MESSAGE);
        let share = Share {
            id: ShareId([0xff; 16]),
            name: Name::parse(&"𝄞".repeat(MAX_SHARE_NAME)).unwrap(),
            may_add: true,
            holds: Some(Holds { files: u64::MAX, bytes: u64::MAX }),
        };
        let all = Shares(Few::try_from(vec![share; MAX_SHARES]).unwrap());
        codec::encode(&all, MAX_MESSAGE, &mut Vec::new()).unwrap();
    }

    #[test]
    fn a_list_longer_than_its_limit_is_no_message() {
        let hit = Hit { path: RelativePath::parse("a").unwrap(), kind: ItemKind::Folder(None), modified: 0 };
        let name = Name::parse("n").unwrap();
        let too_many = postcard::to_allocvec(&(0_u8, ShareId([0; 16]), name, vec![hit; MAX_HITS + 1])).unwrap();
        assert_eq!(codec::decode::<Found>(&too_many), Err(codec::CodecError::Malformed));
    }
}
