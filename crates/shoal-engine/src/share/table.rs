//! The shares of this device: kept, changed, and asked for by those who answer peers. A peer gets at one only by [`Table::lease`].

use super::{
    calm::Calm,
    filter::Filter,
    index::Index,
    keeper::Keeper,
    kept::Kept,
    listing::FromDisk,
    own::{NewShare, OwnShare, ShareChange},
    risk::{Risk, risks},
};
use crate::{
    error::ShareError,
    store::{
        beneath::Beneath,
        database::{Added, Database, DatabaseError, ShareRecord},
    },
    transfer::added::Spot,
};
use shoal_proto::{
    RelativePath, display,
    mapping::beside,
    name,
    share::{
        Holds, MAX_SHARE_NAME, MAX_SHARES, Name, Place, ShareId, fold,
        rights::{Access, Asker, Audience, MAX_CHOSEN, Rights},
    },
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Where the indexes are, in the data folder.
const INDEXES: &str = "shares";

/// All shares of this device.
#[derive(Debug)]
pub(crate) struct Table {
    database: Arc<Database>,
    own: Mutex<BTreeMap<ShareId, Arc<Own>>>,
    /// Held through every change of a share, which reads, checks and writes.
    changing: Mutex<()>,
    /// Counts changes of anybody's rights: whoever holds a lease looks whether it still does.
    rights: watch::Sender<u64>,
    keeper: Mutex<Option<Keeper>>,
    /// Pages that come straight from the disk.
    pub(crate) pages: FromDisk,
}

/// One share as it is now. One whose rights change is another.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) record: ShareRecord,
    /// Its name as it travels.
    pub(crate) name: Name,
    pub(crate) kept: Arc<Kept>,
}

