//! The engine's face for shares: own ones, and looking into those of others.

use crate::{
    Consent, Engine, Event, LookError, NewShare, OwnShare, PeerFound, Picture, Risk, ShareChange, ShareError, SharedBytes,
    Transfer, Watching,
    share::{table::place_name, views::SharedFile},
    store::database::Added,
    transfer::transfers::blocking,
};
use shoal_proto::{
    PeerId, RelativePath, display,
    share::{List, Name, Page, Place, Search, Share, Watch, rights::Rights},
};
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Searches under way that tell what they find as events.
const MAX_SEARCHES: usize = 16;

/// Watches under way that tell changes as events.
const MAX_WATCHES: usize = 64;

/// Tickets that are made at once.
const MAX_MAKING: usize = 16;

/// What was begun with a number and goes on until it is ended by that: searches, watches, tickets that are made. The oldest first.
#[derive(Debug)]
pub(crate) struct Numbered {
    most: usize,
    running: Mutex<(u64, VecDeque<(u64, CancellationToken)>)>,
}

impl Numbered {
    pub(crate) fn searches() -> Self {
        Self { most: MAX_SEARCHES, running: Mutex::default() }
    }

    pub(crate) fn watches() -> Self {
        Self { most: MAX_WATCHES, running: Mutex::default() }
    }

    pub(crate) fn tickets() -> Self {
        Self { most: MAX_MAKING, running: Mutex::default() }
    }

    pub(crate) fn begin(&self) -> (u64, CancellationToken) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.0 += 1;
        let (number, token) = (running.0, CancellationToken::new());
        running.1.push_back((number, token.clone()));
        if running.1.len() > self.most
            && let Some((_, oldest)) = running.1.pop_front()
        {
            oldest.cancel();
        }
        (number, token)
    }

    /// Also for one that ended by itself, so that it takes no place.
    pub(crate) fn stop(&self, number: u64) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.1.retain(|(other, token)| {
            if *other == number {
                token.cancel();
            }
            *other != number
        });
    }
}

impl Engine {
    /// Shares a folder.
    ///
    /// # Errors
    /// [`ShareError`]
    pub async fn add_share(&self, new: NewShare) -> Result<OwnShare, ShareError> {
        let table = self.inner.table.clone();
        blocking(move || table.add(new)).await
    }

    /// The folders that this device shares, by name.
    pub async fn own_shares(&self) -> Vec<OwnShare> {
        let table = self.inner.table.clone();
        blocking(move || table.list()).await
    }

    /// Changes a share. Who may not see it any more is cut off within a second. What is left out from now on is not sent any more, and for
    /// that every fetch from it is ended: it can be asked for again.
    ///
    /// # Errors
    /// [`ShareError`]
    pub async fn change_share(&self, name: &str, change: ShareChange) -> Result<OwnShare, ShareError> {
        let is_filtered_anew = change.hidden.is_some() || change.ignored.is_some();
        let (table, name) = (self.inner.table.clone(), name.to_owned());
        let (id, share) = blocking(move || table.change(&name, change)).await?;
        if is_filtered_anew {
            self.inner.transfers.end_share(id);
        }
        Ok(share)
    }

    /// Shares a folder no more, from this second on. The folder stays as it is.
    ///
    /// # Errors
    /// [`ShareError`]
    pub async fn remove_share(&self, name: &str) -> Result<(), ShareError> {
        let (table, name) = (self.inner.table.clone(), name.to_owned());
        let id = blocking(move || table.remove(&name)).await?;
        self.inner.transfers.end_share(id);
        Ok(())
    }

