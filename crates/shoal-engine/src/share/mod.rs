//! Folders that this device shares, and looking into those of others. What is said on the wire: [`shoal_proto::share`].
//!
//! * `filter`: what of a folder is shared at all; `risk`: what a person should hear before it is.
//! * `kept`: a share's folder and index; `index`: what is in it, listed and searched without the disk.
//! * `table`: the shares of this device and who gets at them; `own`: how its owner sees them.
//! * `serve`: answers what peers ask; `ask`, `watching`: ask them.
//! * `views`: files of others that are looked at, a part at a time; `ahead`: what was asked for ahead.
//! * `thumbnails`: small pictures of images.
//! * `keeper`, `work`, `watcher`, `hashing`, `calm`: keep the indexes up to date, on a thread of their own.
//! * `listing`: pages of folders, from the index or, before that is ready, from the disk.
//!
//! Opening beneath a share without ever leaving it is [`crate::store::beneath`].

#[cfg(test)]
mod adding_tests;
mod ahead;
pub(crate) mod ask;
#[cfg(test)]
mod bounds_tests;
pub(crate) mod calm;
mod filter;
mod hashing;
#[cfg(test)]
mod holders_tests;
mod index;
mod keeper;
mod kept;
mod listing;
#[cfg(test)]
mod million_tests;
mod own;
#[cfg(test)]
mod peers_tests;
mod risk;
pub(crate) mod serve;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod thumbnails;
#[cfg(test)]
mod timing_tests;
pub(crate) mod views;
#[cfg(test)]
mod views_tests;
mod watcher;
mod watching;
#[cfg(test)]
mod watching_tests;
mod work;

pub use ask::PeerFound;
pub use own::{NewShare, OwnShare, ShareChange};
pub use risk::Risk;
pub use thumbnails::{Picture, Thumbnailer};
pub use views::{FileVersion, MAX_READ, SharedBytes};
pub use watching::Watching;