impl Table {
    /// The shares from before. One whose index cannot be opened is not shared this time.
    ///
    /// # Errors
    /// The database.
    pub(crate) fn open(database: Arc<Database>, calm: Calm) -> Result<Arc<Self>, DatabaseError> {
        let records = database.shares()?;
        let keeper =
            Keeper::start(database.clone(), calm).map_err(|error| tracing::error!(%error, "shares are not kept up to date")).ok();
        let table = Arc::new(Self {
            database,
            own: Mutex::default(),
            changing: Mutex::default(),
            rights: watch::Sender::new(0),
            keeper: Mutex::new(keeper),
            pages: FromDisk::default(),
        });
        let ids: Vec<_> = records.iter().map(|record| record.id).collect();
        match Index::sweep(&table.index_folder(), &ids) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "indexes of shares that are no more are left behind");
            }
            _ => {}
        }
        for record in records {
            match table.open_share(&record) {
                Ok(kept) => table.put(record, kept),
                Err(error) => tracing::error!(%error, path = %record.path.display(), "a folder is not shared this time"),
            }
        }
        Ok(table)
    }

    /// What `asker` may do with a share; `None`: for it there is no such share. Everything else about a share comes after this.
    pub(crate) fn lease(&self, asker: &Asker, share: ShareId) -> Option<Arc<Own>> {
        let own = self.own().get(&share).cloned();
        own.filter(|own| own.record.rights.of(asker).is_some())
    }

    /// As [`Table::lease`], where `asker` may add files, too.
    pub(crate) fn lease_to_add(&self, asker: &Asker, share: ShareId) -> Option<Arc<Own>> {
        self.lease(asker, share).filter(|own| own.record.rights.of(asker) == Some(Access::ReadAndAdd))
    }

    /// There is such a share, whoever it is for.
    pub(crate) fn is_there(&self, share: ShareId) -> bool {
        self.own().contains_key(&share)
    }

    /// The shares that `asker` may see, by name, and what it may do.
    pub(crate) fn visible(&self, asker: &Asker) -> Vec<(Arc<Own>, Access)> {
        let own = self.own();
        let mut visible: Vec<_> = own.values().filter_map(|own| Some((own.clone(), own.record.rights.of(asker)?))).collect();
        visible.sort_by_cached_key(|(own, _)| fold(&own.record.name));
        visible
    }

    /// Hears of every change of anybody's rights.
    pub(crate) fn rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }

    /// A device's standing changed.
    pub(crate) fn rights_changed(&self) {
        self.rights.send_modify(|count| *count += 1);
    }

    /// Every share, by name, for this device's owner.
    pub(crate) fn list(&self) -> Vec<OwnShare> {
        let own: Vec<_> = self.own().values().cloned().collect();
        let mut list: Vec<_> = own.iter().map(|own| picture(own)).collect();
        list.sort_by_cached_key(|share| fold(&share.name));
        list
    }

    /// Shares a folder.
    ///
    /// # Errors
    /// [`ShareError`]
    pub(crate) fn add(&self, new: NewShare) -> Result<OwnShare, ShareError> {
        let path = self.usable(&new.path)?;
        let _changing = self.changing();
        let name = {
            let own = self.own();
            if own.len() >= MAX_SHARES {
                return Err(ShareError::TooMany { limit: MAX_SHARES });
            }
            if let Some(own) = own.values().find(|own| own.record.path == path) {
                return Err(ShareError::Already { path: path.clone(), name: display::shown(&own.record.name) });
            }
            match new.name {
                Some(name) => checked_name(&own, &name, None)?,
                None => free_name(&own, &path),
            }
        };
        let access = if new.may_add { Access::ReadAndAdd } else { Access::Read };
        let rights = Rights { audience: checked_audience(new.audience)?, access, paused: false };
        let record = ShareRecord { id: ShareId(rand::random()), name, path, rights, hidden: new.hidden, ignored: new.ignored };
        let kept = self.open_share(&record)?;
        self.database.set_share(&record).map_err(|error| ShareError::Store(error.to_string()))?;
        let id = record.id;
        self.put(record, kept);
        self.rights_changed();
        self.own().get(&id).map(|own| picture(own)).ok_or_else(|| ShareError::Store("it is gone again".to_owned()))
    }

    /// What would be unwise about sharing a folder.
    ///
    /// # Errors
    /// [`ShareError::Folder`]: it cannot be shared.
    pub(crate) fn risks_of(&self, path: &Path, rights: &Rights, hidden: bool) -> Result<Vec<Risk>, ShareError> {
        Ok(risks_here(&self.usable(path)?, rights, hidden))
    }

    /// Changes a share. Whoever may not see it any more is cut off; whoever still may goes on.
    ///
    /// # Errors
    /// [`ShareError`]
    pub(crate) fn change(&self, name: &str, change: ShareChange) -> Result<(ShareId, OwnShare), ShareError> {
        let _changing = self.changing();
        let own = self.find(name)?;
        let mut record = own.record.clone();
        if let Some(name) = change.name {
            record.name = checked_name(&self.own(), &name, Some(record.id))?;
        }
        if let Some(audience) = change.audience {
            record.rights.audience = checked_audience(audience)?;
        }
        if let Some(may_add) = change.may_add {
            record.rights.access = if may_add { Access::ReadAndAdd } else { Access::Read };
        }
        record.rights.paused = change.paused.unwrap_or(record.rights.paused);
        record.hidden = change.hidden.unwrap_or(record.hidden);
        record.ignored = change.ignored.unwrap_or(record.ignored);
        let is_filtered_anew = (record.hidden, &record.ignored) != (own.record.hidden, &own.record.ignored);
        let filter = if is_filtered_anew { Some(self.filter(&record)?) } else { None };
        self.database.set_share(&record).map_err(|error| ShareError::Store(error.to_string()))?;
        if let Some(filter) = filter {
            own.kept.set_filter(filter);
            self.pages.forget();
            // From now on the disk is listed, until each folder was read with the new one. The keeper, in the middle of a folder, does so again.
            own.kept.index.set_all_to_read().map_err(|error| ShareError::Store(error.to_string()))?;
            if let Some(keeper) = &*self.keeper() {
                keeper.read_again(record.id);
            }
        }
        let changed = Arc::new(Own { name: travelling(&record), record, kept: own.kept.clone() });
        self.own().insert(changed.record.id, changed.clone());
        self.rights_changed();
        Ok((changed.record.id, picture(&changed)))
    }

    /// Shares a folder no more. The folder stays as it is.
    ///
    /// # Errors
    /// [`ShareError`]
    pub(crate) fn remove(&self, name: &str) -> Result<ShareId, ShareError> {
        let _changing = self.changing();
        let id = self.find(name)?.record.id;
        self.database.remove_share(id).map_err(|error| ShareError::Store(error.to_string()))?;
        self.own().remove(&id);
        self.rights_changed();
        self.pages.forget();
        if let Some(keeper) = &*self.keeper() {
            keeper.leave(id);
        }
        if let Err(error) = Index::remove(&self.index_folder(), id) {
            tracing::warn!(%error, "the index of a share that is no more is left behind");
        }
        Ok(id)
    }

    /// Ends the thread that keeps the indexes; blocks until it is gone.
    pub(crate) fn shutdown(&self) {
        let keeper = self.keeper().take();
        drop(keeper);
    }

    /// A folder that can be shared, without links.
    fn usable(&self, folder: &Path) -> Result<PathBuf, ShareError> {
        let unusable = |reason: String| ShareError::Folder { path: folder.to_owned(), reason };
        let path = folder.canonicalize().map_err(|error| unusable(error.to_string()))?;
        std::fs::read_dir(&path).map_err(|error| unusable(error.to_string()))?;
        if path.starts_with(self.data_folder()) {
            return Err(unusable("Shoal keeps its own files there".to_owned()));
        }
        Ok(path)
    }

    fn find(&self, name: &str) -> Result<Arc<Own>, ShareError> {
        let folded = fold(name);
        let own = self.own();
        let exact = own.values().find(|own| own.record.name == name);
        let found = exact.or_else(|| own.values().find(|own| fold(&own.record.name) == folded));
        found.cloned().ok_or_else(|| ShareError::NotFound(display::shown(name)))
    }

    fn open_share(&self, record: &ShareRecord) -> Result<Arc<Kept>, ShareError> {
        let filter = self.filter(record)?;
        let index = Index::open(&self.index_folder(), record.id).map_err(|error| ShareError::Store(error.to_string()))?;
        let beneath = Beneath::new(record.path.clone());
        Ok(Arc::new(Kept::new(record.id, beneath, index, filter, self.database.clone())))
    }

    fn filter(&self, record: &ShareRecord) -> Result<Filter, ShareError> {
        let data = self.data_folder();
        let inside = data.strip_prefix(&record.path).ok();
        let names = inside.map(|inside| inside.iter().filter_map(|name| name::from_os(name).ok()).collect::<Vec<_>>());
        let sealed = names.and_then(|names| RelativePath::from_components(names.iter().map(String::as_str)).ok());
        Filter::new(&record.ignored, record.hidden, sealed).map_err(|error| ShareError::Pattern(error.to_string()))
    }

    fn put(&self, record: ShareRecord, kept: Arc<Kept>) {
        if let Some(keeper) = &*self.keeper() {
            keeper.keep(kept.clone());
        }
        let own = Arc::new(Own { name: travelling(&record), record, kept });
        self.own().insert(own.record.id, own);
    }

    /// Where this device's key is, without links.
    fn data_folder(&self) -> PathBuf {
        let folder = self.database.folder();
        folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
    }

    fn index_folder(&self) -> PathBuf {
        self.database.folder().join(INDEXES)
    }

    fn own(&self) -> MutexGuard<'_, BTreeMap<ShareId, Arc<Own>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own {
    /// What it holds, once everything was read.
    pub(crate) fn holds(&self) -> Option<Holds> {
        holds(&self.kept).filter(|(_, complete)| *complete).map(|(holds, _)| holds)
    }

    /// A folder in it, to add files to; `None`: it is not there, or left out.
    pub(crate) fn spot(&self, place: &Place) -> Option<Spot> {
        let folder = place.folder.as_ref();
        self.kept.open(folder).ok()?;
        let name = place_name(&self.record.name, folder);
        let filter = self.kept.filter();
        let leaves_out = Box::new(move |path: &str, is_folder| filter.leaves_out(path, is_folder));
        Some(Spot { added: Added { place: place.clone(), name }, share: self.kept.beneath.clone(), leaves_out })
    }
}