    /// What a device shares with this one.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn shares_of(&self, peer: PeerId) -> Result<Vec<Share>, LookError> {
        self.inner.asker.shares(peer).await
    }

    /// A device's share by its name, without regard to case.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn share_of(&self, peer: PeerId, name: &str) -> Result<Share, LookError> {
        self.inner.asker.share(peer, name).await
    }

    /// A page of a folder in a device's share.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn list_share(&self, peer: PeerId, list: List) -> Result<Page, LookError> {
        self.inner.asker.list(peer, list).await
    }

    /// What would be unwise about sharing a folder, as [`OwnShare::risks`] would say.
    ///
    /// # Errors
    /// [`ShareError::Folder`], as for one that is shared.
    pub async fn share_risks(&self, path: PathBuf, rights: Rights, hidden: bool) -> Result<Vec<Risk>, ShareError> {
        let table = self.inner.table.clone();
        blocking(move || table.risks_of(&path, &rights, hidden)).await
    }

    /// Changes of a folder in a device's share, the first at once. It ends when the folder is not shared with this device any more.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn watch_share(&self, peer: PeerId, watch: Watch) -> Result<Watching, LookError> {
        self.inner.asker.watch(peer, watch).await
    }

    /// Begins to watch a folder in a device's share, whose changes come as [`Event::FolderChanged`], the first at once, and whose end as
    /// [`Event::WatchEnded`]. Returns its number. The oldest of more than 64 ends.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn begin_watch(&self, peer: PeerId, watch: Watch) -> Result<u64, LookError> {
        let mut changes = self.watch_share(peer, watch).await?;
        let (number, wanted) = self.inner.watches.begin();
        let (transfers, inner) = (self.inner.transfers.clone(), Arc::downgrade(&self.inner));
        self.inner.tasks().spawn(async move {
            let tell = async {
                while let Some(changed) = changes.recv().await {
                    transfers.emit(Event::FolderChanged { watch: number, revision: changed.revision });
                }
            };
            tokio::select! {
                () = tell => {}
                () = wanted.cancelled() => {}
                () = transfers.cancel.cancelled() => return,
            }
            if let Some(inner) = inner.upgrade() {
                inner.watches.stop(number);
            }
            transfers.emit(Event::WatchEnded { watch: number, gone: changes.is_gone() });
        });
        Ok(number)
    }

    /// Ends a watch; one that is over stays so.
    pub fn stop_watch(&self, watch: u64) {
        self.inner.watches.stop(watch);
    }

    /// Searches the shares of these devices at once. Dropping the receiver ends it.
    pub fn search_shares(&self, peers: Vec<PeerId>, search: &Search) -> mpsc::Receiver<PeerFound> {
        self.inner.asker.search(peers, search)
    }

    /// Begins a search of these devices, whose hits come as [`Event::Found`] and whose end as [`Event::Searched`]. Returns its number. The oldest
    /// of more than 16 ends.
    pub fn begin_search(&self, peers: Vec<PeerId>, search: &Search) -> u64 {
        let (number, wanted) = self.inner.searches.begin();
        let mut found = self.search_shares(peers, search);
        let (transfers, inner) = (self.inner.transfers.clone(), Arc::downgrade(&self.inner));
        self.inner.tasks().spawn(async move {
            let tell = async {
                while let Some(found) = found.recv().await {
                    let peer_name = transfers.devices.name(found.peer());
                    transfers.emit(Event::Found { search: number, peer_name, found });
                }
            };
            tokio::select! {
                () = tell => {}
                () = wanted.cancelled() => {}
                () = transfers.cancel.cancelled() => return,
            }
            if let Some(inner) = inner.upgrade() {
                inner.searches.stop(number);
            }
            transfers.emit(Event::Searched { search: number });
        });
        number
    }

    /// Ends a search; one that is over stays so.
    pub fn stop_search(&self, search: u64) {
        self.inner.searches.stop(search);
    }

    /// Bytes of a file in a device's share, to be looked at: `len` from `offset` on, at most [`crate::MAX_READ`]. Checked against their hashes, kept
    /// nowhere. Reading on from where the last part ended is cheap.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn read_shared(
        &self,
        peer: PeerId,
        share: &str,
        path: RelativePath,
        offset: u64,
        len: u32,
    ) -> Result<SharedBytes, LookError> {
        self.inner.views.read(SharedFile { peer, share: share.to_owned(), path }, offset, len).await
    }

    /// A small picture of an image in a device's share, `edge` pixels on its longer side or a little more; `None`: there is none.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn thumbnail(
        &self,
        peer: PeerId,
        share: &str,
        path: RelativePath,
        edge: u16,
    ) -> Result<Option<Picture>, LookError> {
        self.inner.asker.thumbnail(peer, share, path, edge).await
    }

    /// Adds files and folders to a folder in a device's share. Nothing there is overwritten.
    ///
    /// # Errors
    /// [`LookError`]. That the folder is not there, or the right to add to it, is seen in the transfer.
    pub async fn add_to(
        &self,
        peer: PeerId,
        share: &Share,
        folder: Option<RelativePath>,
        paths: Vec<PathBuf>,
    ) -> Result<Transfer, LookError> {
        let name = place_name(share.name.as_str(), folder.as_ref());
        if !share.may_add {
            return Err(LookError::ReadOnly { peer: self.inner.devices.name(peer), what: display::shown(&name) });
        }
        let added = Added { place: Place { share: share.id, folder }, name };
        Ok(self.inner.transfers.add_to(peer, added, paths).await?)
    }

    /// Fetches parts of a folder in a device's share, each whole under its own name; no names: the folder itself.
    ///
    /// # Errors
    /// [`LookError`]
    pub async fn fetch(
        &self,
        peer: PeerId,
        share: &Share,
        folder: Option<RelativePath>,
        names: Vec<Name>,
        consent: Consent,
    ) -> Result<Transfer, LookError> {
        self.inner.asker.get(peer, share, folder, names, consent).await
    }
}
