//! Reading an index: folders by path, pages of them, files that have no hash yet.

use super::{Index, IndexError, LARGE, ROOT, counts::Key, orders::Sorting};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use shoal_proto::{
    Hash, RelativePath,
    share::{Few, Holds, Item, ItemKind, MAX_PAGE, Name, Order, OrderBy, PAGE_BYTES, Page, Pattern, fold},
};
use std::ops::Range;

/// A folder's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FolderRow {
    pub(crate) id: i64,
    /// When its list of names had changed last as it was read; `None`: it has not been read.
    pub(crate) listed: Option<i64>,
    pub(crate) revision: i64,
    /// What is known of what it holds.
    pub(crate) holds: Holds,
}

/// What of a folder is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) order: Order,
    pub(crate) filter: Pattern,
    pub(crate) offset: u32,
    pub(crate) limit: u16,
}

/// A file that has no hash yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileRow {
    pub(crate) id: i64,
    pub(crate) path: RelativePath,
    /// In bytes.
    pub(crate) size: u64,
    /// In nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Its number on its drive, or 0.
    pub(crate) inode: u64,
}

const FOLDER_COLUMNS: &str = "id, listed, revision, files, size";

impl Index {
    /// A folder by its path; `None`: the share itself.
    pub(crate) fn folder(&self, path: Option<&RelativePath>) -> Result<Option<FolderRow>, IndexError> {
        self.read(|connection| {
            let sql = format!("SELECT {FOLDER_COLUMNS} FROM entries WHERE id = ?1");
            let mut row = connection.prepare_cached(&sql)?.query_row([ROOT], folder_from).optional()?;
            for component in path.iter().flat_map(|path| path.components()) {
                let Some(above) = row else { return Ok(None) };
                let sql = format!(
                    "SELECT {FOLDER_COLUMNS} FROM entries WHERE parent = ?1 AND is_file = 0 AND fold = ?2 \
                     AND coalesce(name, fold) = ?3"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                row = statement.query_row(params![above.id, fold(component), component], folder_from).optional()?;
            }
            Ok(row)
        })
    }

    /// Everything was read at least once.
    pub(crate) fn is_complete(&self) -> Result<bool, IndexError> {
        self.read(is_complete)
    }

    /// Some folders that are to be read, those first that were found first.
    pub(crate) fn folders_to_read(&self, limit: u32) -> Result<Vec<(i64, Option<RelativePath>)>, IndexError> {
        let sql = "SELECT id FROM entries WHERE is_file = 0 AND listed IS NULL ORDER BY id LIMIT ?1";
        self.read(|connection| with_paths(connection, sql, params![limit]))
    }

    /// Some folders from the one after `id` on, whether read or not.
    pub(crate) fn folders_after(&self, id: i64, limit: u32) -> Result<Vec<(i64, Option<RelativePath>)>, IndexError> {
        let sql = "SELECT id FROM entries WHERE is_file = 0 AND id > ?1 ORDER BY id LIMIT ?2";
        self.read(|connection| with_paths(connection, sql, params![id, limit]))
    }

    /// Some files without a hash from the one after `id` on.
    pub(crate) fn unhashed_after(&self, id: i64, limit: u32) -> Result<Vec<FileRow>, IndexError> {
        self.read(|connection| {
            let sql = "SELECT id, parent, coalesce(name, fold), size, modified, inode FROM entries \
                       WHERE id > ?1 AND is_file = 1 AND hash IS NULL ORDER BY id LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![id, limit])?;
            let mut paths = Paths::new(connection);
            let mut files = Vec::new();
            while let Some(row) = rows.next()? {
                let name: String = row.get(2)?;
                let Some(path) = paths.of(row.get(1)?, &name)? else { continue };
                files.push(FileRow {
                    id: row.get(0)?,
                    path,
                    size: row.get::<_, i64>(3)?.cast_unsigned(),
                    modified: row.get(4)?,
                    inode: row.get::<_, i64>(5)?.cast_unsigned(),
                });
            }
            Ok(files)
        })
    }

    /// Large files in a folder whose hash is known: name, size, time of change, hash.
    pub(crate) fn hashed_in(&self, folder: Option<&RelativePath>) -> Result<Vec<(String, u64, i64, Hash)>, IndexError> {
        let Some(folder) = self.folder(folder)? else { return Ok(Vec::new()) };
        self.read(|connection| {
            let sql = "SELECT coalesce(name, fold), size, modified, hash FROM entries \
                       WHERE parent = ?1 AND is_file = 1 AND size > ?2 AND hash IS NOT NULL";
            let row = |row: &Row<'_>| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?, Hash::from(row.get::<_, [u8; 32]>(3)?)))
            };
            connection.prepare_cached(sql)?.query_map(params![folder.id, LARGE.cast_signed()], row)?.collect()
        })
    }

