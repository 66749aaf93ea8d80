//! What a host decides before it starts an engine.

use crate::{StartError, Thumbnailer};
use std::{
    fmt,
    fs::{File, TryLockError},
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The port that Shoal tries first, so that one firewall rule serves. Taken: any other.
pub const DEFAULT_PORT: u16 = 47474;

/// How an engine is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where key, database and control socket live; made when missing. One engine at a time.
    pub data_dir: PathBuf,
    /// What others see; `None`: the name kept from before, or the host's.
    pub name: Option<String>,
    /// Where accepted files go unless a consent says otherwise; `None`: the one kept from before, or the platform's downloads.
    pub inbox: Option<PathBuf>,
    /// Who is accepted without asking, this time; `None`: the rule kept from before, or nobody.
    pub accept: Option<AcceptRule>,
    /// The address to listen on; `None`: every one, IPv4 and IPv6.
    pub listen: Option<IpAddr>,
    /// The UDP port; `None`: [`DEFAULT_PORT`], or any when that is taken. A port asked for that is taken is an error.
    pub port: Option<u16>,
    /// Announce and look for devices by mDNS.
    pub mdns: bool,
    /// Shared files are hashed even while the machine is busy or on a battery; never while files move.
    pub hash_always: bool,
    /// Only addresses of the local network are dialled and answered.
    pub lan_only: bool,
    /// What makes thumbnails of shared images; `None`: there are none.
    pub thumbnailer: Option<Thumbnailer>,
    /// Tests: a simulated network in place of a UDP socket.
    #[doc(hidden)]
    pub socket: Option<AbstractSocket>,
}

/// A socket that is not the system's.
#[doc(hidden)]
#[derive(Clone)]
pub struct AbstractSocket(pub Arc<dyn quinn::AsyncUdpSocket>);

impl fmt::Debug for AbstractSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AbstractSocket")
    }
}

impl Config {
    /// Defaults for a data folder: what was set before, every interface, mDNS on.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            name: None,
            inbox: None,
            accept: None,
            listen: None,
            port: None,
            mdns: true,
            hash_always: false,
            lan_only: false,
            thumbnailer: None,
            socket: None,
        }
    }
}

/// Who is accepted without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptRule {
    /// Nobody.
    Ask,
    /// Verified devices.
    Verified,
    /// Everybody. For drop boxes that their owner watches.
    All,
}

/// A data folder that this process holds alone.
#[derive(Debug)]
pub(crate) struct DataDir {
    /// Locked for as long as it is open; the system lets go of it however the process ends.
    _lock: File,
}

impl DataDir {
    /// Makes the folder when missing, for its owner only, and takes its lock.
    ///
    /// # Errors
    /// [`StartError::Locked`], [`StartError::DataDir`].
    pub(crate) fn take(path: &Path) -> Result<Self, StartError> {
        let failed = |error: io::Error| StartError::DataDir { path: path.to_owned(), reason: error.to_string() };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
