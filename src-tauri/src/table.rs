//! What moves now, kept up to date from events: enough for a tray and for staying awake.

use shoal_api::{Direction, Event, State, Transfer};
use std::collections::HashMap;

/// The transfers that are not over. As many as the engine keeps open.
#[derive(Debug, Default)]
pub(crate) struct Table(HashMap<String, Transfer>);

/// The table in a few figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Transfers whose bytes move.
    pub(crate) moving: usize,
    /// Transfers that are paused.
    pub(crate) paused: usize,
    /// Offers that wait for an answer here.
    pub(crate) offers: usize,
    /// Bytes a second.
    pub(crate) up: u64,
    /// Bytes a second.
    pub(crate) down: u64,
}

impl Table {
    /// Brings the table up to date and returns the row that the event is about, as it is after it.
    pub(crate) fn hear(&mut self, event: &Event) -> Option<Transfer> {
        if let Event::Snapshot(snapshot) = event {
            let open = snapshot.transfers.iter().filter(|row| !row.state.is_over());
            self.0 = open.map(|row| (row.transfer.clone(), row.clone())).collect();
            return None;
        }
        if let Event::Offered { row, .. } | Event::Transfer(row) = event {
            self.0.entry(row.transfer.clone()).or_insert_with(|| row.clone());
        }
        let id = event.transfer()?;
        let row = self.0.get_mut(id)?;
        row.hear(event);
        let row = row.clone();
        if row.state.is_over() || matches!(event, Event::TransferGone { .. }) {
            self.0.remove(id);
        }
        Some(row)
    }

    /// Ids of the transfers in one state.
    pub(crate) fn in_state(&self, state: State) -> Vec<String> {
        self.0.values().filter(|row| row.state == state).map(|row| row.transfer.clone()).collect()
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for row in self.0.values() {
            summary.moving += usize::from(row.state == State::Active);
            summary.paused += usize::from(row.state == State::Paused);
            summary.offers += usize::from(row.is_open_offer());
            if row.state == State::Active {
                match row.direction {
                    Direction::Send => summary.up += row.rate,
                    Direction::Receive => summary.down += row.rate,
                }
            }
        }
        summary
    }
}
