//! The engine: drives [`shoal_proto`] on tokio. Identity, discovery, connections, transfers, store.
//!
//! No terminal and no window here. A host makes a [`Config`], starts an [`Engine`], calls its methods and listens to its
//! [`Event`]s; state comes back by that road only.

#![warn(missing_docs)]

mod batched_socket;
mod bench;
mod config;
mod congestion;
mod connection;
mod device;
mod discovery;
mod endpoint;
mod engine;
mod error;
mod event;
mod greeting;
mod health;
mod identity;
mod links;
#[cfg(feature = "micro")]
#[doc(hidden)]
pub mod micro;
mod net_thread;
mod settings;
mod share;
mod shares;
mod store;
mod stream;
mod swarm;
mod tasks;
mod tickets;
mod tls;
mod transfer;
mod verify;

pub use bench::{Bench, Disk, Limit, Network, Processor};
pub use config::{AbstractSocket, AcceptRule, Config, DEFAULT_PORT};
pub use device::{Device, Path, Trust, Via};
pub use engine::{Engine, Events};
pub use error::{
    BenchError, LookError, ReachError, SendError, SettingsError, ShareError, StartError, TicketError, TransferError, TrustError,
};
pub use event::{Event, Snapshot};
pub use health::HealthNote;
pub use settings::{Interface, Settings, SettingsChange};
pub use share::{
    FileVersion, MAX_READ, NewShare, OwnShare, PeerFound, Picture, Risk, ShareChange, SharedBytes, Thumbnailer, Watching,
};
pub use shoal_proto::ticket::{ParseTicketError, ParseTrackerError, Tracker};
pub use shoal_proto::{
    Media, PeerId, RelativePath, Ticket,
    display::shown,
    message::{Colour, Platform, TransferId},
    sas::Sas,
    share::{
        Changed, Hit, Holds, Item, ItemKind, Kind, List, Matching, Name, Order, OrderBy, Page, Search, Share, Text, Watch,
        rights::{Access, Audience, Rights},
    },
};
pub use store::disk::free_space;
pub use tickets::{NewTicket, OwnTicket, TicketId};
pub use transfer::{
    Cause, Consent, Direction, Limits, Outgoing, OutgoingContent, Received, ReceivedFile, State, Transfer,
    entries::{EntryPage, EntryQuery, ListedEntry},
    standing::EntryState,
};