/// What people call a folder in a share.
pub(crate) fn place_name(share: &str, folder: Option<&RelativePath>) -> String {
    folder.map_or_else(|| share.to_owned(), |folder| format!("{share}/{}", folder.as_str()))
}

fn holds(kept: &Kept) -> Option<(Holds, bool)> {
    let known = kept.index.folder(None).and_then(|root| Ok((root, kept.index.is_complete()?)));
    match known {
        Ok((root, complete)) => root.map(|root| (root.holds, complete)),
        Err(error) => {
            tracing::warn!(%error, "what a share holds is not known");
            None
        }
    }
}

fn picture(own: &Own) -> OwnShare {
    let ShareRecord { name, path, rights, hidden, ignored, .. } = own.record.clone();
    let (holds, indexed) = holds(&own.kept).unwrap_or_default();
    let risks = risks_here(&path, &rights, hidden);
    let is_there = path.is_dir();
    OwnShare { name, path, rights, hidden, ignored, holds, indexed, is_there, risks }
}

fn risks_here(path: &Path, rights: &Rights, hidden: bool) -> Vec<Risk> {
    let home = directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned());
    risks(path, home.as_deref(), rights, hidden)
}

/// The name was checked when it was given.
fn travelling(record: &ShareRecord) -> Name {
    Name::parse(&record.name).unwrap_or_else(|_| Name::parse("share").expect("a plain word is a name"))
}