    /// Where large files of this hash and size are.
    pub(crate) fn holding(&self, hash: Hash, size: u64) -> Result<Vec<RelativePath>, IndexError> {
        self.read(|connection| {
            let sql = "SELECT parent, coalesce(name, fold) FROM entries WHERE hash = ?1 AND size > 262144 AND size = ?2 LIMIT 16";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![hash.as_bytes(), size.cast_signed()])?;
            let (mut paths, mut found) = (Paths::new(connection), Vec::new());
            while let Some(row) = rows.next()? {
                let name: String = row.get(1)?;
                found.extend(paths.of(row.get(0)?, &name)?);
            }
            Ok(found)
        })
    }

    /// A page of a folder.
    pub(crate) fn page(&self, folder: &FolderRow, listing: &Listing) -> Result<Page, IndexError> {
        self.read(|connection| {
            let query = Query::new(listing);
            let list = Key { folder: folder.id, revision: folder.revision, words: listing.filter.words().to_vec() };
            let [folders, files] = self.counts.of(list.clone(), || {
                Ok::<_, rusqlite::Error>([query.count(connection, folder.id, false)?, query.count(connection, folder.id, true)?])
            })?;
            let mut page = Filling::new(usize::from(listing.limit), is_complete(connection)?);
            for (is_file, range) in [(false, listing.offset..folders), (true, listing.offset.saturating_sub(folders)..files)] {
                if range.is_empty() || page.left == 0 {
                    continue;
                }
                if listing.order.by == OrderBy::Name {
                    query.fill(connection, folder.id, is_file, range, &mut page)?;
                } else {
                    let sorting = Sorting { list: list.clone(), is_file, order: listing.order };
                    let ids = self.orders.of(sorting, || query.sorted(connection, folder.id, is_file))?;
                    fill(connection, ids.get(range.start as usize..).unwrap_or_default(), &mut page)?;
                }
            }
            let total = folders.saturating_add(files);
            Ok(Page { total, revision: folder.revision.cast_unsigned(), items: page.items })
        })
    }
}

/// The SQL of a listing.
struct Query<'a> {
    listing: &'a Listing,
    filter: String,
}

impl<'a> Query<'a> {
    fn new(listing: &'a Listing) -> Self {
        // Every word is a parameter from ?3 on; `fold` is in the index of names, so rows that do not fit are not looked up.
        let words = listing.filter.words().iter().enumerate();
        let filter = words.map(|(number, _)| format!(" AND instr(fold, ?{}) > 0", number + 3)).collect();
        Self { listing, filter }
    }

    fn parameters(&self, folder: &'a i64, is_file: &'a bool) -> Vec<&dyn ToSql> {
        let mut parameters: Vec<&dyn ToSql> = vec![folder, is_file];
        parameters.extend(self.listing.filter.words().iter().map(|word| word as &dyn ToSql));
        parameters
    }

    fn count(&self, connection: &Connection, folder: i64, is_file: bool) -> rusqlite::Result<u32> {
        let sql = format!("SELECT count(*) FROM entries WHERE parent = ?1 AND is_file = ?2{}", self.filter);
        let mut statement = connection.prepare_cached(&sql)?;
        statement.query_row(self.parameters(&folder, &is_file).as_slice(), |row| row.get(0))
    }

    /// The ids of entries of one kind by size or time.
    fn sorted(&self, connection: &Connection, folder: i64, is_file: bool) -> rusqlite::Result<Vec<i64>> {
        let Order { by, descending } = self.listing.order;
        let column = if by == OrderBy::Size { "size" } else { "modified" };
        // By name they come as the index has them, without a look at the entries; the sort below keeps that between equals.
        let sql =
            format!("SELECT id, {column} FROM entries WHERE parent = ?1 AND is_file = ?2{} ORDER BY fold, name", self.filter);
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(self.parameters(&folder, &is_file).as_slice(), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut rows: Vec<(i64, i64)> = rows.collect::<Result<_, _>>()?;
        if descending {
            rows.sort_by_key(|(_, value)| std::cmp::Reverse(*value));
        } else {
            rows.sort_by_key(|(_, value)| *value);
        }
        Ok(rows.into_iter().map(|(id, _)| id).collect())
    }

    /// Adds entries of one kind by name, from those whose places are in `range`.
    fn fill(
        &self,
        connection: &Connection,
        folder: i64,
        is_file: bool,
        range: Range<u32>,
        page: &mut Filling,
    ) -> rusqlite::Result<()> {
        // Read from the nearer end: what is left out has to be passed over.
        let left = range.end.saturating_sub(range.start);
        let wanted = u32::try_from(page.left).unwrap_or(u32::MAX).min(left);
        let from_end = left - wanted < range.start;
        let offset = if from_end { left - wanted } else { range.start };
        let order = if self.listing.order.descending == from_end { "fold, name" } else { "fold DESC, name DESC" };
        let sql = format!(
            "SELECT {PAGE_COLUMNS} FROM entries \
             WHERE parent = ?1 AND is_file = ?2{} ORDER BY {order} LIMIT {wanted} OFFSET {offset}",
            self.filter
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(self.parameters(&folder, &is_file).as_slice(), |row| page_row(row, page.complete))?;
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        if from_end {
            rows.reverse();
        }
        for (name, kind, modified) in rows {
            if !page.add(&name, kind, modified) {
                break;
            }
        }
        Ok(())
    }
}

const PAGE_COLUMNS: &str = "coalesce(name, fold), is_file, size, files, modified, hash";

/// [`PAGE_COLUMNS`]
fn page_row(row: &Row<'_>, complete: bool) -> rusqlite::Result<(String, ItemKind, i64)> {
    let kind = kind(row.get(1)?, row.get(2)?, row.get(3)?, complete, row.get(5)?);
    Ok((row.get(0)?, kind, row.get(4)?))
}

/// Adds entries in this order, as many as fit.
fn fill(connection: &Connection, ids: &[i64], page: &mut Filling) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!("SELECT {PAGE_COLUMNS} FROM entries WHERE id = ?1"))?;
    for id in ids {
        let row = statement.query_row([id], |row| page_row(row, page.complete)).optional()?;
        if let Some((name, kind, modified)) = row
            && !page.add(&name, kind, modified)
        {
            break;
        }
    }
    Ok(())
}

