//! Where the socket of a data folder is, and how it comes to be there for its owner alone.
//!
//! On Unix it is `control.sock` in the data folder. A socket's path holds about a hundred bytes on every system; when the data
//! folder lies deeper, the socket lies in a folder of its own under the runtime or temporary folder, and `control.path` in the
//! data folder names it. A named pipe on Windows has a random name that `control.path` holds: who cannot read the data folder
//! cannot wait there in our place.

use interprocess::local_socket::{
    GenericFilePath, GenericNamespaced, Name, ToFsName, ToNsName,
    tokio::{Listener, Stream, prelude::*},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The socket.
const SOCKET: &str = "control.sock";

/// Names the socket, where it is not [`SOCKET`].
const POINTER: &str = "control.path";

/// How every folder and pipe elsewhere begins; nothing else is ever removed there.
const ELSEWHERE: &str = "shoal-";

/// Longest path of a socket that every Unix takes: 104 bytes with the final NUL on macOS.
const MAX_SOCKET_PATH: usize = 103;

/// A socket that listens; gone from the disk when dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) listener: Listener,
    /// Files and folders to remove at the end, in this order.
    leftovers: Vec<PathBuf>,
}

impl Place {
    /// Takes the place of whatever a dead engine left: the data folder's lock is ours, so no other engine lives.
    pub(super) fn take(data_dir: &Path) -> io::Result<Self> {
        clear(data_dir)?;
        if cfg!(windows) {
            let pointer = data_dir.join(POINTER);
            let name = format!("{ELSEWHERE}{:032x}", rand::random::<u128>());
            let listener = listen(name.as_str().to_ns_name::<GenericNamespaced>()?)?;
            fs::write(&pointer, &name)?;
            return Ok(Self { listener, leftovers: vec![pointer] });
        }
        let socket = data_dir.join(SOCKET);
        if socket.as_os_str().len() <= MAX_SOCKET_PATH {
            let listener = listen_at(&socket)?;
            return Ok(Self { listener, leftovers: vec![socket] });
        }
        let folder = private_folder()?;
        let socket = folder.join(SOCKET);
        let pointer = data_dir.join(POINTER);
        let listener = listen_at(&socket)?;
        // The socket's path is made by us of plain characters under a folder that the environment names.
        fs::write(&pointer, socket.as_os_str().as_encoded_bytes())?;
        Ok(Self { listener, leftovers: vec![socket, folder, pointer] })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for path in &self.leftovers {
            if let Err(error) = remove(path) {
                tracing::debug!(path = %path.display(), %error, "a control socket's remains stay");
            }
        }
    }
}

/// Connects to the engine of a data folder; `NotFound` or `ConnectionRefused` when none runs.
pub(super) async fn connect(data_dir: &Path) -> io::Result<Stream> {
    match pointed(data_dir)? {
        Some(name) if cfg!(windows) => Stream::connect(name.to_ns_name::<GenericNamespaced>()?).await,
        Some(path) => Stream::connect(PathBuf::from(path).to_fs_name::<GenericFilePath>()?).await,
        None if cfg!(windows) => Err(io::ErrorKind::NotFound.into()),
        None => {
            let socket = data_dir.join(SOCKET);
            if socket.as_os_str().len() > MAX_SOCKET_PATH {
                return Err(io::ErrorKind::NotFound.into());
            }
            Stream::connect(socket.to_fs_name::<GenericFilePath>()?).await
        }
    }
}

/// What [`POINTER`] says.
fn pointed(data_dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(data_dir.join(POINTER)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes what an engine that was killed left behind.
fn clear(data_dir: &Path) -> io::Result<()> {
    if let Some(path) = pointed(data_dir)?.map(PathBuf::from) {
        let folder = path.parent().filter(|folder| folder.file_name().is_some_and(is_elsewhere));
        if let (Some(folder), false) = (folder, cfg!(windows)) {
            remove(&path)?;
            remove(folder)?;
        }
        remove(&data_dir.join(POINTER))?;
    }
    remove(&data_dir.join(SOCKET))
}

fn is_elsewhere(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(ELSEWHERE.as_bytes())
}

/// Removes a file or an empty folder; one that is not there is fine.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(unix)]
fn private_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;

    let parent = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir());
    let folder = parent.unwrap_or_else(std::env::temp_dir).join(format!("{ELSEWHERE}{:016x}", rand::random::<u64>()));
    // Fails when the name exists, so nobody can have made it for us.
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

#[cfg(not(unix))]
fn private_folder() -> io::Result<PathBuf> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn listen_at(socket: &Path) -> io::Result<Listener> {
    use std::os::unix::fs::PermissionsExt;

    let listener = listen(socket.to_fs_name::<GenericFilePath>()?)?;
    // Where the mode could not be set before binding (macOS), a socket made under any usual umask is closed to others already.
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(not(unix))]
fn listen_at(socket: &Path) -> io::Result<Listener> {
    listen(socket.to_fs_name::<GenericFilePath>()?)
}

/// Listens with the mode set before the name exists, where the system can.
#[cfg(unix)]
fn listen(name: Name<'_>) -> io::Result<Listener> {
    use interprocess::{local_socket::ListenerOptions, os::unix::local_socket::ListenerOptionsExt};

    // Our own clean-up also covers the folder around the socket.
    let listener = ListenerOptions::new().name(name.borrow()).reclaim_name(false).mode(0o600).create_tokio();
    match listener {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            ListenerOptions::new().name(name).reclaim_name(false).create_tokio()
        }
        listener => listener,
    }
}

/// Listens on a pipe that only its owner and the system may open.
#[cfg(windows)]
fn listen(name: Name<'_>) -> io::Result<Listener> {
    use interprocess::{
        local_socket::ListenerOptions,
        os::windows::{local_socket::ListenerOptionsExt, security_descriptor::SecurityDescriptor},
    };

    // Protected; everything for the owner (OW) and the local system (SY), nothing for anybody else.
    let owner_only = SecurityDescriptor::deserialize(widestring::u16cstr!("D:P(A;;GA;;;OW)(A;;GA;;;SY)"))?;
    ListenerOptions::new().name(name).security_descriptor(owner_only).create_tokio()
}
