//! This device's key: made once, kept in the data folder, never shown. What others may know of it is the [`PeerId`].
//!
//! Leaves out: who else holds which key (the table of devices) and how a key is proved (`tls`).

use crate::StartError;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use shoal_proto::{PeerId, swarm::message::Signature};
use std::{
    fmt, fs,
    io::{self, Read, Write},
    path::Path,
};

/// Name of the key's file in the data folder: an Ed25519 key as PKCS#8 v2 (RFC 8410), in DER.
const KEY_FILE: &str = "identity.key";

/// Where the key is written before it gets its name, so that a crash leaves no half key under [`KEY_FILE`].
const NEW_KEY_FILE: &str = "identity.key.new";

/// Longest key file that is read, in bytes; a key has 83.
const MAX_KEY_LEN: u64 = 4096;

/// This device's key pair.
pub(crate) struct Identity {
    pkcs8: Vec<u8>,
    peer_id: PeerId,
}

impl Identity {
    /// Reads the key in `data_dir`, or makes one, and the folder too, when there is none. A key file that others may read is
    /// shut to them, with a warning.
    ///
    /// # Errors
    /// [`StartError::Key`] when there is a file that is no key, [`StartError::DataDir`] when none can be made.
    pub(crate) fn load_or_create(data_dir: &Path) -> Result<Self, StartError> {
        let path = data_dir.join(KEY_FILE);
        match read_private(&path) {
            Ok(pkcs8) => Self::from_pkcs8(pkcs8).ok_or(StartError::Key(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(data_dir),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "the key cannot be read");
                Err(StartError::Key(path))
            }
        }
    }

    /// A key that is kept nowhere.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn ephemeral() -> io::Result<Self> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| io::Error::other("the system gives no random bytes"))?;
        Self::from_pkcs8(pkcs8.as_ref().to_vec()).ok_or_else(|| io::Error::other("a new key does not read back"))
    }

    /// Who this device is.
    pub(crate) fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The private key, for TLS.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// A secret for one purpose that is the same after each start. `label` names the purpose.
    pub(crate) fn derive(&self, label: &[u8]) -> hmac::Key {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.pkcs8), label);
        hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref())
    }

    /// A pen for texts that this device signs: each kind begins in its own way, and none as one of TLS does.
    ///
    /// # Errors
    /// The key does not read back.
    pub(crate) fn pen(&self) -> io::Result<Pen> {
        Ed25519KeyPair::from_pkcs8(&self.pkcs8).map(Pen).map_err(|_| io::Error::other("the key does not read back"))
    }

    fn create(data_dir: &Path) -> Result<Self, StartError> {
        let failed = |error: io::Error| StartError::DataDir { path: data_dir.to_owned(), reason: error.to_string() };
        let identity = Self::ephemeral().map_err(failed)?;
        fs::create_dir_all(data_dir).map_err(failed)?;
        write_private(data_dir, &identity.pkcs8).map_err(failed)?;
        Ok(identity)
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pkcs8, peer_id: PeerId::from_public_key(public) })
    }
}

/// Signs.
#[derive(Debug)]
pub(crate) struct Pen(Ed25519KeyPair);

impl Pen {
    pub(crate) fn sign(&self, text: &[u8]) -> Signature {
        let mut halves = [[0; 32]; 2];
        let signature = self.0.sign(text);
        halves.as_flattened_mut().iter_mut().zip(signature.as_ref()).for_each(|(to, from)| *to = *from);
        Signature(halves)
    }
}

/// Whether it is this peer who signed a text.
pub(crate) fn is_signed_by(peer: PeerId, text: &[u8], signature: &Signature) -> bool {
    UnparsedPublicKey::new(&ED25519, peer.as_bytes()).verify(text, signature.0.as_flattened()).is_ok()
}

/// Shows the id alone: a key in a log is a key lost.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("peer_id", &self.peer_id).finish_non_exhaustive()
    }
}

fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    close_to_others(&file, path)?;
    let mut bytes = Vec::new();
    file.take(MAX_KEY_LEN).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn close_to_others(file: &fs::File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = file.metadata()?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), "others could read the key; now they cannot");
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Windows: the data folder lies in the user's profile, whose access list is inherited.
#[cfg(not(unix))]
fn close_to_others(_file: &fs::File, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// Durable before it has its name: the device must not become another one by a crash.
fn write_private(data_dir: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = data_dir.join(NEW_KEY_FILE);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, data_dir.join(KEY_FILE))?;
    // Windows has no handle on a folder to sync; NTFS journals the rename.
    #[cfg(unix)]
    fs::File::open(data_dir)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_stays_the_same_across_starts() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("not/there/yet");
        let first = Identity::load_or_create(&folder).unwrap();
        let second = Identity::load_or_create(&folder).unwrap();
        assert_eq!(first.peer_id(), second.peer_id());
        assert_eq!(first.derive(b"a").algorithm(), second.derive(b"a").algorithm());
        assert_eq!(hmac::sign(&first.derive(b"a"), b"x").as_ref(), hmac::sign(&second.derive(b"a"), b"x").as_ref());
        assert_ne!(hmac::sign(&first.derive(b"a"), b"x").as_ref(), hmac::sign(&first.derive(b"b"), b"x").as_ref());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Identity::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Identity::load_or_create(dir.path()).unwrap();
        assert_eq!(mode(), 0o600);
    }

    /// A new key would silently make this a new device to everyone who verified it.
    #[test]
    fn a_damaged_key_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        Identity::load_or_create(dir.path()).unwrap();
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for damaged in [&b""[..], b"not a key", &good[..good.len() - 1], &flipped] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(Identity::load_or_create(dir.path()), Err(StartError::Key(at)) if at == path));
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
    }

    #[test]
    fn a_crash_before_the_rename_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NEW_KEY_FILE), b"half a k").unwrap();
        Identity::load_or_create(dir.path()).unwrap();
        assert!(!dir.path().join(NEW_KEY_FILE).exists());
    }

    #[test]
    fn debug_shows_no_key() {
        let identity = Identity::ephemeral().unwrap();
        let text = format!("{identity:?}");
        assert_eq!(text, format!("Identity {{ peer_id: {}, .. }}", identity.peer_id().short()));
    }
}