/// A page that is being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(crate) items: Few<Item, MAX_PAGE>,
    left: usize,
    bytes: usize,
    /// Sums of folders are final.
    complete: bool,
}

impl Filling {
    pub(crate) fn new(limit: usize, complete: bool) -> Self {
        Self { items: Few::default(), left: limit.min(MAX_PAGE), bytes: 0, complete }
    }

    /// Adds an entry; `modified` in nanoseconds. `false`: it is full.
    pub(crate) fn add(&mut self, name: &str, kind: ItemKind, modified: i64) -> bool {
        // What it takes beside its name: kind, sizes, hash.
        const REST: usize = 64;
        if self.left == 0 || self.bytes > PAGE_BYTES {
            return false;
        }
        self.left -= 1;
        self.bytes += name.len() + REST;
        match Name::parse(name) {
            Ok(name) => self.items.push(Item { name, kind, modified: seconds(modified) }).is_ok(),
            Err(_) => true,
        }
    }
}

/// No folder waits to be read.
pub(super) fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM entries WHERE is_file = 0 AND listed IS NULL)";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

pub(super) fn kind(is_file: bool, size: i64, files: i64, complete: bool, hash: Option<[u8; 32]>) -> ItemKind {
    if is_file {
        ItemKind::File { size: size.cast_unsigned(), hash: hash.map(Hash::from) }
    } else {
        let holds = Holds { files: files.cast_unsigned(), bytes: size.cast_unsigned() };
        ItemKind::Folder(complete.then_some(holds))
    }
}

/// Whole seconds of a time in nanoseconds.
pub(crate) const fn seconds(nanos: i64) -> i64 {
    nanos.div_euclid(1_000_000_000)
}

fn folder_from(row: &Row<'_>) -> rusqlite::Result<FolderRow> {
    let holds = Holds { files: row.get::<_, i64>(3)?.cast_unsigned(), bytes: row.get::<_, i64>(4)?.cast_unsigned() };
    Ok(FolderRow { id: row.get(0)?, listed: row.get(1)?, revision: row.get(2)?, holds })
}

fn with_paths(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
) -> rusqlite::Result<Vec<(i64, Option<RelativePath>)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement.query_map(parameters, |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    let mut paths = Paths::new(connection);
    let mut folders = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(path) = paths.folder(id)? {
            folders.push((id, path));
        }
    }
    Ok(folders)
}

/// The ways from entries to the root, of which a few are remembered: entries of one folder come together.
pub(super) struct Paths<'a> {
    connection: &'a Connection,
    known: std::collections::HashMap<i64, Option<RelativePath>>,
}

/// Paths remembered at once.
const MAX_PATHS: usize = 1024;

impl<'a> Paths<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, known: std::collections::HashMap::new() }
    }

    /// The path of something in a folder; `None`: longer than any that travels.
    pub(super) fn of(&mut self, folder: i64, name: &str) -> rusqlite::Result<Option<RelativePath>> {
        Ok(match self.folder(folder)? {
            Some(None) => RelativePath::parse(name).ok(),
            Some(Some(folder)) => folder.join(name).ok(),
            None => None,
        })
    }

    /// The path of a folder; `Some(None)`: the share itself.
    pub(super) fn folder(&mut self, id: i64) -> rusqlite::Result<Option<Option<RelativePath>>> {
        if id == ROOT {
            return Ok(Some(None));
        }
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone().map(Some));
        }
        let sql = "SELECT parent, coalesce(name, fold) FROM entries WHERE id = ?1";
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            let Some((above, name)) = self.connection.prepare_cached(sql)?.query_row([at], row).optional()? else {
                return Ok(None);
            };
            names.push(name);
            at = above;
        }
        let path = RelativePath::from_components(names.iter().rev().map(String::as_str)).ok();
        if self.known.len() >= MAX_PATHS {
            self.known.clear();
        }
        self.known.insert(id, path.clone());
        Ok(path.map(Some))
    }
}
