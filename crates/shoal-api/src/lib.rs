//! What a front end can ask of an engine and what it hears: one list of [`Request`]s, [`Reply`]s and [`Event`]s.
//!
//! Owns the front-end types, their JSON and their TypeScript, the one place where engine types become front-end types
//! ([`mod@rows`]), and the road to an engine that already runs ([`control`]). Leaves out what is shown, and how.
//!
//! JSON field names are a contract with scripts: nothing here is renamed, more may be added.

#![warn(missing_docs)]

mod bench;
mod bytes_text;
pub mod control;
mod entries;
mod event;
mod failure;
mod handle;
mod health;
mod host;
mod link;
mod looking;
pub mod media;
pub mod query;
mod request;
pub mod rows;
mod settings;
mod shares;
mod tickets;

pub use bench::{Bench, Bottleneck, Limit, Measure};
pub use bytes_text::Base64;
pub use entries::{Entry, EntryRange, EntryState};
pub use event::{Event, Feed};
pub use failure::{Code, Failure};
pub use handle::{handle, received};
pub use health::{HealthCode, HealthNote};
pub use host::{Host, Subscription, default_data_dir};
pub use link::{ParsePeerLinkError, PeerLink};
pub use request::{Content, Reply, Request};
pub use rows::{Device, DevicePath, Direction, Identity, Limits, Offer, Platform, Sas, Snapshot, State, Transfer, Trust, Via};
pub use settings::{Accept, Interface, Settings, SettingsChange};
pub use shares::{FoundItem, Item, ItemSort, MediaKind, OwnShare, RiskCode, SearchKind, ShareChange, ShareRisk, SortBy};
pub use shoal_engine::{AcceptRule, Config, Engine, Received, ReceivedFile, StartError, Thumbnailer, free_space};
pub use tickets::{LinkText, OwnLink};

#[cfg(test)]
mod bindings;
#[cfg(test)]
mod shapes;
