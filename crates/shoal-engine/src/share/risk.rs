//! What a person should hear before a folder is shared.

use shoal_proto::share::rights::{Access, Audience, Rights};
use std::{fmt, path::Path};

/// Folders that hold keys and passwords, as programs name them.
const OF_KEYS: [&str; 10] =
    [".ssh", ".gnupg", ".aws", ".kube", ".docker", ".password-store", ".mozilla", ".thunderbird", "Keychains", "keyrings"];

/// Folders of the system, with all that is in them.
const OF_THE_SYSTEM: [&str; 13] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var", "/System"];

/// Why sharing a folder may be unwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Risk {
    /// It is the whole drive.
    Drive,
    /// It is the home folder of this device's user, or above it.
    Home,
    /// It holds keys or passwords.
    Keys,
    /// It belongs to the system.
    System,
    /// Strangers may fill the drive.
    StrangersAdd,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drive => "this is the whole drive: everything on it can be read, share a folder in it instead",
            Self::Home => "this is a home folder: everything in it can be read, share a folder in it instead",
            Self::Keys => "this folder holds keys or passwords: whoever reads them can act in your name",
            Self::System => "this folder belongs to the system: what is in it can help somebody to break in",
            Self::StrangersAdd => "anybody nearby can add files here until the drive is full",
        })
    }
}

/// The risks of sharing `path`, which is absolute and without links; `hidden`: with hidden files.
pub(crate) fn risks(path: &Path, home: Option<&Path>, rights: &Rights, hidden: bool) -> Vec<Risk> {
    let mut risks = Vec::new();
    let is_drive = path.parent().is_none();
    if is_drive {
        risks.push(Risk::Drive);
    } else if home.is_some_and(|home| home.starts_with(path)) || is_of_homes(path) {
        risks.push(Risk::Home);
    }
    let is_of_keys = path.iter().any(|name| OF_KEYS.iter().any(|key| name == *key));
    if is_of_keys || hidden && OF_KEYS.iter().any(|name| path.join(name).is_dir()) {
        risks.push(Risk::Keys);
    }
    if OF_THE_SYSTEM.iter().any(|system| path.starts_with(system)) || is_of_windows(path) {
        risks.push(Risk::System);
    }
    if rights.audience == Audience::Everyone && rights.access == Access::ReadAndAdd {
        risks.push(Risk::StrangersAdd);
    }
    risks
}

/// `/home`, `/Users` and another user's folder in it.
fn is_of_homes(path: &Path) -> bool {
    let parent = path.parent().unwrap_or(path);
    ["/home", "/Users", "C:\\Users"].iter().any(|homes| path == Path::new(homes) || parent == Path::new(homes))
}

fn is_of_windows(path: &Path) -> bool {
    ["C:\\Windows", "C:\\Program Files", "C:\\Program Files (x86)", "C:\\ProgramData"]
        .iter()
        .any(|system| path.starts_with(system))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(path: &str, hidden: bool) -> Vec<Risk> {
        let rights = Rights { audience: Audience::Everyone, access: Access::Read, paused: false };
        risks(Path::new(path), Some(Path::new("/somewhere/ann")), &rights, hidden)
    }

    #[test]
    fn each_risk_is_told_and_an_ordinary_folder_has_none() {
        assert_eq!(of("/", false), [Risk::Drive]);
        for home in ["/somewhere/ann", "/somewhere", "/home", "/home/ben", "/Users/cy"] {
            assert_eq!(of(home, false), [Risk::Home], "{home}");
        }
        assert_eq!(of("/somewhere/ann/.ssh", false), [Risk::Keys]);
        assert_eq!(of("/somewhere/ann/.gnupg/private", false), [Risk::Keys]);
        assert_eq!(of("/etc", false), [Risk::System]);
        for plain in ["/somewhere/ann/Music", "/home/ben/Music", "/mnt/disk", "/srv/etc"] {
            assert_eq!(of(plain, true), [], "{plain}");
        }
        let rights = Rights { audience: Audience::Everyone, access: Access::ReadAndAdd, paused: false };
        assert_eq!(risks(Path::new("/srv/in"), None, &rights, false), [Risk::StrangersAdd]);
    }

    #[test]
    fn keys_inside_are_told_when_hidden_files_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".ssh")).unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!((of(path, false), of(path, true)), (vec![], vec![Risk::Keys]));
    }
}
