//! What a transfer holds, by pages: for windows that show a million files and keep a screenful.
//!
//! The outline of one transfer is kept for a while, the one asked about last, since its manifest lies in the database as a
//! whole. Where files stand is looked at anew for each page.

use super::{
    Direction, State,
    live::Live,
    outline::Outline,
    standing::{EntryState, Standing},
    transfers::{Transfers, blocking, recording},
};
use crate::{error::TransferError, store::database::TransferRecord};
use shoal_proto::{Entry, Manifest, RangeSet, display, manifest::EntryIndex, message::TransferId};
use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

/// Most entries on a page.
const MAX_PAGE: u32 = 1000;

/// An outline that nobody asked about for this long is dropped.
const KEPT: Duration = Duration::from_secs(30);

/// Which entries of a transfer to list.
#[derive(Debug, Clone, Default)]
pub struct EntryQuery {
    /// The number of a folder's entry: what is directly in it. `None`: what is at the top.
    pub folder: Option<u32>,
    /// Entries to leave out at the beginning.
    pub offset: u32,
    /// Entries on the page, 1 to 1000; what is beyond counts as the nearest.
    pub limit: u32,
    /// Only files that stand so, in all folders.
    pub state: Option<EntryState>,
    /// Only files with this in their names, whatever the case, in all folders.
    pub find: Option<String>,
}

/// Entries of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryPage {
    /// In the manifest's order.
    pub entries: Vec<ListedEntry>,
    /// Entries on all pages.
    pub total: u32,
}

/// A file or folder of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// Its number.
    pub index: u32,
    /// It and everything below it are the entries from `index` to just before this.
    pub end: u32,
    /// Its name, safe to print.
    pub name: String,
    /// The path of the folder that it is in, safe to print; empty at the top.
    pub path: String,
    /// It is a folder.
    pub folder: bool,
    /// Files in it that are wanted, or all of them if none is; 1 for a file.
    pub files: u32,
    /// Their size.
    pub bytes: u64,
    /// Bytes in place or verified; sending: given to the receiver.
    pub bytes_done: u64,
    /// Where it stands.
    pub state: EntryState,
    /// Why it failed, in words.
    pub error: Option<String>,
}

/// The outline that was asked about last.
#[derive(Debug, Default)]
pub(crate) struct Outlines(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    id: TransferId,
    outline: Arc<Outline>,
    /// What was searched for last, and the files found.
    found: Option<(String, Arc<RangeSet>)>,
    used: Instant,
}

impl Outlines {
    /// Drops what nobody asked about for a while.
    pub(crate) fn expire(&self) {
        match self.0.try_lock() {
            Ok(mut kept) => drop(kept.take_if(|kept| kept.used.elapsed() >= KEPT)),
            Err(TryLockError::Poisoned(poisoned)) => *poisoned.into_inner() = None,
            // Somebody asks in this moment.
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transfers {
    /// A page of what a transfer holds. A text holds nothing.
    pub(crate) async fn entries(self: &Arc<Self>, id: TransferId, query: EntryQuery) -> Result<EntryPage, TransferError> {
        let this = self.clone();
        blocking(move || this.page(id, &query)).await
    }

    fn page(&self, id: TransferId, query: &EntryQuery) -> Result<EntryPage, TransferError> {
        let live = self.live(id);
        let record = match &live {
            Some(live) => live.row().record.clone(),
            None => self.database.transfer(id).map_err(recording)?.ok_or_else(|| TransferError::NotFound(id.to_string()))?,
        };
        // Held all along: of several who ask about long lists each waits, rather than that all are in memory.
        let mut slot = self.outlines.lock();
        let Some(kept) = self.outline(&mut slot, id, live.as_deref())? else { return Ok(EntryPage::default()) };
        kept.used = Instant::now();
        let outline = kept.outline.clone();
        let at_hand = live.as_ref().and_then(|live| Standing::live(&live.row(), live.direction, &outline));
        let standing = match at_hand {
            Some(standing) => standing,
            None => Standing::recorded(&self.database, &record, &outline).map_err(recording)?,
        };
        let listing = Listing { outline: &outline, standing: &standing, record: &record };
        if query.state.is_none() && query.find.is_none() {
            return listing.folder(query);
        }
        let within = match &query.find {
            None => Arc::new(RangeSet::from_iter([outline.all()])),
            Some(text) => kept.find(text),
        };
        Ok(listing.files(&within, query))
    }

    /// The kept outline, if it is the right one, or a new one in its place; `None`: the transfer has no manifest.
    fn outline<'a>(
        &self,
        slot: &'a mut Option<Kept>,
        id: TransferId,
        live: Option<&Live>,
    ) -> Result<Option<&'a mut Kept>, TransferError> {
        let at_hand = live.and_then(|live| live.row().manifest_at_hand());
        // An offer that was taken back may come again under its id and be another.
        let is_right = |kept: &Kept| kept.id == id && at_hand.as_ref().is_none_or(|other| kept.outline.manifest() == other);
        if !slot.as_ref().is_some_and(is_right) {
            // First, so that there are never two.
            *slot = None;
            let manifest = match at_hand {
                Some(manifest) => Some(manifest),
                None => self.database.manifest(id).map_err(recording)?,
            };
            let new =
                |manifest: Manifest| Kept { id, outline: Arc::new(Outline::new(manifest)), found: None, used: Instant::now() };
            *slot = manifest.map(new);
        }
        Ok(slot.as_mut())
    }

    /// What is kept of a transfer's list is not to be used any more.
    pub(crate) fn forget_outline(&self, id: TransferId) {
        self.outlines.lock().take_if(|kept| kept.id == id);
    }
}

impl Kept {
    /// The files whose names have `text` in them.
    fn find(&mut self, text: &str) -> Arc<RangeSet> {
        let text = text.to_lowercase();
        if let Some((_, found)) = self.found.as_ref().filter(|(before, _)| *before == text) {
            return found.clone();
        }
        let fits = |entry: &Entry| entry.kind.is_file() && entry.path.file_name().to_lowercase().contains(&text);
        let entries = self.outline.manifest().entries().filter(|(_, entry)| fits(entry));
        let found: Arc<RangeSet> = Arc::new(entries.map(|(index, _)| index.0..index.0 + 1).collect());
        self.found = Some((text, found.clone()));
        found
    }
}

/// A transfer at one moment.
struct Listing<'a> {
    outline: &'a Outline,
    standing: &'a Standing,
    record: &'a TransferRecord,
}

