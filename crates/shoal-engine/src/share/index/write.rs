//! Putting the disk's state into an index, folder by folder. What is the same is not written; sums of folders are kept up on the way.

use super::{Index, IndexError, ROOT};
use rusqlite::{Connection, OptionalExtension, params};
use shoal_proto::{Hash, share::fold};
use std::time::{SystemTime, UNIX_EPOCH};

/// A folder as the disk has it.
#[derive(Debug, Default)]
pub(crate) struct FolderState {
    /// Its number in the index.
    pub(crate) id: i64,
    /// When its list of names had changed last, in nanoseconds since 1970, asked before it was read.
    pub(crate) listed: i64,
    /// What is in it, sorted by name.
    pub(crate) entries: Vec<FoundEntry>,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundEntry {
    pub(crate) name: String,
    /// In bytes; `None`: a folder.
    pub(crate) size: Option<u64>,
    /// In nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Its number on its drive, or 0.
    pub(crate) inode: u64,
}

/// A row as it is compared with the disk.
struct Old {
    id: i64,
    name: String,
    is_file: bool,
    size: i64,
    files: i64,
    modified: i64,
    inode: i64,
}

/// Sums that change: files, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    files: i64,
    bytes: i64,
}

impl Index {
    /// Puts in what the disk has; the numbers of folders that are not as they were, the ones above included.
    pub(crate) fn apply(&self, states: &[FolderState]) -> Result<Vec<i64>, IndexError> {
        self.write(|connection| {
            let mut changed = Vec::new();
            for state in states {
                apply(connection, state, &mut changed)?;
            }
            changed.sort_unstable();
            changed.dedup();
            Ok(changed)
        })
    }

    /// A folder is gone, with all below it; its parent is as [`Index::set_outdated`] says.
    pub(crate) fn is_gone(&self, id: i64) -> Result<Vec<i64>, IndexError> {
        self.write(|connection| {
            let mut changed = Vec::new();
            let sql = "SELECT parent, files, size FROM entries WHERE id = ?1";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, Sums { files: row.get(1)?, bytes: row.get(2)? }));
            let Some((parent, sums)) = connection.query_row(sql, [id], row).optional()? else { return Ok(changed) };
            let held = remove_below(connection, id)?;
            if id == ROOT {
                // It stays, empty: the folder may come back, as drives do.
                connection.execute("UPDATE entries SET listed = 0, files = 0, size = 0 WHERE id = ?1", [id])?;
                if held {
                    touch(connection, id)?;
                    changed.push(id);
                }
            } else {
                remove_row(connection, id)?;
                set_outdated(connection, parent)?;
                add_up(connection, parent, Sums { files: -sums.files, bytes: -sums.bytes }, &mut changed)?;
            }
            Ok(changed)
        })
    }

    /// Every folder is to be read again, as after another pattern; what is known stays until then.
    pub(crate) fn set_all_to_read(&self) -> Result<(), IndexError> {
        self.write(|connection| connection.execute("UPDATE entries SET listed = NULL WHERE is_file = 0", []).map(drop))
    }

    /// What is known of a folder may not be so any more: it stays, but the disk is asked until it was read again.
    pub(crate) fn set_outdated(&self, id: i64) -> Result<(), IndexError> {
        self.write(|connection| set_outdated(connection, id))
    }

    /// Keeps hashes of files that are still the ones that were hashed: number, size, time, hash.
    pub(crate) fn set_hashes(&self, hashes: &[(i64, u64, i64, Hash)]) -> Result<(), IndexError> {
        self.write(|connection| {
            let sql = "UPDATE entries SET hash = ?4 WHERE id = ?1 AND size = ?2 AND modified = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            for (id, size, modified, hash) in hashes {
                statement.execute(params![id, size.cast_signed(), modified, hash.as_bytes()])?;
            }
            Ok(())
        })
    }
}

fn apply(connection: &Connection, state: &FolderState, changed: &mut Vec<i64>) -> rusqlite::Result<()> {
    let sql = "SELECT files, size FROM entries WHERE id = ?1 AND is_file = 0";
    let before = |row: &rusqlite::Row<'_>| Ok(Sums { files: row.get(0)?, bytes: row.get(1)? });
    // Gone since it was read, with the folder above it.
    let Some(before) = connection.prepare_cached(sql)?.query_row([state.id], before).optional()? else { return Ok(()) };
    let mut sums = Sums::default();
    let mut is_other = false;
    let mut new = state.entries.iter().peekable();
    for old in rows(connection, state.id)? {
        // Both are sorted: what comes before the row is new.
        while let Some(entry) = new.next_if(|entry| entry.name < old.name) {
            insert(connection, state.id, entry, &mut sums)?;
            is_other = true;
        }
        match new.next_if(|entry| entry.name == old.name) {
            Some(entry) if entry.size.is_some() == old.is_file => is_other |= update(connection, &old, entry, &mut sums)?,
            found => {
                if !old.is_file {
                    remove_below(connection, old.id)?;
                }
                remove_row(connection, old.id)?;
                if let Some(entry) = found {
                    insert(connection, state.id, entry, &mut sums)?;
                }
                is_other = true;
            }
        }
    }
    for entry in new {
        insert(connection, state.id, entry, &mut sums)?;
        is_other = true;
    }
    let sql = "UPDATE entries SET listed = ?2, modified = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![state.id, state.listed])?;
    let more = Sums { files: sums.files - before.files, bytes: sums.bytes - before.bytes };
    if more != Sums::default() {
        add_up(connection, state.id, more, changed)?;
    } else if is_other {
        touch(connection, state.id)?;
        changed.push(state.id);
    }
    Ok(())
}

