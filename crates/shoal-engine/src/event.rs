//! What an engine tells its front ends, and the picture they start from.

use crate::{Device, OwnTicket, Settings, share::PeerFound, transfer::Transfer};
use shoal_proto::{PeerId, message::TransferId, sas::Sas};
use std::time::Duration;

/// A change. Front ends that lag get [`Event::Lagged`] and take a fresh [`Snapshot`].
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A device appeared or its row changed.
    Device(Device),
    /// A device's row is gone.
    DeviceGone(PeerId),
    /// An offer was made by us, or came in and waits for an answer.
    Offered(Transfer),
    /// A transfer changed its state; not for mere progress.
    Transfer(Transfer),
    /// How far a transfer is; at most ten a second for each.
    Progress(Transfer),
    /// A transfer ended well (some files may have failed; the row says so).
    Finished {
        /// Its last picture.
        transfer: Transfer,
        /// From consent to the end.
        took: Duration,
    },
    /// A transfer stopped and goes on when it can.
    Interrupted {
        /// Which.
        transfer: TransferId,
        /// Why, in words.
        reason: String,
    },
    /// A transfer failed for good, was declined or cancelled; the row says which.
    Failed {
        /// Its last picture.
        transfer: Transfer,
        /// What happened and what to do, in words.
        error: String,
    },
    /// An ended transfer left the history.
    TransferGone(TransferId),
    /// The other end asks to compare short authentication strings.
    Verifying {
        /// Who.
        peer: PeerId,
        /// What both screens must show.
        sas: Sas,
    },
    /// A search found something.
    Found {
        /// Which search.
        search: u64,
        /// Its name, safe to print.
        peer_name: String,
        /// What.
        found: PeerFound,
    },
    /// A search is over.
    Searched {
        /// Which.
        search: u64,
    },
    /// A watched folder is as this revision of its pages has it.
    FolderChanged {
        /// Which watch.
        watch: u64,
        /// The revision.
        revision: u64,
    },
    /// A watch is over.
    WatchEnded {
        /// Which.
        watch: u64,
        /// Its device is in reach and does not share the folder any more; otherwise it went away, or the watch was ended here.
        gone: bool,
    },
    /// How far the making of a ticket is; at most ten a second.
    MakingTicket {
        /// Which.
        making: u64,
        /// Bytes looked at.
        bytes_done: u64,
        /// Bytes in all.
        bytes: u64,
    },
    /// A ticket was made.
    TicketMade {
        /// Which.
        making: u64,
        /// The ticket.
        ticket: OwnTicket,
    },
    /// A ticket was not made.
    TicketFailed {
        /// Which.
        making: u64,
        /// Why, in words.
        error: String,
    },
    /// Own tickets came, went or were used.
    TicketsChanged,
    /// Settings or limits changed, by whomever; or the network interfaces, which are among them.
    Settings(Settings),
    /// Events were lost; take a snapshot.
    Lagged,
}

/// Everything a front end shows, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// This device.
    pub id: PeerId,
    /// Its name.
    pub name: String,
    /// Devices known and in reach.
    pub devices: Vec<Device>,
    /// Transfers that are not over, offers among them, and the recent ones that are.
    pub transfers: Vec<Transfer>,
}
