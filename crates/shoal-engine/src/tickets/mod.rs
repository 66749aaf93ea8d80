//! Tickets: own ones, kept, proved and given for; and fetching by those of others. On screens they are links.
//!
//! * `table`: the tickets that this device made, and which of them a proof is of.
//! * `rooted`: hashing what a ticket is to be of.
//! * `serve`: answering whoever opens one.
//! * `enter`: giving to all who have one, and what was fetched by one.
//! * `ask`: opening one.
//! * `face`: what the engine offers of all that.
//!
//! Leaves out how content moves, which is the business of `transfer`; there a transfer by a ticket is bound to it, and asks for the right to go on
//! ([`crate::transfer::shared::ShareRights`]). What travels is in [`shoal_proto::ticket`].

mod ask;
mod enter;
#[cfg(test)]
mod enter_tests;
mod face;
mod rooted;
mod serve;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use ask::Opener;
pub(crate) use face::watch_tickets;
pub(crate) use serve::Giver;
pub(crate) use table::Tickets;

use shoal_proto::{Ticket, ticket::Tracker};
use std::{fmt, path::PathBuf, time::SystemTime};

/// One of the tickets that this device made, for its owner. Random; it says nothing of the ticket and travels nowhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(pub(crate) [u8; 16]);

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a ticket is to be of.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// Files and folders, folders whole.
    pub paths: Vec<PathBuf>,
    /// It is good only for devices on the network around this one.
    pub lan_only: bool,
    /// Where else holders may be asked for.
    pub trackers: Vec<Tracker>,
    /// When it ends; `None`: when it is removed.
    pub expires: Option<SystemTime>,
}

/// A ticket that this device made.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnTicket {
    /// To name it by.
    pub id: TicketId,
    /// What is handed on, with the addresses of now.
    pub ticket: Ticket,
    /// The first file's or folder's name, safe to print.
    pub name: String,
    /// Number of files.
    pub files: u32,
    /// Sum of their sizes, in bytes.
    pub bytes: u64,
    /// Where they are.
    pub paths: Vec<PathBuf>,
    /// When it was made.
    pub created: SystemTime,
    /// How often somebody took something.
    pub used: u64,
    /// Somebody wanted a file that is no longer the one it was: that one is not given any more.
    pub is_outdated: bool,
}
