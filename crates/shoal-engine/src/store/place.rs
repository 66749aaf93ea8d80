//! The last step of a commit: from the hidden folder to the final name, whatever stands there.

use super::{
    commit::{Clash, Outcome, Placed, Ready, dress, failed},
    disk::DiskError,
    file_key::FileKey,
    folders::{Folder, open_file, split},
    partial::file_name,
    rename::{At, rename_no_replace},
    target::{Partials, Target, names_for},
};
use cap_std::fs::{Dir, OpenOptions};
use std::{
    ffi::{OsStr, OsString},
    io,
    sync::Arc,
};

/// A file under its final name, whose folder is not synced yet.
pub(super) struct InPlace {
    pub(super) placed: Placed,
    pub(super) folder: Arc<Folder>,
    /// The folder is on another filesystem than the target's own.
    pub(super) elsewhere: bool,
}

/// Gives a durable partial file its name.
pub(super) fn place(
    target: &Target,
    partials: &Partials,
    ready: &Ready<'_>,
    key: FileKey,
    clash: Clash,
) -> Result<InPlace, DiskError> {
    let mut tried_again = false;
    loop {
        let folder = target.enter(split(ready.path.as_str()).0)?;
        match place_in(target, partials, &folder, ready, key, clash) {
            // The folder was removed while it was open: made anew once.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !tried_again => {
                tried_again = true;
                target.forget_folders();
            }
            answer => return answer.map_err(|error| failed(ready, error)),
        }
    }
}

fn place_in(
    target: &Target,
    partials: &Partials,
    folder: &Arc<Folder>,
    ready: &Ready<'_>,
    mut key: FileKey,
    clash: Clash,
) -> io::Result<InPlace> {
    let partial: OsString = file_name(ready.entry).into();
    let mut copy: Option<Copy<'_>> = None;
    let mut outcome = Outcome::Free;
    for name in names_for(split(ready.path.as_str()).1) {
        let to = At { dir: &folder.dir, name: &name };
        let from = At { dir: &partials.dir, name: &partial };
        let rename = |copy: &Option<Copy<'_>>| rename_no_replace(copy.as_ref().map_or(from, Copy::at), to);

        let mut answer = rename(&copy);
        if is(&answer, io::ErrorKind::CrossesDevices) && copy.is_none() {
            let made = Copy::make(from, target, folder, ready)?;
            key = made.key;
            copy = Some(made);
            answer = rename(&copy);
        }
        if is(&answer, io::ErrorKind::AlreadyExists) {
            if key_of(to).is_some_and(|existing| existing.is_same_file(&key)) {
                // It got this name by a link, in a run that ended before the first name was gone.
                answer = copy.as_ref().map_or(from, Copy::at).remove();
            } else if outcome == Outcome::Free && clash == Clash::Replace {
                outcome = match discard(target, folder, &name) {
                    Ok(()) => Outcome::Replaced,
                    Err(reason) => Outcome::NotReplaced { reason },
                };
                answer = rename(&copy);
            }
        }
        match answer {
            Ok(()) => {
                let elsewhere = copy.is_some();
                if let Some(copy) = copy {
                    copy.placed();
                    from.remove()?;
                }
                let placed = Placed { path: folder.path.join(&name), key, outcome };
                return Ok(InPlace { placed, folder: Arc::clone(folder), elsewhere });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if outcome == Outcome::Free {
                    outcome = Outcome::KeptBoth;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many files of that name"))
}

fn is(answer: &io::Result<()>, kind: io::ErrorKind) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == kind)
}

/// The key of a regular file, if it is one and can be opened.
fn key_of(at: At<'_>) -> Option<FileKey> {
    at.dir.symlink_metadata(at.name).ok().filter(cap_std::fs::Metadata::is_file)?;
    FileKey::of(&open_file(at.dir, at.name, OpenOptions::new().read(true)).ok()?).ok()
}

/// Moves a file of the target to the system's trash, which only takes paths. That the path leads to the very file is looked at
/// just before; that it is gone, just after.
fn discard(target: &Target, folder: &Folder, name: &OsStr) -> Result<(), String> {
    let held = key_of(At { dir: &folder.dir, name }).ok_or("it is not a file that can be read")?;
    let path = target.path().join(&folder.path).join(name);
    if !FileKey::at(&path).is_ok_and(|found| found.is_same_file(&held)) {
        return Err("it was moved meanwhile".to_owned());
    }
    #[cfg_attr(not(target_os = "macos"), allow(unused_mut))]
    let mut trash = trash::TrashContext::new();
    #[cfg(target_os = "macos")]
    {
        // The other way asks the Finder, which a machine without a screen does not run.
        use trash::macos::{DeleteMethod, TrashContextExtMacos};
        trash.set_delete_method(DeleteMethod::NsFileManager);
    }
    trash.delete(&path).map_err(|error| error.to_string())
}

/// A file on its way to another filesystem: a mount point, or a subvolume, inside the target. It is copied beside its final name,
/// since only there a rename is one step.
struct Copy<'a> {
    dir: &'a Dir,
    name: OsString,
    key: FileKey,
    placed: bool,
}

impl<'a> Copy<'a> {
    fn make(from: At<'_>, target: &Target, folder: &'a Folder, ready: &Ready<'_>) -> io::Result<Self> {
        let (dir, name) = (&folder.dir, target.temporary_name(ready.entry));
        let mut source = open_file(from.dir, from.name, OpenOptions::new().read(true))?;
        if let Err(error) = dir.remove_file(&name)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = open_file(dir, &name, OpenOptions::new().read(true).write(true).create_new(true))?;
        // From here on it is removed again when something fails.
        let mut copy = Self { dir, name, key: FileKey::of(&file)?, placed: false };
        io::copy(&mut source, &mut file)?;
        dress(&file, &target.path().join(&folder.path).join(&copy.name), ready);
        file.sync_all()?;
        copy.key = FileKey::of(&file)?;
        Ok(copy)
    }

    fn at(&self) -> At<'_> {
        At { dir: self.dir, name: &self.name }
    }

    fn placed(mut self) {
        self.placed = true;
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = self.at().remove()
        {
            tracing::warn!(%error, name = %self.name.display(), "a copy that was not finished is left behind");
        }
    }
}