impl Listing<'_> {
    /// What is directly in a folder.
    fn folder(&self, query: &EntryQuery) -> Result<EntryPage, TransferError> {
        let folder = query.folder.map(EntryIndex);
        let no_folder =
            || TransferError::NoSuchEntry { name: display::shown(&self.record.name), entry: query.folder.unwrap_or_default() };
        let total = self.outline.children(folder).ok_or_else(no_folder)?;
        let page = self.outline.page(folder, query.offset, limit(query));
        Ok(EntryPage { entries: page.into_iter().filter_map(|range| self.entry(range)).collect(), total })
    }

    /// The files among `within` that stand as asked for.
    fn files(&self, within: &RangeSet, query: &EntryQuery) -> EntryPage {
        let (mut skip, mut page) = (query.offset, EntryPage::default());
        let runs = within.ranges().flat_map(|range| self.standing.runs(range));
        for (run, _) in runs.filter(|(_, state)| query.state.is_none_or(|wanted| wanted == *state)) {
            let files = self.outline.files(&run);
            page.total += files;
            let mut at = self.outline.nth_file(run.start, skip);
            skip = skip.saturating_sub(files);
            while at < run.end && page.entries.len() < limit(query) {
                page.entries.extend(self.entry(at..at + 1));
                at = self.outline.file_from(at + 1);
            }
        }
        page
    }

    /// An entry with everything below it.
    fn entry(&self, range: Range<u32>) -> Option<ListedEntry> {
        let entry = self.outline.manifest().entry(EntryIndex(range.start))?;
        let sums = self.standing.sums(self.outline, &range);
        let failure = self.standing.failure(range.start);
        let words = failure.map(|failure| failure.words(self.record.direction));
        Some(ListedEntry {
            index: range.start,
            end: range.end,
            name: display::shown(entry.path.file_name()),
            path: entry.path.parent().map_or_else(String::new, |folder| display::shown(folder.as_str())),
            folder: !entry.kind.is_file(),
            files: sums.files,
            bytes: sums.bytes,
            bytes_done: sums.bytes_done,
            state: sums.state().unwrap_or_else(|| self.empty_folder(range.start)),
            error: words.map(str::to_owned),
        })
    }

    /// A folder without files is sent with the list itself.
    fn empty_folder(&self, index: u32) -> EntryState {
        match (self.record.direction, self.record.state) {
            (Direction::Send, State::Finished) => EntryState::Done,
            _ => self.standing.state(index),
        }
    }
}

fn limit(query: &EntryQuery) -> usize {
    query.limit.clamp(1, MAX_PAGE) as usize
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
