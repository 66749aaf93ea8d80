//! What moves now, kept up to date from events: enough for a tray and for staying awake.

use shoal_api::{Direction, Event, State, Transfer};
use std::collections::{HashMap, VecDeque};

/// Most transfers that are over and of whose end nothing was heard yet.
const MAX_ENDED: usize = 64;

/// Transfers by what was heard of them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Those that are not over: as many as the engine keeps open.
    open: HashMap<String, Transfer>,
    /// Those that ended last: a row says that it is over before an event says how.
    ended: VecDeque<Transfer>,
}

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
            self.open = open.map(|row| (row.transfer.clone(), row.clone())).collect();
            self.ended.clear();
            return None;
        }
        let id = event.transfer()?;
        let mut row = self.take(id);
        if let Event::Offered { row: new, .. } | Event::Transfer(new) = event {
            row.get_or_insert_with(|| new.clone());
        }
        let mut row = row?;
        row.hear(event);
        match event {
            Event::TransferGone { .. } => {}
            Event::Finished { .. } | Event::Failed { .. } if row.state.is_over() => {}
            _ => self.keep(row.clone()),
        }
        Some(row)
    }

    fn take(&mut self, id: &str) -> Option<Transfer> {
        self.open.remove(id).or_else(|| {
            let place = self.ended.iter().position(|row| row.transfer == id)?;
            self.ended.remove(place)
        })
    }

    fn keep(&mut self, row: Transfer) {
        if !row.state.is_over() {
            self.open.insert(row.transfer.clone(), row);
            return;
        }
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(row);
    }

    /// Ids of the transfers in one state.
    pub(crate) fn in_state(&self, state: State) -> Vec<String> {
        self.open.values().filter(|row| row.state == state).map(|row| row.transfer.clone()).collect()
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for row in self.open.values() {
            summary.moving += usize::from(row.state == State::Active);
            summary.paused += usize::from(row.state == State::Paused);
            summary.offers += usize::from(row.is_open_offer());
            if row.state == State::Active {
                match row.direction {
                    Direction::Send => summary.up += row.rate,
                    Direction::Receive | Direction::Fetch => summary.down += row.rate,
                }
            }
        }
        summary
    }
}
