//! A disk with little room.

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A folder on a tmpfs of its own, of a set size; unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: Option<TempDir>,
}

impl SmallDisk {
    /// Mounts one of `mib` MiB.
    pub fn new(mib: u32) -> Self {
        let folder = TempDir::with_prefix("shoal-disk-").expect("a temporary folder can be made");
        mount(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "shoal-test"]).arg(folder.path()));
        Self { folder: Some(folder) }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().expect("the folder is there until the drop").path()
    }

    /// Gives it another size; one below what is used fails.
    pub fn resize(&self, mib: u32) {
        mount(Command::new("mount").args(["-o", &format!("remount,size={mib}m")]).arg(self.path()));
    }

    /// Takes `mib` MiB away with a file of that size; deleting the file gives them back.
    pub fn fill(&self, mib: usize) -> PathBuf {
        let path = self.path().join("filler");
        std::fs::write(&path, vec![0; mib * 1024 * 1024]).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: a process that is being killed may still hold a file.
        let gone = self
            .folder
            .as_ref()
            .is_some_and(|f| Command::new("umount").arg("-l").arg(f.path()).status().is_ok_and(|s| s.success()));
        if !gone && let Some(folder) = self.folder.take() {
            // Still mounted: leave the folder, which says what is wrong, rather than delete through it.
            let _ = folder.keep();
        }
    }
}

fn mount(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {} (system tests need root)", String::from_utf8_lossy(&output.stderr));
}
