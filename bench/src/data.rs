//! What is sent, made once a run, and the proof that it arrived.

use crate::Result;
use shoal_tests::data::{many_files, random_file};
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What a data set is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One random file of so many MiB.
    File { mib: u64 },
    /// Random files of `bytes` bytes each, spread over `folders` folders.
    Folder { files: usize, bytes: u64, folders: usize },
}

impl Shape {
    /// 10,000 files of 4 KiB in 100 folders.
    pub(crate) const SMALL_FILES: Self = Self::Folder { files: 10_000, bytes: 4096, folders: 100 };

    /// As a file's name and as a person reads it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::File { mib } => format!("{mib}-MiB.bin"),
            Self::Folder { files, bytes, .. } => format!("{files}-files-of-{bytes}"),
        }
    }

    /// Bytes in all.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::File { mib } => mib << 20,
            Self::Folder { files, bytes, .. } => files as u64 * bytes,
        }
    }
}

/// A data set on the disk.
#[derive(Debug, Clone)]
pub(crate) struct DataSet {
    pub(crate) shape: Shape,
    /// The file, or the folder that holds them all.
    pub(crate) path: PathBuf,
    digest: blake3::Hash,
}

impl DataSet {
    /// Makes it below `folder`, unless this run has made it before.
    ///
    /// # Errors
    /// When it cannot be read back.
    pub(crate) fn make(folder: &Path, shape: Shape) -> Result<Self> {
        let path = folder.join(shape.name());
        if !path.exists() {
            match shape {
                Shape::File { mib } => random_file(&path, mib << 20, mib),
                Shape::Folder { files, bytes, folders } => many_files(&path, files, bytes, folders, bytes),
            }
        }
        let digest = digest(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { shape, path, digest })
    }

    /// Its last name.
    pub(crate) fn name(&self) -> String {
        self.shape.name()
    }

    /// Whether it is one file.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.shape, Shape::File { .. })
    }

    /// Checks that it lies in `target`, by its own name or, a folder's contents, directly.
    ///
    /// # Errors
    /// When something else does.
    pub(crate) fn check(&self, target: &Path) -> Result {
        let named = target.join(self.name());
        let found = if named.exists() { named } else { target.to_owned() };
        match digest(&found) {
            Ok(digest) if digest == self.digest => Ok(()),
            Ok(_) => Err(format!("what arrived in {} is not what was sent", found.display())),
            Err(error) => Err(format!("what arrived in {} cannot be read: {error}", found.display())),
        }
    }
}

/// The files of a folder, or the one file: path below `root`, whole path, bytes. In the order of their names.
pub(crate) fn files(root: &Path) -> io::Result<Vec<(PathBuf, PathBuf, u64)>> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(path) = open.pop() {
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            for entry in fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else {
            found.push((path.strip_prefix(root).unwrap_or(&path).to_owned(), path, meta.len()));
        }
    }
    found.sort();
    Ok(found)
}

/// A hash of all names and all bytes.
fn digest(root: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    for (name, path, size) in files(root)? {
        let mut content = blake3::Hasher::new();
        read_into(&mut content, &path, size)?;
        hasher.update(name.as_os_str().as_encoded_bytes()).update(&[0]).update(content.finalize().as_bytes());
    }
    Ok(hasher.finalize())
}

/// In large steps: BLAKE3 is several times as fast on them as on those of `io::copy`.
fn read_into(hasher: &mut blake3::Hasher, path: &Path, size: u64) -> io::Result<()> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; STEP.min(usize::try_from(size).unwrap_or(STEP)).max(1)];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => _ = hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Bytes read at once.
const STEP: usize = 1 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_changed_byte_a_missing_file_and_another_name_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        let set = DataSet::make(&made, Shape::Folder { files: 20, bytes: 100, folders: 3 }).unwrap();
        assert_eq!(set.check(&made), Ok(()), "by its own name");
        assert_eq!(set.check(&set.path), Ok(()), "its contents");
        let (_, first, _) = files(&set.path).unwrap().swap_remove(0);
        let good = fs::read(&first).unwrap();
        fs::write(&first, [good.get(1..).unwrap(), b"x"].concat()).unwrap();
        assert!(set.check(&made).is_err());
        fs::write(&first, &good).unwrap();
        fs::rename(&first, first.with_extension("other")).unwrap();
        assert!(set.check(&made).is_err());
        fs::remove_file(first.with_extension("other")).unwrap();
        assert!(set.check(&made).is_err());
        fs::write(&first, &good).unwrap();
        assert_eq!(set.check(&made), Ok(()));
    }
}
