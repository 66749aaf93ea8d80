//! What an engine remembers: devices, transfers, verified pieces, hashes. SQLite in the data folder.
//!
//! One connection behind a lock; calls are short and synchronous, made from blocking threads wherever they can wait for a disk.
//! WAL with `synchronous=NORMAL`: after a power cut the last moments may be missing, never half there. What is recorded as
//! verified was synced before ([`super::partial`]), so losing a record costs sending again, never a wrong byte.

mod allowance;
mod files;
mod forms;
mod history;
mod records;
mod shares;
mod tickets;

pub(crate) use records::{Added, Checkpoint, DeviceRecord, FileFailure, Kept, TransferRecord};
pub(crate) use shares::ShareRecord;
pub(crate) use tickets::TicketRecord;

use rusqlite::{Connection, MAIN_DB, OptionalExtension, Row, blob::ZeroBlob, params};
use shoal_proto::{
    Hash, Manifest, PeerId, PieceIndex, RangeSet,
    manifest::EntryIndex,
    message::{Colour, TransferId},
    share::ShareId,
};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{Direction, tickets::TicketId};
use files::put_hashes;
use forms::{
    direction_word, failure_from, failure_word, hashes_blob, hashes_from, path_bytes, path_from, platform_from, platform_word,
    state_from, state_word, trust_from, trust_word,
};

/// Bytes of a manifest that are written or read at once.
const BLOB_PART: usize = 256 * 1024;

/// Each step brings a database one version up; the number of steps is the version (`PRAGMA user_version`). Never edit a step
/// that was released: append one.
const MIGRATIONS: &[&str] =
    &[include_str!("schema_1.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql"), include_str!("schema_4.sql")];

/// Ended transfers kept for the history.
const MAX_HISTORY: u32 = 10_000;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// SQLite or the disk below it.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Made by a later version.
    #[error("it was made by a newer Shoal (version {0}): update this one")]
    Newer(u32),
    /// A row that belongs to another is not there.
    #[error("a part of what was recorded is missing: send it again")]
    Missing,
}

impl DatabaseError {
    /// There is no room for it; goes on when there is.
    pub(crate) fn is_no_space(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    }
}

