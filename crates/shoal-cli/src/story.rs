//! A running engine's events as lines for people.

use crate::words;
use shoal_api::{Direction, Event, State, Transfer};
use std::collections::HashMap;

/// Tells events; remembers the rows of transfers that are not over, since later events name them by id only.
#[derive(Debug, Default)]
pub(crate) struct Story {
    rows: HashMap<String, Transfer>,
    /// Devices that were online when last heard of.
    online: HashMap<String, bool>,
}

impl Story {
    /// The row of a transfer that is not over.
    pub(crate) fn row(&self, id: &str) -> Option<&Transfer> {
        self.rows.get(id)
    }

    /// A line for an event, if it is worth one.
    pub(crate) fn tell(&mut self, event: &Event) -> Option<String> {
        let line = self.line(event);
        match event {
            Event::Offered { row, .. } | Event::Transfer(row) if !row.state.is_over() => {
                self.rows.insert(row.transfer.clone(), row.clone());
            }
            Event::Finished { transfer, .. } | Event::Failed { transfer, .. } => {
                self.rows.remove(transfer);
            }
            Event::Progress { transfer, .. } | Event::Interrupted { transfer, .. } => {
                if let Some(row) = self.rows.get_mut(transfer) {
                    row.hear(event);
                }
            }
            Event::Snapshot(snapshot) => {
                let open = snapshot.transfers.iter().filter(|row| !row.state.is_over());
                self.rows = open.map(|row| (row.transfer.clone(), row.clone())).collect();
            }
            _ => {}
        }
        line
    }

    fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Offered { row, .. } if row.is_open_offer() => Some(format!(
                "{} offers {}{}: `shoal accept {id}` or `shoal decline {id}`",
                row.peer_name(),
                row.name,
                in_brackets(row),
                id = words::short(&row.transfer),
            )),
            Event::Offered { row, .. } if row.direction == Direction::Send => {
                Some(format!("{}{} is offered to {}", row.name, in_brackets(row), row.peer_name()))
            }
            Event::Transfer(row) => {
                let before = self.rows.get(&row.transfer).map(|row| (row.state, row.awaits_answer));
                let changed = before != Some((row.state, row.awaits_answer));
                // Interruptions and ends have events of their own, with more to say.
                match row.state {
                    State::Active if changed => Some(match (row.direction, &row.added_to) {
                        (Direction::Send, Some(place)) => format!("{} goes to {} of {}", row.name, place, row.peer_name()),
                        (_, Some(place)) => format!("{} adds {} to {place}", row.peer_name(), row.name),
                        (Direction::Send, None) => format!("{} goes to {}", row.name, row.peer_name()),
                        (Direction::Receive | Direction::Fetch, None) => format!("{} comes from {}", row.name, row.peer_name()),
                    }),
                    State::Paused if changed => Some(format!("{} is {}", row.name, words::standing(row))),
                    _ => None,
                }
            }
            Event::Finished { transfer, files, bytes, seconds, files_failed, .. } => {
                let row = self.rows.get(transfer);
                let failed = if *files_failed > 0 {
                    format!(", {} failed", words::count((*files_failed).into(), "file"))
                } else {
                    String::new()
                };
                Some(match row {
                    Some(row @ Transfer { text: Some(text), direction: Direction::Receive, .. }) => {
                        format!("{} says: {}", row.peer_name(), words::text(text))
                    }
                    Some(row @ Transfer { added_to: Some(place), direction: Direction::Receive, .. }) => {
                        format!("{} added {} to {place}{failed}", row.peer_name(), words::count((*files).into(), "file"))
                    }
                    _ => format!(
                        "{} is done: {}, {} in {}{failed}",
                        self.name(transfer),
                        words::count((*files).into(), "file"),
                        words::size(*bytes),
                        words::time(seconds.ceil() as u64),
                    ),
                })
            }
            Event::Interrupted { transfer, reason } => {
                Some(format!("{} is interrupted and goes on by itself: {reason}", self.name(transfer)))
            }
            Event::Failed { transfer, error, state, .. } => Some(match state {
                // Whole sentences, with both names in them.
                State::Declined | State::Cancelled => error.clone(),
                _ => format!("{} failed: {error}", self.name(transfer)),
            }),
            Event::Verifying { sas, .. } => {
                Some(format!("another device compares with this one; both must show: {}  {}", sas.sas_digits, sas.sas_emoji))
            }
            Event::Device(device) => {
                let was = self.online.insert(device.id.clone(), device.online).unwrap_or(false);
                (was != device.online).then(|| {
                    let how = if device.online { "is here" } else { "is gone" };
                    format!("{} ({}, {}) {how}", device.name, words::short(&device.id), words::trust(device.trust))
                })
            }
            Event::DeviceGone { id } => {
                self.online.remove(id);
                None
            }
            Event::Offered { .. }
            | Event::Ready { .. }
            | Event::Progress { .. }
            | Event::TransferGone { .. }
            | Event::Found { .. }
            | Event::SearchedPeer { .. }
            | Event::Searched { .. }
            | Event::FolderChanged { .. }
            | Event::WatchEnded { .. }
            | Event::MakingLink { .. }
            | Event::LinkMade { .. }
            | Event::LinkFailed { .. }
            | Event::LinksChanged
            | Event::Settings(_)
            | Event::Lagged
            | Event::Snapshot(_) => None,
        }
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.rows.get(id).map_or_else(|| words::short(id), |row| row.name.as_str())
    }
}

/// ` (3 files, 1.2 GB)`
fn in_brackets(row: &Transfer) -> String {
    format!(" ({})", words::what(row))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A transfer that moves.
    pub(crate) fn row() -> Transfer {
        Transfer {
            transfer: "ab".repeat(16),
            direction: Direction::Send,
            peers: vec!["peer".into()],
            peer_names: vec!["Mira's laptop".into()],
            name: "holiday".into(),
            added_to: None,
            state: State::Active,
            files: 3,
            files_done: 0,
            files_failed: 0,
            bytes: 1_200_000_000,
            bytes_done: 0,
            bytes_moved: 0,
            rate: 84_000_000,
            eta_s: Some(170),
            error: None,
            code: None,
            awaits_answer: false,
            text: None,
            into: None,
            free: None,
            first_names: vec![],
            started: 0,
            since: 0,
        }
    }

    #[test]
    fn an_offer_is_told_with_the_command_that_answers_it() {
        let offer = Transfer { direction: Direction::Receive, state: State::Waiting, awaits_answer: true, ..row() };
        let line = Story::default().tell(&Event::Offered { peer: "peer".into(), row: offer });
        assert_eq!(
            line.as_deref(),
            Some("Mira's laptop offers holiday (3 files, 1.2 GB): `shoal accept abababab` or `shoal decline abababab`")
        );
    }

    #[test]
    fn an_end_is_told_by_name_and_forgotten() {
        let mut story = Story::default();
        assert_eq!(story.tell(&Event::Transfer(row())).as_deref(), Some("holiday goes to Mira's laptop"));
        assert_eq!(story.tell(&Event::Transfer(row())), None, "told once");
        let end =
            Event::Finished { transfer: row().transfer, files: 3, bytes: 1, bytes_moved: 1, seconds: 61.2, files_failed: 0 };
        assert_eq!(story.tell(&end).as_deref(), Some("holiday is done: 3 files, 1 B in 1 min"));
        assert!(story.rows.is_empty());
    }
}
