//! Pages of a folder: from the index when that shows the folder as it is, straight from the disk otherwise.

use super::{
    filter::Filter,
    index::{Filling, FolderRow, IndexError, Listing},
    kept::Kept,
};
use crate::store::beneath::{Inside, Seen};
use shoal_proto::{
    RelativePath,
    name::to_os,
    share::{ItemKind, Order, OrderBy, Page, fold},
};
use std::{
    cmp::Ordering,
    ffi::OsString,
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// It is not there, or not shared.
    #[error("it is not there: {0}")]
    NotThere(#[from] io::Error),
}

/// A folder as it was on the disk, kept for the next pages of it. One at a time for all who ask: it is for the time before an index is
/// ready, and for folders that change.
#[derive(Debug, Default)]
pub(crate) struct FromDisk {
    last: Mutex<Option<Arc<Snapshot>>>,
}

#[derive(Debug)]
struct Snapshot {
    share: shoal_proto::share::ShareId,
    /// What was left out as it was read, or before.
    filter: Arc<Filter>,
    path: Option<RelativePath>,
    modified: i64,
    rows: Vec<Row>,
    /// Of the rows, once an order needs it: to look at each file takes much longer than to list their names.
    seen: OnceLock<Vec<Option<Seen>>>,
    /// The last order that was asked for: pages of it follow.
    sorted: Mutex<Option<Arc<Sorted>>>,
}

#[derive(Debug)]
struct Row {
    name: Box<str>,
    /// Where it is not the name.
    folded: Option<Box<str>>,
    /// What the disk calls it, where that is not the name.
    real: Option<OsString>,
    is_folder: bool,
}

impl Row {
    fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.name)
    }

    /// What is there now.
    fn look(&self, inside: &Inside) -> Option<Seen> {
        self.real.as_ref().map_or_else(|| inside.look(&to_os(&self.name)), |real| inside.look(real))
    }
}

/// The places of rows that fit a filter, in some order.
#[derive(Debug)]
struct Sorted {
    order: Order,
    words: Vec<String>,
    places: Vec<u32>,
}

impl FromDisk {
    /// A page of a folder, wherever it is known best.
    ///
    /// # Errors
    /// [`ListError`]
    pub(crate) fn page(&self, kept: &Kept, path: Option<&RelativePath>, listing: &Listing) -> Result<Page, ListError> {
        let inside = kept.open(path)?;
        let modified = inside.modified()?;
        let known = indexed(kept, path, modified).and_then(|row| row.map(|row| kept.index.page(&row, listing)).transpose());
        if let Some(page) = known.unwrap_or_else(without_index) {
            return Ok(page);
        }
        let snapshot = self.at_hand(kept, path, modified);
        let snapshot = match snapshot {
            Some(snapshot) => snapshot,
            None => {
                // Before the names are judged: one that comes meanwhile makes this snapshot another's.
                let filter = kept.filter();
                let mut rows = Vec::new();
                kept.each_name(&inside, path, &mut |name, real, is_folder| {
                    let real = (to_os(name) != real).then(|| real.to_owned());
                    let folded = Some(fold(name)).filter(|folded| folded != name).map(String::into_boxed_str);
                    rows.push(Row { name: name.into(), folded, real, is_folder });
                })?;
                let snapshot = Arc::new(Snapshot {
                    share: kept.id,
                    filter,
                    path: path.cloned(),
                    modified,
                    rows,
                    seen: OnceLock::new(),
                    sorted: Mutex::default(),
                });
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
                snapshot
            }
        };
        Ok(snapshot.page(&inside, listing))
    }

    /// The state of a folder, as its pages name it.
    ///
    /// # Errors
    /// [`ListError`]
    pub(crate) fn revision(&self, kept: &Kept, path: Option<&RelativePath>) -> Result<u64, ListError> {
        let modified = kept.open(path)?.modified()?;
        let row = indexed(kept, path, modified).unwrap_or_else(without_index);
        Ok(row.map_or(modified, |row| row.revision).cast_unsigned())
    }