fn checked_name(own: &BTreeMap<ShareId, Arc<Own>>, name: &str, but: Option<ShareId>) -> Result<String, ShareError> {
    let name = name.trim();
    if Name::parse(name).is_err() || name.chars().count() > MAX_SHARE_NAME || display::shown(name) != name {
        return Err(ShareError::Name(display::shown(name)));
    }
    if is_taken(own, name, but) { Err(ShareError::NameTaken(display::shown(name))) } else { Ok(name.to_owned()) }
}

fn is_taken(own: &BTreeMap<ShareId, Arc<Own>>, name: &str, but: Option<ShareId>) -> bool {
    let folded = fold(name);
    own.values().any(|own| Some(own.record.id) != but && fold(&own.record.name) == folded)
}

/// The folder's own name, as far as it can be shown, numbered when it is taken.
fn free_name(own: &BTreeMap<ShareId, Arc<Own>>, path: &Path) -> String {
    let name = path.file_name().map_or_else(|| "drive".to_owned(), |name| name.to_string_lossy().into_owned());
    // Room for a number.
    let name = display::shown_within(name.trim(), MAX_SHARE_NAME - 8);
    let name = if Name::parse(&name).is_ok() { name } else { "share".to_owned() };
    let numbered = (1..).map(|number| if number == 1 { name.clone() } else { beside(&name, number) });
    numbered.into_iter().find(|name| !is_taken(own, name, None)).unwrap_or(name)
}

fn checked_audience(audience: Audience) -> Result<Audience, ShareError> {
    match &audience {
        Audience::Chosen(peers) if peers.is_empty() || peers.len() > MAX_CHOSEN => {
            Err(ShareError::Audience { limit: MAX_CHOSEN })
        }
        _ => Ok(audience),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
