//! The shape of a manifest, for front ends that look into it: one pass, then folders and sums cost next to nothing.
//!
//! Twelve bytes an entry and sixteen a folder beside the manifest itself; nothing is kept of names.

use shoal_proto::{Manifest, manifest::EntryIndex};
use std::ops::Range;

/// A manifest with sums and folders.
#[derive(Debug)]
pub(crate) struct Outline {
    manifest: Manifest,
    /// Files before each entry, and in all; and their bytes.
    files: Vec<u32>,
    bytes: Vec<u64>,
    /// In the manifest's order: each is followed by those in it.
    folders: Vec<Folder>,
    /// Entries at the top.
    top: u32,
}

#[derive(Debug)]
struct Folder {
    index: u32,
    /// The entry after the last one in it.
    end: u32,
    /// Place in the list of the first folder that is not in it.
    after: u32,
    /// Entries that are directly in it.
    children: u32,
}

impl Outline {
    /// Reads the whole manifest once.
    pub(crate) fn new(manifest: Manifest) -> Self {
        let len = manifest.len() as usize;
        let (mut files, mut bytes) = (Vec::with_capacity(len + 1), Vec::with_capacity(len + 1));
        let mut folders: Vec<Folder> = Vec::new();
        // Places of the folders around the entry at hand, with how deep they are.
        let mut around: Vec<(usize, usize)> = Vec::new();
        let (mut files_before, mut bytes_before, mut top) = (0_u32, 0_u64, 0_u32);
        for (index, entry) in manifest.entries() {
            let depth = entry.path.depth();
            while let Some((place, _)) = around.pop_if(|(_, above)| *above >= depth) {
                close(&mut folders, place, index.0);
            }
            match around.last().and_then(|(place, _)| folders.get_mut(*place)) {
                Some(folder) => folder.children += 1,
                None => top += 1,
            }
            files.push(files_before);
            bytes.push(bytes_before);
            if entry.kind.is_file() {
                files_before += 1;
                bytes_before += entry.kind.size();
            } else {
                around.push((folders.len(), depth));
                folders.push(Folder { index: index.0, end: 0, after: 0, children: 0 });
            }
        }
        for (place, _) in around.into_iter().rev() {
            close(&mut folders, place, manifest.len());
        }
        files.push(files_before);
        bytes.push(bytes_before);
        Self { manifest, files, bytes, folders, top }
    }

    pub(crate) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Every entry.
    pub(crate) fn all(&self) -> Range<u32> {
        0..self.manifest.len()
    }

    /// Files among these entries.
    pub(crate) fn files(&self, of: &Range<u32>) -> u32 {
        let before = |index: u32| self.files.get(index as usize).copied().unwrap_or_default();
        before(of.end).saturating_sub(before(of.start))
    }

    /// Size of the files among these entries.
    pub(crate) fn bytes(&self, of: &Range<u32>) -> u64 {
        let before = |index: u32| self.bytes.get(index as usize).copied().unwrap_or_default();
        before(of.end).saturating_sub(before(of.start))
    }

    /// The first file at or after an entry.
    pub(crate) fn file_from(&self, index: u32) -> u32 {
        self.nth_file(index, 0)
    }

    /// The file before which there are `skip` files from `index` on; the number of entries when there is none.
    pub(crate) fn nth_file(&self, index: u32, skip: u32) -> u32 {
        let wanted = self.files.get(index as usize).map_or(u32::MAX, |before| before.saturating_add(skip));
        // The last entry with so many files before it is that file: folders come before what is in them.
        let after = self.files.partition_point(|before| *before <= wanted);
        u32::try_from(after.saturating_sub(1)).unwrap_or(u32::MAX).min(self.manifest.len())
    }

    /// Number of entries directly in a folder (`None`: at the top); `None`: it is no folder.
    pub(crate) fn children(&self, folder: Option<EntryIndex>) -> Option<u32> {
        match folder {
            None => Some(self.top),
            Some(index) => self.folder(index.0).map(|(_, folder)| folder.children),
        }
    }

