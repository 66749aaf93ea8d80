//! Own shares as front ends see and change them.

use super::risk::Risk;
use shoal_proto::share::{
    Holds,
    rights::{Audience, Rights},
};
use std::path::PathBuf;

/// A folder to share.
#[derive(Debug, Clone)]
pub struct NewShare {
    /// Which.
    pub path: PathBuf,
    /// What others see; `None`: the folder's own name, with a number when that is taken.
    pub name: Option<String>,
    /// Whom it is for.
    pub audience: Audience,
    /// They may add files.
    pub may_add: bool,
    /// Hidden and system files are shared, too.
    pub hidden: bool,
    /// Patterns of what is not shared, as lines of a `.gitignore`.
    pub ignored: Vec<String>,
}

/// What is to be another from now on; `None`: it stays.
#[derive(Debug, Clone, Default)]
pub struct ShareChange {
    /// What others see.
    pub name: Option<String>,
    /// Whom it is for.
    pub audience: Option<Audience>,
    /// They may add files.
    pub may_add: Option<bool>,
    /// For nobody, for the time being.
    pub paused: Option<bool>,
    /// Hidden and system files are shared, too.
    pub hidden: Option<bool>,
    /// Patterns of what is not shared.
    pub ignored: Option<Vec<String>>,
}

/// A folder that this device shares.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnShare {
    /// What others see; unique on this device.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Who may do what.
    pub rights: Rights,
    /// Hidden and system files are shared, too.
    pub hidden: bool,
    /// Patterns of what is not shared.
    pub ignored: Vec<String>,
    /// What is in it, as far as it was read.
    pub holds: Holds,
    /// Everything was read.
    pub indexed: bool,
    /// The folder is there now: drives come and go.
    pub is_there: bool,
    /// Why sharing it may be unwise.
    pub risks: Vec<Risk>,
}
