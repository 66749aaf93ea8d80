//! What was accepted from verified devices without asking, within the last 24 hours.
//!
//! What counts is what was accepted, from that moment on, whatever becomes of it: a sum of what arrived would let several offers in
//! side by side that are too much together, and would give back what a sender cancels, to be filled again without end.

use super::{Database, DatabaseError, as_sql};
use rusqlite::params;
use shoal_proto::PeerId;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The least that an entry, or a text, counts: a block of the disk, in bytes. Empty files and folders take room too.
const LEAST: u64 = 4096;

/// How long something counts.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

impl Database {
    /// Counts `entries` that hold `bytes` in all against the allowance of `peer`, if they fit into what is left of it at `now`; `false`: they do not, and
    /// nothing is counted. One step: of two offers at once the second finds the first counted. To the minute, at most one too long.
    pub(crate) fn spend(
        &self,
        peer: PeerId,
        entries: u32,
        bytes: u64,
        allowance: u64,
        now: SystemTime,
    ) -> Result<bool, DatabaseError> {
        let bytes = bytes.max(u64::from(entries).saturating_mul(LEAST));
        let minute = minute(now);
        let oldest = minute - as_sql(WINDOW.as_secs() / 60);
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM accepted_unasked WHERE minute < ?1", [oldest])?;
        // What is in the future, after the clock was set back, counts too.
        let sql = "SELECT coalesce(sum(bytes), 0) FROM accepted_unasked WHERE peer = ?1";
        let spent: i64 = transaction.query_row(sql, [peer.as_bytes()], |row| row.get(0))?;
        // So capped, the sum never leaves SQLite's integers.
        let fits = spent.unsigned_abs().saturating_add(bytes) <= allowance.min(i64::MAX.unsigned_abs());
        if fits {
            let sql = "INSERT INTO accepted_unasked (peer, minute, bytes) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (peer, minute) DO UPDATE SET bytes = bytes + excluded.bytes";
            transaction.execute(sql, params![peer.as_bytes(), minute, as_sql(bytes)])?;
        }
        transaction.commit()?;
        Ok(fits)
    }
}

fn minute(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    as_sql(since.as_secs() / 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::thread;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const MINUTE: Duration = Duration::from_secs(60);

    fn peer(key: u8) -> PeerId {
        PeerId::from_public_key([key; 32])
    }

    /// Some moment within a minute.
    fn noon() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_007)
    }

    #[test]
    fn what_was_accepted_counts_for_24_hours_and_for_its_own_device_only() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let spend = |key, bytes, at| database.spend(peer(key), 0, bytes, 100, at).unwrap();
        assert!(!spend(1, 101, noon()), "more than the allowance at once");
        assert!(spend(1, 60, noon()) && spend(1, 30, noon() + MINUTE));
        assert!(!spend(1, 11, noon() + MINUTE), "what does not fit");
        assert!(spend(1, 10, noon() + MINUTE), "and was not counted");
        assert!(spend(2, 100, noon() + MINUTE), "another device");
        assert!(!spend(1, 1, noon() + DAY - MINUTE));
        assert!(spend(1, 60, noon() + DAY + MINUTE), "the first 60 are a day old");
        assert!(!spend(1, 1, noon() + DAY + MINUTE), "the others are not");
        assert!(spend(1, 40, noon() + DAY + 2 * MINUTE));
        assert!(spend(1, 0, noon() + DAY + 2 * MINUTE));
    }

    /// A million of them would cost nothing otherwise.
    #[test]
    fn what_is_empty_counts_as_what_it_takes_of_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let spend = |entries, bytes| database.spend(peer(1), entries, bytes, 10 * LEAST, noon()).unwrap();
        assert!(!spend(11, 0));
        assert!(spend(8, 0) && spend(1, 1));
        assert!(!spend(2, 0) && !spend(1, LEAST + 1));
        assert!(spend(1, LEAST) && !spend(1, 0));
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_back() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        assert!(database.spend(peer(1), 0, 100, 100, noon()).unwrap());
        assert!(!database.spend(peer(1), 0, 1, 100, noon() - 3 * DAY).unwrap());
    }

    #[test]
    fn the_sum_survives_a_restart_and_no_number_overflows_it() {
        let folder = tempfile::tempdir().unwrap();
        let spend =
            |bytes, allowance| Database::open(folder.path()).unwrap().spend(peer(1), 0, bytes, allowance, noon()).unwrap();
        assert!(spend(60, 100) && !spend(60, 100));
        assert!(!spend(u64::MAX, u64::MAX));
        assert!(spend(i64::MAX as u64 - 60, u64::MAX) && !spend(1, u64::MAX));
    }

    #[test]
    fn of_offers_at_once_only_those_that_fit_together_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let fits = thread::scope(|scope| {
            let offers: Vec<_> = (0..16).map(|_| scope.spawn(|| database.spend(peer(1), 0, 30, 100, noon()).unwrap())).collect();
            offers.into_iter().map(|offer| offer.join().unwrap()).filter(|fits| *fits).count()
        });
        assert_eq!(fits, 3);
    }
}