    /// Entries directly in a folder, each with everything below it: `limit` of them after the first `skip`.
    pub(crate) fn page(&self, folder: Option<EntryIndex>, skip: u32, limit: usize) -> Vec<Range<u32>> {
        let inside = match folder {
            None => Some((self.all(), 0, self.folders.len())),
            Some(index) => {
                self.folder(index.0).map(|(place, folder)| (index.0 + 1..folder.end, place + 1, folder.after as usize))
            }
        };
        let Some((Range { start: mut at, end }, mut place, last)) = inside else { return Vec::new() };
        let (mut skip, mut page) = (skip, Vec::new());
        while at < end && page.len() < limit {
            let folder = self.folders.get(place).filter(|_| place < last);
            let files = at..folder.map_or(end, |folder| folder.index);
            let skipped = skip.min(files.end - files.start);
            skip -= skipped;
            page.extend((files.start + skipped..files.end).take(limit - page.len()).map(|file| file..file + 1));
            let Some(folder) = folder else { break };
            if skip > 0 {
                skip -= 1;
            } else if page.len() < limit {
                page.push(folder.index..folder.end);
            }
            (at, place) = (folder.end, folder.after as usize);
        }
        page
    }

    fn folder(&self, index: u32) -> Option<(usize, &Folder)> {
        let place = self.folders.binary_search_by_key(&index, |folder| folder.index).ok()?;
        self.folders.get(place).map(|folder| (place, folder))
    }
}

/// A folder ends before the entry `end`, and no further folder is in it.
fn close(folders: &mut [Folder], place: usize, end: u32) {
    let after = u32::try_from(folders.len()).unwrap_or(u32::MAX);
    if let Some(folder) = folders.get_mut(place) {
        (folder.end, folder.after) = (end, after);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)] // lists of one range are meant

    use super::*;
    use shoal_proto::{
        Entry, RelativePath,
        manifest::{Builder, EntryKind, Timestamp},
    };

    /// Paths with sizes; without one it is a folder.
    pub(crate) fn manifest<'a>(entries: impl IntoIterator<Item = (&'a str, Option<u64>)>) -> Manifest {
        let mut builder = Builder::default();
        for (path, size) in entries {
            let kind = size.map_or(EntryKind::Folder, |size| EntryKind::File { size, executable: false, root: None });
            builder.push(&Entry { path: RelativePath::parse(path).unwrap(), modified: Timestamp::default(), kind }).unwrap();
        }
        builder.finish().unwrap()
    }

    /// Nine entries, five of them files.
    pub(crate) fn tree() -> Manifest {
        let entries = [("a", None), ("a/b", None), ("a/b/x", Some(1)), ("a/b/y", Some(2)), ("a/c", Some(4)), ("d", None)];
        manifest(entries.into_iter().chain([("e", Some(8)), ("f", None), ("f/g", Some(16))]))
    }

    #[test]
    fn folders_hold_what_is_directly_in_them_and_pages_cut_that() {
        let outline = Outline::new(tree());
        let page = |folder: Option<u32>, skip, limit| outline.page(folder.map(EntryIndex), skip, limit);
        let all = [0..5, 5..6, 6..7, 7..9];
        for (skip, limit) in (0..5).flat_map(|skip| (0..5).map(move |limit| (skip, limit))) {
            let expected: Vec<Range<u32>> = all.iter().skip(skip as usize).take(limit).cloned().collect();
            assert_eq!(page(None, skip, limit), expected, "{skip} {limit}");
        }
        assert_eq!(page(Some(0), 0, 9), [1..4, 4..5]);
        assert_eq!(page(Some(1), 1, 9), [3..4]);
        assert!(page(Some(5), 0, 9).is_empty() && page(Some(6), 0, 9).is_empty());
        let children = |folder: Option<u32>| outline.children(folder.map(EntryIndex));
        assert_eq!((children(None), children(Some(0)), children(Some(5)), children(Some(6))), (Some(4), Some(2), Some(0), None));
    }

    #[test]
    fn sums_are_those_of_the_entries() {
        let outline = Outline::new(tree());
        assert_eq!((outline.files(&(0..5)), outline.bytes(&(0..5))), (3, 7));
        assert_eq!((outline.files(&outline.all()), outline.bytes(&outline.all())), (5, 31));
        assert_eq!((outline.files(&(5..6)), outline.bytes(&(7..99))), (0, 0));
        assert_eq!([0, 1, 2, 3, 4].map(|skip| outline.nth_file(0, skip)), [2, 3, 4, 6, 8]);
        assert_eq!((outline.file_from(5), outline.file_from(7), outline.nth_file(7, 1)), (6, 8, 9));
    }
}