/// The database of one data folder.
#[derive(Debug)]
pub(crate) struct Database {
    folder: PathBuf,
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens or makes the database of a data folder and brings it up to date.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(data_dir.join("shoal.db"))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -2000)?;
        connection.set_prepared_statement_cache_capacity(64);
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let steps = MIGRATIONS.get(version as usize..).ok_or(DatabaseError::Newer(version))?;
        for (step, number) in steps.iter().zip(version + 1..) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()?;
        }
        Ok(Self { folder: data_dir.to_owned(), connection: Mutex::new(connection) })
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A panic while the lock was held left no transaction open: SQLite rolled it back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A setting.
    pub(crate) fn setting(&self, key: &str) -> Result<Option<String>, DatabaseError> {
        let sql = "SELECT value FROM settings WHERE key = ?1";
        Ok(self.lock().prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Keeps a setting; `None` removes it.
    pub(crate) fn set_setting(&self, key: &str, value: Option<&str>) -> Result<(), DatabaseError> {
        let connection = self.lock();
        match value {
            Some(value) => connection.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)", [key, value])?,
            None => connection.execute("DELETE FROM settings WHERE key = ?1", [key])?,
        };
        Ok(())
    }

    /// A setting that is a path.
    pub(crate) fn path(&self, key: &str) -> Result<Option<PathBuf>, DatabaseError> {
        let sql = "SELECT CAST(value AS BLOB) FROM settings WHERE key = ?1";
        let bytes = self.lock().prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
        Ok(bytes.map(path_from))
    }

    /// Keeps a setting that is a path.
    pub(crate) fn set_path(&self, key: &str, path: &Path) -> Result<(), DatabaseError> {
        let sql = "INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)";
        self.lock().execute(sql, params![key, path_bytes(path)])?;
        Ok(())
    }

    /// Every device.
    pub(crate) fn devices(&self) -> Result<Vec<DeviceRecord>, DatabaseError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT id, name, platform, trust, addresses, accepts, colour FROM devices")?;
        let rows = statement.query_map([], |row| {
            let addresses: String = row.get(4)?;
            Ok(DeviceRecord {
                id: PeerId::from_public_key(row.get(0)?),
                name: row.get(1)?,
                platform: row.get::<_, Option<String>>(2)?.as_deref().and_then(platform_from),
                colour: row.get::<_, Option<u8>>(6)?.and_then(Colour::new),
                trust: trust_from(&row.get::<_, String>(3)?),
                addresses: addresses.split_whitespace().filter_map(|address| address.parse().ok()).collect(),
                accepts: row.get::<_, Option<i64>>(5)?.map(i64::unsigned_abs),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a device.
    pub(crate) fn set_device(&self, device: &DeviceRecord) -> Result<(), DatabaseError> {
        let addresses: Vec<String> = device.addresses.iter().map(SocketAddr::to_string).collect();
        let sql = "INSERT OR REPLACE INTO devices (id, name, platform, trust, addresses, accepts, colour, seen) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.lock().prepare_cached(sql)?.execute(params![
            device.id.as_bytes(),
            device.name,
            device.platform.map(platform_word),
            trust_word(device.trust),
            addresses.join(" "),
            device.accepts.map(as_sql),
            device.colour.map(Colour::index),
            time_sql(SystemTime::now())
        ])?;
        Ok(())
    }

    /// Forgets a device.
    pub(crate) fn remove_device(&self, id: PeerId) -> Result<(), DatabaseError> {
        self.lock().execute("DELETE FROM devices WHERE id = ?1", [id.as_bytes()])?;
        Ok(())
    }

    /// Records a new transfer with its manifest and, when receiving, what is wanted of it.
    pub(crate) fn add_transfer(
        &self,
        record: &TransferRecord,
        manifest: Option<&Manifest>,
        wanted: Option<&RangeSet>,
    ) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT OR REPLACE INTO transfers (id, direction, peer, name, state, text, files, bytes, files_done, files_failed, \
             bytes_done, bytes_moved, error, target, replace, accepted, active_ms, created, changed, share, beneath, \
             place, place_folder, place_name, own_ticket, ticket) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
             ?24, ?25, ?26)",
            params![
                record.id.0,
                direction_word(record.direction),
                record.peer.as_bytes(),
                record.name,
                state_word(record.state),
                record.text,
                record.files,
                as_sql(record.bytes),
                record.files_done,
                record.files_failed,
                as_sql(record.bytes_done),
                as_sql(record.bytes_moved),
                record.error,
                record.into.as_deref().map(path_bytes),
                record.replace,
                record.accepted,
                as_sql(record.active.as_millis() as u64),
                time_sql(record.created),
                time_sql(record.changed),
                record.share.map(|share| share.0),
                record.beneath.as_deref().map(path_bytes),
                record.added.as_ref().map(|added| added.place.share.0),
                record.added.as_ref().and_then(|added| Some(added.place.folder.as_ref()?.as_str())),
                record.added.as_ref().map(|added| &added.name),
                record.own_ticket.map(|ticket| ticket.0),
                record.ticket.as_ref().map(ToString::to_string)
            ],
        )?;
        for (name, path) in &record.sources {
            let sql = "INSERT INTO sources (transfer, name, path) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![record.id.0, name, path_bytes(path)])?;
        }
        if let Some(manifest) = manifest {
            // Bound as a whole, SQLite would hold it twice more.
            let len = i32::try_from(manifest.encoded().len()).map_err(|error| corrupt(1, error))?;
            let sql = "INSERT INTO manifests (transfer, manifest) VALUES (?1, ?2)";
            transaction.execute(sql, params![record.id.0, ZeroBlob(len)])?;
            let row = transaction.last_insert_rowid();
            let mut blob = transaction.blob_open(MAIN_DB, "manifests", "manifest", row, false)?;
            for (index, part) in manifest.encoded().chunks(BLOB_PART).enumerate() {
                blob.write_at(part, index * BLOB_PART)?;
            }
        }
        if let Some(wanted) = wanted {
            let sql = "INSERT INTO selections (transfer, wanted, settled) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, params![record.id.0, wanted.to_bytes(), RangeSet::new().to_bytes()])?;
        }
        transaction.execute(
            "DELETE FROM transfers WHERE state IN ('finished', 'failed', 'cancelled', 'declined') AND created <= \
             (SELECT created FROM transfers ORDER BY created DESC LIMIT 1 OFFSET ?1)",
            [MAX_HISTORY],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Records where a transfer stands.
    pub(crate) fn update_transfer(&self, record: &TransferRecord) -> Result<(), DatabaseError> {
        let sql = "UPDATE transfers SET state = ?2, files = ?3, bytes = ?4, files_done = ?5, files_failed = ?6, bytes_done = ?7, \
                   bytes_moved = ?8, error = ?9, accepted = ?10, active_ms = ?11, changed = ?12 WHERE id = ?1";
        self.lock().prepare_cached(sql)?.execute(params![
            record.id.0,
            state_word(record.state),
            record.files,
            as_sql(record.bytes),
            record.files_done,
            record.files_failed,
            as_sql(record.bytes_done),
            as_sql(record.bytes_moved),
            record.error,
            record.accepted,
            as_sql(record.active.as_millis() as u64),
            time_sql(record.changed)
        ])?;
        Ok(())
    }

    /// Every transfer, newest first.
    pub(crate) fn transfers(&self) -> Result<Vec<TransferRecord>, DatabaseError> {
        let connection = self.lock();
        let sql = format!("SELECT {TRANSFER_COLUMNS} FROM transfers ORDER BY created DESC, rowid DESC");
        let mut statement = connection.prepare(&sql)?;
        let records: Vec<TransferRecord> = statement.query_map([], transfer_from)?.collect::<Result<_, _>>()?;
        records.into_iter().map(|record| with_sources(&connection, record)).collect()
    }

    /// One transfer.
    pub(crate) fn transfer(&self, id: TransferId) -> Result<Option<TransferRecord>, DatabaseError> {
        let connection = self.lock();
        let sql = format!("SELECT {TRANSFER_COLUMNS} FROM transfers WHERE id = ?1");
        let record = connection.prepare_cached(&sql)?.query_row([id.0], transfer_from).optional()?;
        record.map(|record| with_sources(&connection, record)).transpose()
    }

    /// The manifest of a transfer; `None` for a text.
    pub(crate) fn manifest(&self, id: TransferId) -> Result<Option<Manifest>, DatabaseError> {
        let bytes = self.read_manifest(
            id,
            Vec::new(),
            |bytes, len| bytes.reserve_exact(len),
            |bytes, part| bytes.extend_from_slice(part),
        )?;
        bytes.map(|bytes| Manifest::decode(bytes).map_err(|error| corrupt(0, error))).transpose()
    }

    /// The id of a transfer's manifest, without holding it.
    pub(crate) fn manifest_id(&self, id: TransferId) -> Result<Option<Hash>, DatabaseError> {
        let hasher = self.read_manifest(id, blake3::Hasher::new(), |_, _| {}, |hasher, part| _ = hasher.update(part))?;
        Ok(hasher.map(|hasher| Hash::from(*hasher.finalize().as_bytes())))
    }

    /// Reads a manifest part by part, since SQLite would hold the whole of it beside ours.
    fn read_manifest<T>(
        &self,
        id: TransferId,
        mut into: T,
        begin: impl FnOnce(&mut T, usize),
        mut take: impl FnMut(&mut T, &[u8]),
    ) -> Result<Option<T>, DatabaseError> {
        let connection = self.lock();
        let sql = "SELECT rowid FROM manifests WHERE transfer = ?1";
        let row: Option<i64> = connection.query_row(sql, [id.0], |row| row.get(0)).optional()?;
        let Some(row) = row else { return Ok(None) };
        let blob = connection.blob_open(MAIN_DB, "manifests", "manifest", row, true)?;
        begin(&mut into, blob.len());
        let (mut part, mut at) = (vec![0; BLOB_PART.min(blob.len())], 0);
        while at < blob.len() {
            let len = part.len().min(blob.len() - at);
            let part = part.get_mut(..len).unwrap_or_default();
            blob.read_at_exact(part, at)?;
            take(&mut into, part);
            at += len;
        }
        Ok(Some(into))
    }

    /// The length of a transfer's encoded manifest, in bytes.
    pub(crate) fn manifest_len(&self, id: TransferId) -> Result<Option<u64>, DatabaseError> {
        let sql = "SELECT length(manifest) FROM manifests WHERE transfer = ?1";
        let len: Option<i64> = self.lock().query_row(sql, [id.0], |row| row.get(0)).optional()?;
        Ok(len.and_then(|len| len.try_into().ok()))
    }

    /// How far a receiving transfer is.
    pub(crate) fn kept(&self, id: TransferId) -> Result<Kept, DatabaseError> {
        let connection = self.lock();
        let sql = "SELECT wanted, settled FROM selections WHERE transfer = ?1";
        let sets =
            connection.query_row(sql, [id.0], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
        let Some((wanted, settled)) = sets else { return Ok(Kept::default()) };
        let wanted = RangeSet::from_bytes(&wanted).map_err(|error| corrupt(0, error))?;
        let settled = RangeSet::from_bytes(&settled).map_err(|error| corrupt(1, error))?;
        let mut statement = connection.prepare("SELECT entry, reason FROM failures WHERE transfer = ?1")?;
        let failures = statement
            .query_map([id.0], |row| Ok((EntryIndex(row.get(0)?), failure_from(&row.get::<_, String>(1)?))))?
            .collect::<Result<_, _>>()?;
        let mut statement = connection.prepare("SELECT entry, first, hashes FROM verified WHERE transfer = ?1")?;
        let verified = statement
            .query_map([id.0], |row| {
                Ok((EntryIndex(row.get(0)?), PieceIndex(row.get(1)?), hashes_from(&row.get::<_, Vec<u8>>(2)?)))
            })?
            .collect::<Result<_, _>>()?;
        Ok(Kept { wanted, settled, failures, verified })
    }

    /// Adds what a receiving transfer verified or settled.
    pub(crate) fn checkpoint(&self, id: TransferId, checkpoint: &Checkpoint<'_>) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        if checkpoint.failures.is_empty() {
            write_checkpoint(&mut connection, id, checkpoint)
        } else {
            // What was received of a file that failed is gone; see `forget_pieces`.
            durably(&mut connection, |connection| write_checkpoint(connection, id, checkpoint))
        }
    }

    /// Makes the failed entries of a transfer wanted again; how many there were.
    pub(crate) fn forget_failures(&self, id: TransferId) -> Result<u32, DatabaseError> {
        let kept = self.kept(id)?;
        let mut settled = kept.settled;
        for entry in kept.failures.keys() {
            settled.remove(entry.0..entry.0 + 1);
        }
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("UPDATE selections SET settled = ?2 WHERE transfer = ?1", params![id.0, settled.to_bytes()])?;
        transaction.execute("DELETE FROM failures WHERE transfer = ?1", [id.0])?;
        transaction.commit()?;
        Ok(u32::try_from(kept.failures.len()).unwrap_or(u32::MAX))
    }

    /// The partial files of these entries are gone: nothing of them counts as verified. Durable on return, since a partial file
    /// that is made anew must never meet the old record.
    pub(crate) fn forget_pieces(&self, id: TransferId, entries: &BTreeSet<EntryIndex>) -> Result<(), DatabaseError> {
        durably(&mut self.lock(), |connection| {
            let transaction = connection.transaction()?;
            for entry in entries {
                let sql = "DELETE FROM verified WHERE transfer = ?1 AND entry = ?2";
                transaction.prepare_cached(sql)?.execute(params![id.0, entry.0])?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// The verified pieces of a transfer are not needed any more.
    pub(crate) fn forget_verified(&self, id: TransferId) -> Result<(), DatabaseError> {
        self.lock().execute("DELETE FROM verified WHERE transfer = ?1", [id.0])?;
        Ok(())
    }
}

/// Does something of which nothing is lost in a power cut from the moment that it returns.
fn durably<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let done = work(connection);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    done
}

fn write_checkpoint(connection: &mut Connection, id: TransferId, checkpoint: &Checkpoint<'_>) -> Result<(), DatabaseError> {
    let transaction = connection.transaction()?;
    if let Some(settled) = checkpoint.settled {
        let sql = "UPDATE selections SET settled = ?2 WHERE transfer = ?1";
        transaction.prepare_cached(sql)?.execute(params![id.0, settled.to_bytes()])?;
    }
    for (entry, reason) in checkpoint.failures {
        let sql = "INSERT OR REPLACE INTO failures (transfer, entry, reason) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![id.0, entry.0, failure_word(*reason)])?;
    }
    for (entry, first, hashes) in checkpoint.verified {
        let sql = "INSERT OR REPLACE INTO verified (transfer, entry, first, hashes) VALUES (?1, ?2, ?3, ?4)";
        transaction.prepare_cached(sql)?.execute(params![id.0, entry.0, first.0, hashes_blob(hashes)])?;
    }
    for entry in checkpoint.forget {
        let sql = "DELETE FROM verified WHERE transfer = ?1 AND entry = ?2";
        transaction.prepare_cached(sql)?.execute(params![id.0, entry.0])?;
    }
    for (folder, offered, name) in checkpoint.placed {
        let sql = "INSERT OR REPLACE INTO placed (folder, offered, name) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![path_bytes(folder), offered, name])?;
    }
    for (path, key, hashes) in checkpoint.hashes {
        put_hashes(&transaction, path, key, PieceIndex(0), hashes)?;
    }
    transaction.commit()?;
    Ok(())
}

const TRANSFER_COLUMNS: &str = "id, direction, peer, name, state, text, files, bytes, files_done, files_failed, bytes_done, \
     bytes_moved, error, target, replace, accepted, active_ms, created, changed, share, beneath, place, place_folder, place_name, \
     own_ticket, ticket";

fn with_sources(connection: &Connection, mut record: TransferRecord) -> Result<TransferRecord, DatabaseError> {
    if record.direction == Direction::Send {
        let mut statement = connection.prepare_cached("SELECT name, path FROM sources WHERE transfer = ?1")?;
        let rows = statement.query_map([record.id.0], |row| Ok((row.get(0)?, path_from(row.get(1)?))))?;
        record.sources = rows.collect::<Result<_, _>>()?;
    }
    Ok(record)
}

fn transfer_from(row: &Row<'_>) -> rusqlite::Result<TransferRecord> {
    Ok(TransferRecord {
        id: TransferId(row.get(0)?),
        direction: if row.get::<_, String>(1)? == "send" { Direction::Send } else { Direction::Receive },
        peer: PeerId::from_public_key(row.get(2)?),
        name: row.get(3)?,
        state: state_from(&row.get::<_, String>(4)?),
        text: row.get(5)?,
        files: row.get(6)?,
        bytes: row.get::<_, i64>(7)?.unsigned_abs(),
        files_done: row.get(8)?,
        files_failed: row.get(9)?,
        bytes_done: row.get::<_, i64>(10)?.unsigned_abs(),
        bytes_moved: row.get::<_, i64>(11)?.unsigned_abs(),
        error: row.get(12)?,
        into: row.get::<_, Option<Vec<u8>>>(13)?.map(path_from),
        replace: row.get(14)?,
        sources: Vec::new(),
        accepted: row.get(15)?,
        active: Duration::from_millis(row.get::<_, i64>(16)?.unsigned_abs()),
        created: UNIX_EPOCH + Duration::from_millis(row.get::<_, i64>(17)?.unsigned_abs()),
        changed: UNIX_EPOCH + Duration::from_millis(row.get::<_, i64>(18)?.unsigned_abs()),
        share: row.get::<_, Option<[u8; 16]>>(19)?.map(ShareId),
        beneath: row.get::<_, Option<Vec<u8>>>(20)?.map(path_from),
        added: Added::from_row(row)?,
        own_ticket: row.get::<_, Option<[u8; 16]>>(24)?.map(TicketId),
        // One that cannot be read is of no use: then its holder is the only one who can be asked.
        ticket: row.get::<_, Option<String>>(25)?.and_then(|ticket| ticket.parse().ok()),
    })
}

fn corrupt(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> DatabaseError {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error)).into()
}

/// Milliseconds since 1970.
fn time_sql(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// SQLite's integers are signed; no size of ours reaches the sign bit.
fn as_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