    /// Nothing is kept of a share that is gone.
    pub(crate) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn at_hand(&self, kept: &Kept, path: Option<&RelativePath>, modified: i64) -> Option<Arc<Snapshot>> {
        let filter = kept.filter();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |last: &&Arc<Snapshot>| {
            last.share == kept.id && Arc::ptr_eq(&last.filter, &filter) && last.path.as_ref() == path && last.modified == modified
        };
        last.as_ref().filter(fits).cloned()
    }
}

/// A folder's row in the index, if that shows it as it is.
fn indexed(kept: &Kept, path: Option<&RelativePath>, modified: i64) -> Result<Option<FolderRow>, IndexError> {
    Ok(kept.index.folder(path)?.filter(|row| row.listed == Some(modified)))
}

/// The disk knows as much.
fn without_index<T>(error: IndexError) -> Option<T> {
    tracing::warn!(%error, "a folder is listed without its index");
    None
}

impl Snapshot {
    fn page(&self, inside: &Inside, listing: &Listing) -> Page {
        let sorted = self.sorted(inside, listing);
        let mut filling = Filling::new(usize::from(listing.limit), false);
        for row in sorted.places.iter().skip(listing.offset as usize).filter_map(|place| self.rows.get(*place as usize)) {
            // As it is now. What went since the list was read is left out; the next page is of another revision.
            let Some(seen) = row.look(inside) else { continue };
            let kind = seen.size.map_or(ItemKind::Folder(None), |size| ItemKind::File { size, hash: None });
            if !filling.add(&row.name, kind, seen.modified) {
                break;
            }
        }
        let total = u32::try_from(sorted.places.len()).unwrap_or(u32::MAX);
        // The disk's own word for its state; the index will have another, and then this page is asked for again.
        Page { total, revision: self.modified.cast_unsigned(), items: filling.items }
    }

    fn sorted(&self, inside: &Inside, listing: &Listing) -> Arc<Sorted> {
        let (order, words) = (listing.order, listing.filter.words());
        let mut last = self.sorted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sorted) = last.as_ref().filter(|last| last.order == order && last.words == words) {
            return sorted.clone();
        }
        let fits = |(_, row): &(u32, &Row)| listing.filter.fits(row.folded());
        let mut rows: Vec<(u32, &Row)> = (0..).zip(&self.rows).filter(fits).collect();
        let seen = match order.by {
            OrderBy::Name => &[][..],
            OrderBy::Size | OrderBy::Modified => self.seen.get_or_init(|| self.rows.iter().map(|row| row.look(inside)).collect()),
        };
        let of = |place: u32| seen.get(place as usize).copied().flatten();
        let by_name = |one: &Row, other: &Row| one.folded().cmp(other.folded()).then_with(|| one.name.cmp(&other.name));
        let turned = |ordering: Ordering| if order.descending { ordering.reverse() } else { ordering };
        rows.sort_unstable_by(|(place, one), (other_place, other)| {
            let (one_seen, other_seen) = (of(*place), of(*other_place));
            other.is_folder.cmp(&one.is_folder).then_with(|| match order.by {
                OrderBy::Name => turned(by_name(one, other)),
                // What a folder holds is not known yet.
                OrderBy::Size => {
                    let size = |seen: Option<Seen>| seen.and_then(|seen| seen.size);
                    turned(size(one_seen).cmp(&size(other_seen))).then_with(|| by_name(one, other))
                }
                OrderBy::Modified => {
                    let modified = |seen: Option<Seen>| seen.map(|seen| seen.modified);
                    turned(modified(one_seen).cmp(&modified(other_seen))).then_with(|| by_name(one, other))
                }
            })
        });
        let places = rows.into_iter().map(|(place, _)| place).collect();
        let sorted = Arc::new(Sorted { order, words: words.to_vec(), places });
        *last = Some(sorted.clone());
        sorted
    }
}
