//! Pages of a folder: from the index when that shows the folder as it is, straight from the disk otherwise.

use super::{
    index::{Filling, IndexError, Listing},
    kept::Kept,
};
use crate::store::beneath::Seen;
use shoal_proto::{
    RelativePath,
    share::{ItemKind, OrderBy, Page, fold},
};
use std::{
    cmp::Ordering,
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// It is not there, or not shared.
    #[error("it is not there: {0}")]
    NotThere(#[from] io::Error),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
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
    path: Option<RelativePath>,
    modified: i64,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// Where it is not the name.
    folded: Option<String>,
    seen: Seen,
}

impl Row {
    fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.name)
    }
}

impl FromDisk {
    /// A page of a folder, wherever it is known best.
    ///
    /// # Errors
    /// [`ListError`]
    pub(crate) fn page(&self, kept: &Kept, path: Option<&RelativePath>, listing: &Listing) -> Result<Page, ListError> {
        let inside = kept.open(path)?;
        let modified = inside.modified()?;
        if let Some(row) = kept.index.folder(path)?.filter(|row| row.listed == Some(modified)) {
            return Ok(kept.index.page(&row, listing)?);
        }
        let snapshot = self.at_hand(kept, path, modified);
        let snapshot = match snapshot {
            Some(snapshot) => snapshot,
            None => {
                let mut rows = Vec::new();
                kept.each_in(&inside, path, &mut |name, seen| {
                    let folded = Some(fold(name)).filter(|folded| folded != name);
                    rows.push(Row { name: name.to_owned(), folded, seen });
                })?;
                let snapshot = Arc::new(Snapshot { share: kept.id, path: path.cloned(), modified, rows });
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
                snapshot
            }
        };
        Ok(snapshot.page(listing))
    }

    /// The state of a folder, as its pages name it.
    ///
    /// # Errors
    /// [`ListError`]
    pub(crate) fn revision(&self, kept: &Kept, path: Option<&RelativePath>) -> Result<u64, ListError> {
        let modified = kept.open(path)?.modified()?;
        let row = kept.index.folder(path)?.filter(|row| row.listed == Some(modified));
        Ok(row.map_or(modified, |row| row.revision).cast_unsigned())
    }

    /// Nothing is kept of a share that is gone.
    pub(crate) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn at_hand(&self, kept: &Kept, path: Option<&RelativePath>, modified: i64) -> Option<Arc<Snapshot>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |last: &&Arc<Snapshot>| last.share == kept.id && last.path.as_ref() == path && last.modified == modified;
        last.as_ref().filter(fits).cloned()
    }
}

impl Snapshot {
    fn page(&self, listing: &Listing) -> Page {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| listing.filter.fits(row.folded())).collect();
        let by_name = |one: &Row, other: &Row| one.folded().cmp(other.folded()).then_with(|| one.name.cmp(&other.name));
        let turned = |order: Ordering| if listing.order.descending { order.reverse() } else { order };
        rows.sort_unstable_by(|one, other| {
            let folders_first = one.seen.size.is_some().cmp(&other.seen.size.is_some());
            folders_first.then_with(|| match listing.order.by {
                OrderBy::Name => turned(by_name(one, other)),
                // What a folder holds is not known yet.
                OrderBy::Size => turned(one.seen.size.cmp(&other.seen.size)).then_with(|| by_name(one, other)),
                OrderBy::Modified => turned(one.seen.modified.cmp(&other.seen.modified)).then_with(|| by_name(one, other)),
            })
        });
        let mut filling = Filling::new(usize::from(listing.limit), false);
        for row in rows.iter().skip(listing.offset as usize) {
            let kind = row.seen.size.map_or(ItemKind::Folder(None), |size| ItemKind::File { size, hash: None });
            if !filling.add(&row.name, kind, row.seen.modified) {
                break;
            }
        }
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        // The disk's own word for its state; the index will have another, and then this page is asked for again.
        Page { total, revision: self.modified.cast_unsigned(), items: filling.items }
    }
}
