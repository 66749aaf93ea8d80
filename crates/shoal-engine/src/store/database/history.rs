//! Ended transfers, and what sending ones gave.

use super::{Database, DatabaseError, FileFailure, forms::failure_word};
use rusqlite::params;
use shoal_proto::{RangeSet, message::TransferId};
use std::collections::BTreeMap;

impl Database {
    /// Forgets a transfer with everything about it.
    pub(crate) fn remove_transfer(&self, id: TransferId) -> Result<(), DatabaseError> {
        self.lock().execute("DELETE FROM transfers WHERE id = ?1", [id.0])?;
        Ok(())
    }

    /// Keeps which entries of a sending transfer were given whole, and which cannot be given, in place of what was kept before.
    pub(crate) fn set_sent(
        &self,
        id: TransferId,
        whole: &RangeSet,
        failed: &BTreeMap<u32, FileFailure>,
    ) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let sql = "INSERT OR REPLACE INTO selections (transfer, wanted, settled) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![id.0, RangeSet::new().to_bytes(), whole.to_bytes()])?;
        transaction.prepare_cached("DELETE FROM failures WHERE transfer = ?1")?.execute([id.0])?;
        for (entry, reason) in failed {
            let sql = "INSERT INTO failures (transfer, entry, reason) VALUES (?1, ?2, ?3)";
            transaction.prepare_cached(sql)?.execute(params![id.0, entry, failure_word(*reason)])?;
        }
        Ok(transaction.commit()?)
    }
}
