//! Files on the disk: what is read to be sent, where what arrives is written, and how it gets its final name.
//!
//! # Owns
//! - [`scan`] and [`source`]: what a person gave to send, walked and read without following a link that was not given.
//! - [`beneath`]: a folder that is shared, looked into without ever leaving it.
//! - [`names`]: the way back from names on this disk to those that travel.
//! - [`target`]: the folder chosen for a transfer, as a capability. Nothing is written outside it, whatever names a peer sends
//!   and whatever is swapped on the disk meanwhile.
//! - [`partial`]: bytes that have arrived but are not complete, in a hidden folder inside the target.
//! - [`commit`]: verified bytes become durable, then get their final name, and never the name of something that exists.
//! - [`database`]: what is remembered across restarts.
//! - [`sqlite`]: databases that can be thrown away.
//! - [`disk`]: what can go wrong, in one sentence for people.
//!
//! # Leaves out
//! Hashes and verification (`transfer`), how names that a system refuses are written ([`shoal_proto::mapping`]).
//!
//! Everything here is synchronous and blocks on the disk: call it from blocking threads. Every type is `Send + Sync`.

pub(crate) mod beneath;
pub(crate) mod commit;
pub(crate) mod database;
pub(crate) mod disk;
mod exact;
pub(crate) mod file_key;
mod folders;
mod found;
mod mark;
pub(crate) mod names;
pub(crate) mod partial;
mod place;
mod rename;
pub(crate) mod scan;
pub(crate) mod source;
pub(crate) mod sqlite;
mod sync;
pub(crate) mod target;
#[cfg(test)]
mod testing;