/// The rows of a folder by name.
fn rows(connection: &Connection, folder: i64) -> rusqlite::Result<Vec<Old>> {
    let sql = "SELECT id, coalesce(name, fold), is_file, size, files, modified, inode FROM entries WHERE parent = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([folder], |row| {
        Ok(Old {
            id: row.get(0)?,
            name: row.get(1)?,
            is_file: row.get(2)?,
            size: row.get(3)?,
            files: row.get(4)?,
            modified: row.get(5)?,
            inode: row.get(6)?,
        })
    })?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(rows)
}

fn insert(connection: &Connection, parent: i64, entry: &FoundEntry, sums: &mut Sums) -> rusqlite::Result<()> {
    let folded = fold(&entry.name);
    let name = (folded != entry.name).then_some(&entry.name);
    let size = entry.size.unwrap_or(0).cast_signed();
    let revision = entry.size.is_none().then(next_revision);
    let sql = "INSERT INTO entries (parent, is_file, fold, name, size, files, modified, inode, revision) \
               VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)";
    connection.prepare_cached(sql)?.execute(params![
        parent,
        entry.size.is_some(),
        folded,
        name,
        size,
        entry.modified,
        entry.inode.cast_signed(),
        revision
    ])?;
    let id = connection.last_insert_rowid();
    connection.prepare_cached("INSERT INTO names (rowid, fold) VALUES (?1, ?2)")?.execute(params![id, folded])?;
    if entry.size.is_some() {
        sums.files += 1;
        sums.bytes += size;
    }
    Ok(())
}

/// `true`: it was not as it is.
fn update(connection: &Connection, old: &Old, entry: &FoundEntry, sums: &mut Sums) -> rusqlite::Result<bool> {
    let size = entry.size.map_or(old.size, u64::cast_signed);
    sums.files += if old.is_file { 1 } else { old.files };
    sums.bytes += size;
    let now = (size, entry.modified, entry.inode.cast_signed());
    if (old.size, old.modified, old.inode) == now {
        return Ok(false);
    }
    let sql = "UPDATE entries SET size = ?2, modified = ?3, inode = ?4, hash = NULL WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![old.id, now.0, now.1, now.2])?;
    Ok(true)
}

fn remove_row(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO names (names, rowid, fold) SELECT 'delete', id, fold FROM entries WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([id])?;
    connection.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Removes what is below a folder, but not itself. `false`: there was nothing.
fn remove_below(connection: &Connection, folder: i64) -> rusqlite::Result<bool> {
    let mut folders = vec![folder];
    let mut held = false;
    while let Some(folder) = folders.pop() {
        let mut statement = connection.prepare_cached("SELECT id, is_file FROM entries WHERE parent = ?1")?;
        let rows = statement.query_map([folder], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)))?;
        for (id, is_file) in rows.collect::<Result<Vec<_>, _>>()? {
            if !is_file {
                folders.push(id);
            }
            remove_row(connection, id)?;
            held = true;
        }
    }
    Ok(held)
}

/// Adds to the sums of a folder and of those above it.
fn add_up(connection: &Connection, mut folder: i64, more: Sums, changed: &mut Vec<i64>) -> rusqlite::Result<()> {
    let sql = "UPDATE entries SET files = files + ?2, size = size + ?3, revision = ?4 WHERE id = ?1 RETURNING parent";
    while folder != 0 {
        changed.push(folder);
        let above = connection
            .prepare_cached(sql)?
            .query_row(params![folder, more.files, more.bytes, next_revision()], |row| row.get(0))
            .optional()?;
        folder = above.unwrap_or(0);
    }
    Ok(())
}

/// No folder's list changed before 1970.
fn set_outdated(connection: &Connection, folder: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE entries SET listed = -1 WHERE id = ?1 AND listed IS NOT -1")?.execute([folder])?;
    Ok(())
}

fn touch(connection: &Connection, folder: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE entries SET revision = ?2 WHERE id = ?1")?.execute(params![folder, next_revision()])?;
    Ok(())
}

/// Higher than any before, across restarts too, unless the clock is set back.
fn next_revision() -> i64 {
    use std::sync::atomic::{AtomicI64, Ordering};
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    // The order of other memory does not matter.
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last.saturating_add(1))));
    now.max(last.unwrap_or(now).saturating_add(1))
}
