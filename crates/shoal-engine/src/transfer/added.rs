//! Files that are added to shares. For the adder it is a sending with a place; for the owner a receiving that nobody is asked about, bound
//! to the share and to the right to add to it, and kept beneath it whatever happens on the disk.

use super::{
    Consent, Direction, Transfer,
    live::Live,
    send::Prepared,
    transfers::{Transfers, blocking},
};
use crate::{
    Event,
    connection::Connection,
    error::{SendError, TransferError},
    store::{
        beneath::Beneath,
        database::{Added, TransferRecord},
        disk::DiskError,
        target::Target,
    },
};
use shoal_proto::{
    Manifest, PeerId, RelativePath, display,
    message::{Offer, Request, TransferId},
    share::{Add, Place},
};
use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What one peer adds and is not over.
const MAX_ADDING_PER_PEER: usize = 32;

/// Whether a path in a share is left out of it, as a folder or as a file.
pub(crate) type LeavesOut = Box<dyn Fn(&str, bool) -> bool + Send + Sync>;

/// A folder in a share to which a peer may add, as things are now.
pub(crate) struct Spot {
    pub(crate) added: Added,
    pub(crate) share: Beneath,
    pub(crate) leaves_out: LeavesOut,
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spot").field("added", &self.added).finish_non_exhaustive()
    }
}

impl Spot {
    /// Makes a transfer one that adds files here.
    pub(super) fn bind(&self, record: &mut TransferRecord) {
        record.added = Some(self.added.clone());
        record.beneath = Some(self.share.root().to_owned());
    }

    /// What is taken of an offer: entries that the share would show. `None`: nothing.
    pub(super) fn consent(&self, manifest: &Manifest) -> Option<Consent> {
        let folder = self.added.place.folder.as_ref();
        let into = folder.map_or_else(|| self.share.root().to_owned(), |folder| self.share.real_path(folder));
        let entries = self.taken(manifest);
        (!entries.is_empty()).then(|| Consent { into: Some(into), entries, ..Consent::default() })
    }

    fn taken(&self, manifest: &Manifest) -> Vec<Range<u32>> {
        let above = self.added.place.folder.as_ref().map_or_else(String::new, |folder| format!("{}/", folder.as_str()));
        let mut taken: Vec<Range<u32>> = Vec::new();
        // What is in a folder that is left out is, too. Entries follow their folders.
        let mut out: Option<RelativePath> = None;
        for (index, entry) in manifest.entries() {
            if out.as_ref().is_some_and(|out| entry.path.starts_with(out)) {
                continue;
            }
            let path = format!("{above}{}", entry.path.as_str());
            // What is too deep or too long to travel could never be asked for.
            if RelativePath::parse(&path).is_err() || (self.leaves_out)(&path, !entry.kind.is_file()) {
                out = Some(entry.path);
                continue;
            }
            match taken.last_mut() {
                Some(run) if run.end == index.0 => run.end += 1,
                _ => taken.push(index.0..index.0 + 1),
            }
        }
        taken
    }
}

/// The folder that what a transfer brings goes into, open: `into`, or that of a share, which it must not leave.
///
/// # Errors
/// [`Target::open`], [`Target::beneath`]
pub(crate) fn target(record: &TransferRecord, into: &Path) -> Result<Target, DiskError> {
    match (&record.added, &record.beneath) {
        (Some(added), Some(share)) => Target::beneath(Beneath::new(share.clone()), added.place.folder.as_ref(), record.id),
        _ => Target::open(into, record.id),
    }
}

/// How a sending is offered.
pub(super) fn request(live: &Live, offer: Offer) -> Request {
    match live.row().record.added.clone() {
        Some(Added { place, .. }) => Request::Add(Add { place, offer }),
        None => Request::Offer(offer),
    }
}

/// What an adder is told whose stream the owner reset.
pub(super) fn refused(live: &Live, owner: &str) -> String {
    let place = live.row().record.added.as_ref().map_or_else(String::new, |added| display::shown(&added.name));
    format!("{owner} takes no files into {place} from this device, or not any more: see `shoal ls {owner}`")
}

impl Transfers {
    /// Offers files to a share of a peer's.
    pub(crate) async fn add_to(self: &Arc<Self>, peer: PeerId, added: Added, paths: Vec<PathBuf>) -> Result<Transfer, SendError> {
        let mut prepared = Prepared::scan(paths, self.database.clone(), self.cancel.clone()).await?;
        prepared.added = Some(added);
        self.begin_sending(&prepared, peer).await
    }

    /// Whether a peer may add to a place, or the share of it is there for it at all. Where not, the transfer ends that does so.
    pub(super) fn may_add(&self, connection: &Connection, place: &Place, id: TransferId) -> bool {
        let may_add = self.rights.may_add(connection, place.share);
        let is_it = |live: &Arc<Live>| live.peer == connection.peer() && is_added_to(live, place);
        if !may_add && self.live(id).filter(is_it).is_some() {
            // One that ends by itself meanwhile is none to cancel.
            let _ = self.cancel(id);
        }
        may_add
    }

    /// The place that files are offered to; `None`: for this peer it is not there.
    pub(super) async fn spot(self: &Arc<Self>, connection: &Connection, place: &Place) -> Option<Spot> {
        let (this, place, by) = (self.clone(), place.clone(), connection.clone());
        blocking(move || this.rights.spot(&by, &place)).await
    }

    /// One more transfer of a peer that adds files is within the bounds.
    pub(super) fn may_add_more(&self, peer: PeerId) -> bool {
        let of_peer = self.shared().into_iter().filter(|(live, _)| live.direction == Direction::Receive && live.peer == peer);
        of_peer.count() < MAX_ADDING_PER_PEER
    }

    /// Takes what is added, for as long as it may be. What stood in the way, if it cannot be taken.
    pub(super) async fn take_added(
        self: &Arc<Self>,
        connection: &Connection,
        live: &Arc<Live>,
        spot: &Spot,
    ) -> Result<(), TransferError> {
        let consent = live.row().manifest.as_ref().and_then(|manifest| spot.consent(manifest));
        let consent = consent.ok_or_else(|| TransferError::NothingFits {
            name: display::shown(&live.row().record.name),
            globs: display::shown(&spot.added.name),
        })?;
        self.accept(live.id, consent).await?;
        self.emit(Event::Offered(self.picture(live)));
        // The right may have gone while it was no transfer yet that could be ended.
        if !self.rights.may_add(connection, spot.added.place.share) {
            let _ = self.cancel(live.id); // as above
        }
        Ok(())
    }
}

/// It adds files to this very place.
pub(super) fn is_added_to(live: &Live, place: &Place) -> bool {
    live.direction == Direction::Receive && live.row().record.added.as_ref().is_some_and(|added| added.place == *place)
}
