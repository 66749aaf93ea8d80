//! Which entries of a manifest a consent takes, and the room that they need.

use crate::{error::TransferError, store::target::Target};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use shoal_proto::{Manifest, RangeSet, RelativePath, display};
use std::{iter::once, ops::Range};

/// What is wanted of a manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Entries, with the folders that the files need.
    pub(crate) wanted: RangeSet,
    /// Number of files.
    pub(crate) files: u32,
    /// Their size in bytes.
    pub(crate) bytes: u64,
}

/// The entries that fit one of `globs` by their path, their name or a folder above them, and are in one of `ranges`; no glob, or
/// no range, is none to fit.
pub(crate) fn select(manifest: &Manifest, globs: &[String], ranges: &[Range<u32>]) -> Result<Selection, TransferError> {
    if globs.is_empty() && ranges.is_empty() {
        let mut wanted = RangeSet::new();
        wanted.insert(0..manifest.len());
        return Ok(Selection { wanted, files: manifest.files(), bytes: manifest.bytes() });
    }
    let is_any_name = globs.is_empty();
    let globs = parse(globs)?;
    let chosen: RangeSet = if ranges.is_empty() { once(0..manifest.len()).collect() } else { ranges.iter().cloned().collect() };
    let mut selection = Selection::default();
    // The folders that enclose the entry at hand, with whether they fit themselves.
    let mut enclosing: Vec<(u32, usize, bool)> = Vec::new();
    for (index, entry) in manifest.entries() {
        let depth = entry.path.depth();
        while enclosing.last().is_some_and(|(_, above, _)| *above >= depth) {
            enclosing.pop();
        }
        let inherited = enclosing.last().is_some_and(|(_, _, fits)| *fits);
        let fits = is_any_name || inherited || globs.is_match(entry.path.as_str()) || globs.is_match(entry.path.file_name());
        if fits && chosen.contains(index.0) {
            selection.wanted.insert_one(index.0);
            enclosing.iter().for_each(|(folder, _, _)| selection.wanted.insert_one(*folder));
            if entry.kind.is_file() {
                selection.files += 1;
                selection.bytes += entry.kind.size();
            }
        }
        if !entry.kind.is_file() {
            enclosing.push((index.0, depth, fits));
        }
    }
    Ok(selection)
}

fn parse(globs: &[String]) -> Result<GlobSet, TransferError> {
    let bad = |glob: &str| TransferError::BadPattern(display::shown(glob));
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        // `*.jpg` fits in every folder, as people expect it to.
        let parsed = GlobBuilder::new(glob).case_insensitive(true).build().map_err(|_| bad(glob))?;
        set.add(parsed);
    }
    set.build().map_err(|_| bad(&globs.join(" ")))
}

/// Bytes that the wanted files will take: those that stand there already in the same size count as the same, since only what
/// differs is kept beside them. Should it not be enough after all, the transfer waits for room.
pub(crate) fn space_needed(manifest: &Manifest, wanted: &RangeSet, target: &Target) -> u64 {
    let mut needed = 0;
    // Nothing is looked for in a folder that is not there.
    let mut missing: Option<RelativePath> = None;
    for (index, entry) in manifest.entries() {
        let is_below_missing = missing.as_ref().is_some_and(|folder| is_below(&entry.path, folder));
        if !entry.kind.is_file() {
            if !is_below_missing && !target.has_folder(&entry.path) {
                missing = Some(entry.path);
            }
        } else if wanted.contains(index.0) {
            let size = entry.kind.size();
            let is_there = !is_below_missing && target.existing(&entry.path).is_some_and(|there| there.key.size == size);
            needed += if is_there { 0 } else { size };
        }
    }
    needed
}

fn is_below(path: &RelativePath, folder: &RelativePath) -> bool {
    path.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)] // lists of one range are meant

    use super::*;
    use shoal_proto::{
        Entry,
        manifest::{Builder, EntryKind, Timestamp},
        message::TransferId,
    };

    fn manifest() -> Manifest {
        let mut builder = Builder::default();
        for (path, size) in
            [("a", None), ("a/b", None), ("a/b/one.jpg", Some(1)), ("a/two.png", Some(2)), ("c", None), ("d.JPG", Some(4))]
        {
            let kind = size.map_or(EntryKind::Folder, |size| EntryKind::File { size, executable: false, root: None });
            builder.push(&Entry { path: RelativePath::parse(path).unwrap(), modified: Timestamp::default(), kind }).unwrap();
        }
        builder.finish().unwrap()
    }

    fn chosen(globs: &[&str]) -> (Vec<u32>, u32, u64) {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let selection = select(&manifest(), &globs, &[]).unwrap();
        (selection.wanted.iter().collect(), selection.files, selection.bytes)
    }

    #[test]
    fn globs_choose_files_by_name_path_or_folder_and_bring_the_folders_they_need() {
        assert_eq!(chosen(&[]), (vec![0, 1, 2, 3, 4, 5], 3, 7));
        assert_eq!(chosen(&["*.jpg"]), (vec![0, 1, 2, 5], 2, 5));
        assert_eq!(chosen(&["b"]), (vec![0, 1, 2], 1, 1));
        assert_eq!(chosen(&["a/two.*"]), (vec![0, 3], 1, 2));
        assert_eq!(chosen(&["nothing"]), (vec![], 0, 0));
        assert!(matches!(select(&manifest(), &["[".to_owned()], &[]), Err(TransferError::BadPattern(_))));
    }

    #[test]
    fn ranges_choose_entries_and_bring_the_folders_they_need() {
        let chosen = |globs: &[&str], ranges: &[Range<u32>]| {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            let selection = select(&manifest(), &globs, ranges).unwrap();
            (selection.wanted.iter().collect::<Vec<_>>(), selection.files, selection.bytes)
        };
        assert_eq!(chosen(&[], &[2..3]), (vec![0, 1, 2], 1, 1));
        assert_eq!(chosen(&[], &[5..6, 0..2, 1..3]), (vec![0, 1, 2, 5], 2, 5));
        assert_eq!(chosen(&[], &[4..5]), (vec![4], 0, 0), "an empty folder");
        assert_eq!(chosen(&["*.jpg"], &[3..6]), (vec![5], 1, 4), "both have to fit");
        assert_eq!(chosen(&["b"], &[2..3]), (vec![0, 1, 2], 1, 1), "a folder that fits holds what is chosen in it");
    }

    /// Also where a folder stands whose name begins like that of one that does not.
    #[test]
    fn files_that_are_there_in_their_size_need_no_room() {
        let needed = |there: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            for (path, content) in there {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            let target = Target::open(folder.path(), TransferId([1; 16])).unwrap();
            space_needed(&manifest(), &once(0..6).collect(), &target)
        };
        assert_eq!(needed(&[]), 7);
        assert_eq!(needed(&[("a/two.png", "22"), ("d.JPG", "other")]), 5);
        assert_eq!(needed(&[("a/b/one.jpg", "1"), ("d.JPG", "4444")]), 2);
        assert_eq!(needed(&[("a", "a file where a folder is to be")]), 7);
    }
}
