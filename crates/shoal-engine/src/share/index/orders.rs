//! The entries of a folder in an order that no index of the database has, kept for the pages that follow: to sort 100,000 takes ten times as
//! long as to read a page.

use super::counts::Key;
use shoal_proto::share::Order;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Orders that are kept.
const MAX_KEPT: usize = 8;

/// Entries of all that are kept: 8 bytes each.
const MAX_ENTRIES: usize = 500_000;

/// What is in an order: files or folders of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sorting {
    pub(super) list: Key,
    pub(super) is_file: bool,
    pub(super) order: Order,
}

/// The last few orders, by ids of entries.
#[derive(Debug, Default)]
pub(super) struct Orders {
    kept: Mutex<VecDeque<(Sorting, Arc<[i64]>)>>,
}

impl Orders {
    /// The ids in order, sorted if they are not kept.
    ///
    /// # Errors
    /// Those of `sort`.
    pub(super) fn of<E>(&self, sorting: Sorting, sort: impl FnOnce() -> Result<Vec<i64>, E>) -> Result<Arc<[i64]>, E> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|(other, _)| *other == sorting).cloned();
        if let Some((_, ids)) = known {
            return Ok(ids);
        }
        let ids: Arc<[i64]> = sort()?.into();
        if ids.len() > MAX_ENTRIES {
            return Ok(ids);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((sorting, ids.clone()));
        let mut entries = 0;
        let within = kept.iter().take(MAX_KEPT).take_while(|(_, ids)| {
            entries += ids.len();
            entries <= MAX_ENTRIES
        });
        let within = within.count();
        kept.truncate(within);
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_order_is_kept_for_its_list_and_not_without_bounds() {
        let orders = Orders::default();
        let sorting =
            |folder| Sorting { list: Key { folder, revision: 1, words: Vec::new() }, is_file: true, order: Order::default() };
        let of = |folder, count: i64| orders.of(sorting(folder), || Ok::<_, ()>((0..count).collect())).unwrap().len();
        assert_eq!((of(1, 3), of(1, 5), of(2, 7)), (3, 3, 7));
        (10..20).for_each(|folder| _ = of(folder, 1));
        assert_eq!(of(1, 4), 4, "the oldest are forgotten");
        assert_eq!((of(3, 600_000), of(3, 5)), (600_000, 5), "what is too long is not kept");
        assert_eq!(orders.kept.lock().unwrap().len(), MAX_KEPT);
    }
}
