//! Names that hold a text, found by the trigrams in it.
//!
//! The table of trigrams says which names have all of those that the text has; whether they stand together is looked at in the name. A word
//! of one or two characters has no trigram: for a query of nothing else all names are looked through.

use super::{
    Index, IndexError, ROOT,
    read::{Paths, is_complete, kind, seconds},
};
use rusqlite::{Connection, Row, Statement, ToSql};
use shoal_proto::share::{Hit, MAX_HITS, PAGE_BYTES, Pattern, Search};
use std::time::{Duration, Instant};

/// Characters of a trigram.
const GRAM: usize = 3;

/// Most trigrams that are asked for; the name decides anyway.
const MAX_GRAMS: usize = 32;

/// How long a part is looked for as long as there is nothing in it, and how long its first hit waits for others.
const LOOK: Duration = Duration::from_millis(50);
const GATHER: Duration = Duration::from_millis(20);

/// Bytes that a hit takes in a message beside its path.
const BESIDE_PATH: usize = 64;

const COLUMNS: &str = "e.id, e.parent, e.is_file, e.fold, e.name, e.size, e.files, e.modified, e.hash";

/// A part of what a search finds.
#[derive(Debug)]
pub(crate) struct Slice {
    /// At most [`MAX_HITS`], and no more bytes than fit in a message.
    pub(crate) hits: Vec<Hit>,
    /// Where the next part begins; `None`: this was the last.
    pub(crate) next: Option<i64>,
}

impl Index {
    /// The hits from an entry on, as many as go together: [`MAX_HITS`], or what was found in a moment. Nothing stays open between two parts,
    /// so one who takes long to read them is in nobody's way. Begins with 0.
    pub(crate) fn search(&self, pattern: &Pattern, search: &Search, from: i64) -> Result<Slice, IndexError> {
        self.search_for(LOOK, pattern, search, from)
    }

    /// As [`Index::search`], with so much time for a part as long as there is nothing in it.
    pub(super) fn search_for(&self, look: Duration, pattern: &Pattern, search: &Search, from: i64) -> Result<Slice, IndexError> {
        self.read(|connection| {
            let begun = Instant::now();
            let complete = is_complete(connection)?;
            let mut paths = Paths::new(connection);
            let mut slice = Slice { hits: Vec::new(), next: None };
            let mut bytes = 0;
            let mut judged = false;
            let (mut statement, texts) = prepare(connection, pattern)?;
            let mut parameters: Vec<&dyn ToSql> = vec![&from];
            parameters.extend(texts.iter().map(|text| text as &dyn ToSql));
            let mut rows = statement.query(parameters.as_slice())?;
            while let Some(row) = rows.next()? {
                let gathered = if slice.hits.is_empty() { look } else { GATHER };
                // One name is judged however slow the disk is: the next part begins further on.
                let is_over = judged && begun.elapsed() >= gathered;
                if slice.hits.len() >= MAX_HITS || bytes > PAGE_BYTES || is_over {
                    slice.next = Some(row.get(0)?);
                    break;
                }
                judged = true;
                if let Some(hit) = hit(row, pattern, search, complete, &mut paths)? {
                    bytes += hit.path.as_str().len() + BESIDE_PATH;
                    slice.hits.push(hit);
                }
            }
            Ok(slice)
        })
    }
}

/// A row as a hit; `None`: it does not fit.
fn hit(
    row: &Row<'_>,
    pattern: &Pattern,
    search: &Search,
    complete: bool,
    paths: &mut Paths<'_>,
) -> rusqlite::Result<Option<Hit>> {
    let folded: String = row.get(3)?;
    if !pattern.fits(&folded) {
        return Ok(None);
    }
    let (is_file, size, files): (bool, i64, i64) = (row.get(2)?, row.get(5)?, row.get(6)?);
    let (kind, modified) = (kind(is_file, size, files, complete, row.get(8)?), seconds(row.get(7)?));
    let name = row.get::<_, Option<String>>(4)?.unwrap_or(folded);
    if !search.fits(&name, &kind, modified) {
        return Ok(None);
    }
    let path = paths.of(row.get(1)?, &name)?;
    Ok(path.map(|path| Hit { path, kind, modified }))
}

/// The statement, and its parameters after the entry to begin with.
fn prepare<'a>(connection: &'a Connection, pattern: &Pattern) -> rusqlite::Result<(Statement<'a>, Vec<String>)> {
    if let Some(expression) = expression(pattern) {
        // CROSS: never the other way round, name by name.
        let sql = format!(
            "SELECT {COLUMNS} FROM names CROSS JOIN entries e ON e.id = names.rowid \
             WHERE names.rowid >= ?1 AND names MATCH ?2 ORDER BY names.rowid"
        );
        return Ok((connection.prepare(&sql)?, vec![expression]));
    }
    let words = pattern.words().to_vec();
    let fits: String = (0..words.len()).map(|number| format!(" AND instr(e.fold, ?{}) > 0", number + 2)).collect();
    let sql = format!("SELECT {COLUMNS} FROM entries e WHERE e.id >= ?1 AND e.id > {ROOT}{fits} ORDER BY e.id");
    Ok((connection.prepare(&sql)?, words))
}

/// All trigrams of all words, as FTS5 wants them; `None`: there are none.
fn expression(pattern: &Pattern) -> Option<String> {
    let mut grams = Vec::new();
    for word in pattern.words() {
        let letters: Vec<char> = word.chars().collect();
        // The text of an expression ends at a NUL, which no name has.
        let windows = letters.windows(GRAM).filter(|gram| !gram.contains(&'\0'));
        grams.extend(windows.map(|gram| format!("\"{}\"", gram.iter().collect::<String>().replace('"', "\"\""))));
    }
    grams.sort_unstable();
    grams.dedup();
    grams.truncate(MAX_GRAMS);
    (!grams.is_empty()).then(|| grams.join(" AND "))
}
