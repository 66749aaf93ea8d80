//! In what two folders differ: names, kinds, bytes, times, the executable bit.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Modification times may differ by this much: filesystems round (FAT to two seconds), the protocol does not.
const TIME_TOLERANCE: Duration = Duration::from_millis(1);
/// How many differences are listed before "and so on".
const MOST_LISTED: usize = 50;

/// Panics with a list of differences unless both are the same: files by BLAKE3 of their bytes, modification time (of files) and
/// executable bit; folders by being there, empty ones too. Returns how many files there are.
#[track_caller]
pub fn assert_same(expected: &Path, actual: &Path) -> usize {
    let found = differences(expected, actual);
    assert!(found.is_empty(), "{} and {} differ:\n{}", expected.display(), actual.display(), found.join("\n"));
    listing(expected).values().filter(|e| e.is_file).count()
}

/// Panics with a list of folders unless each folder below `expected` has the same modification time below `actual`. Apart from
/// [`assert_same`], because whatever is put into a folder later changes its time.
#[track_caller]
pub fn assert_same_folder_times(expected: &Path, actual: &Path) {
    let (left, right) = (listing(expected), listing(actual));
    let mut found = Vec::new();
    for (path, a) in left.iter().filter(|(_, entry)| !entry.is_file) {
        let time = right.get(path).map(|b| b.modified);
        if time.is_none_or(|time| apart(time, a.modified) > TIME_TOLERANCE) {
            found.push(format!("{path:?}: modified {time:?}, expected {:?}", a.modified));
        }
    }
    assert!(found.is_empty(), "folders of {} and {} differ:\n{}", expected.display(), actual.display(), found.join("\n"));
}

/// The differences, one a line, at most 50; empty when there are none. Each side may be one file.
pub fn differences(expected: &Path, actual: &Path) -> Vec<String> {
    let (left, right) = (listing(expected), listing(actual));
    let mut found = Vec::new();
    for path in right.keys().filter(|path| !left.contains_key(*path)) {
        found.push(format!("{path:?}: not expected"));
    }
    for (path, a) in &left {
        match right.get(path) {
            None => found.push(format!("{path:?}: missing")),
            Some(b) => found.extend(a.difference(b).map(|what| format!("{path:?}: {what}"))),
        }
        if found.len() > MOST_LISTED {
            found.truncate(MOST_LISTED);
            found.push("and so on".to_owned());
            break;
        }
    }
    found
}

/// The BLAKE3 hash of a file's bytes.
pub fn hash(path: &Path) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    must(path, fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher)));
    hasher.finalize()
}

struct Found {
    at: PathBuf,
    is_file: bool,
    size: u64,
    modified: SystemTime,
    executable: bool,
}

impl Found {
    fn difference(&self, other: &Self) -> Option<String> {
        if self.is_file != other.is_file {
            return Some("a file on one side, a folder on the other".to_owned());
        }
        if !self.is_file {
            return None;
        }
        if self.size != other.size {
            return Some(format!("{} bytes, expected {}", other.size, self.size));
        }
        if apart(self.modified, other.modified) > TIME_TOLERANCE {
            return Some(format!("modified {:?}, expected {:?}", other.modified, self.modified));
        }
        if self.executable != other.executable {
            return Some(format!("executable: {}, expected {}", other.executable, self.executable));
        }
        (hash(&self.at) != hash(&other.at)).then(|| "other bytes".to_owned())
    }
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|e| e.duration())
}

/// Everything below a path, the path itself left out unless it is a file.
fn listing(root: &Path) -> BTreeMap<PathBuf, Found> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let meta = must(&path, fs::symlink_metadata(&path));
        assert!(meta.is_dir() || meta.is_file(), "{}: neither a file nor a folder", path.display());
        if meta.is_dir() {
            open.extend(must(&path, fs::read_dir(&path)).map(|entry| must(&path, entry).path()));
        }
        if meta.is_file() || path != root {
            let key = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let entry = Found {
                is_file: meta.is_file(),
                size: meta.len(),
                modified: must(&path, meta.modified()),
                executable: is_executable(&meta),
                at: path,
            };
            found.insert(key, entry);
        }
    }
    found
}

#[cfg(unix)]
fn is_executable(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

fn must<T>(path: &Path, result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;

    /// A comparison that finds nothing is worth something only if it finds each kind of difference.
    #[test]
    fn every_kind_of_difference_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        for side in [&a, &b] {
            data::difficult_names(side, 7);
            fs::create_dir_all(side.join("d")).expect("a folder");
            for name in ["bytes", "size", "time", "bit", "gone"] {
                data::random_file(&side.join(name), 1000, 1);
            }
        }
        let times = |side: &Path| for_all_files(side, |f| f.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(9)));
        times(&a);
        times(&b);
        let count = assert_same(&a, &b);
        assert!(count > 100, "{count} files");

        data::random_file(&b.join("bytes"), 1000, 2);
        data::random_file(&b.join("size"), 1001, 1);
        times(&b);
        for_file(&b.join("time"), |f| f.set_modified(SystemTime::UNIX_EPOCH));
        fs::remove_file(b.join("gone")).expect("it was there");
        fs::remove_dir(b.join("d")).expect("it was there");
        data::random_file(&b.join("more"), 1, 1);
        let mut expected = 6;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(b.join("bit"), fs::Permissions::from_mode(0o755)).expect("own file");
            expected += 1;
        }
        let found = differences(&a, &b);
        assert_eq!(found.len(), expected, "{found:#?}");
        expected = found.iter().filter(|f| f.contains("\"bytes\": other bytes")).count();
        assert_eq!(expected, 1, "{found:#?}");
    }

    fn for_file(path: &Path, change: impl Fn(&fs::File) -> std::io::Result<()>) {
        must(path, fs::File::options().write(true).open(path).and_then(|f| change(&f)));
    }

    fn for_all_files(root: &Path, change: impl Fn(&fs::File) -> std::io::Result<()>) {
        listing(root).values().filter(|e| e.is_file).for_each(|e| for_file(&e.at, &change));
    }
}
