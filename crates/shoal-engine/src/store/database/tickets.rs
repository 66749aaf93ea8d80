//! Tickets that this device made.

use super::{
    Database, DatabaseError, as_sql, corrupt,
    forms::{path_bytes, path_from},
    time_sql,
};
use crate::tickets::TicketId;
use rusqlite::{OptionalExtension, Row, params};
use shoal_proto::{
    Hash, Manifest, PeerId, Ticket,
    share::Few,
    ticket::{Secret, Tracker},
};
use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// An own ticket as it is kept, without its manifest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TicketRecord {
    pub(crate) id: TicketId,
    /// Of what it is of; not safe to print.
    pub(crate) name: String,
    pub(crate) secret: Secret,
    pub(crate) lan_only: bool,
    pub(crate) trackers: Vec<Tracker>,
    /// Seconds since 1970.
    pub(crate) expires: Option<u64>,
    /// Kept to the millisecond.
    pub(crate) created: SystemTime,
    /// How often somebody took something.
    pub(crate) used: u64,
    /// A file of it was no longer the one that was hashed when somebody wanted it.
    pub(crate) outdated: bool,
    /// BLAKE3 of the manifest.
    pub(crate) root: Hash,
    pub(crate) files: u32,
    pub(crate) bytes: u64,
    /// Each top-level name with the path that it stands for.
    pub(crate) sources: Vec<(String, PathBuf)>,
}

impl TicketRecord {
    /// What others have of it, without addresses.
    pub(crate) fn ticket(&self, maker: PeerId) -> Ticket {
        Ticket {
            root: self.root,
            secret: self.secret.clone(),
            lan_only: self.lan_only,
            makers: Few::try_from(vec![maker]).unwrap_or_default(), // one fits
            addresses: Few::default(),
            // No more were taken.
            trackers: Few::try_from(self.trackers.clone()).unwrap_or_default(),
            expires: self.expires,
        }
    }
}

impl Database {
    /// Every ticket, the newest first.
    pub(crate) fn tickets(&self) -> Result<Vec<TicketRecord>, DatabaseError> {
        let connection = self.lock();
        let sql = "SELECT id, name, secret, lan_only, trackers, expires, created, used, outdated, root, files, bytes \
                   FROM tickets ORDER BY created DESC";
        let mut statement = connection.prepare(sql)?;
        let mut tickets: Vec<TicketRecord> = statement.query_map([], ticket_from)?.collect::<Result<_, _>>()?;
        let mut statement = connection.prepare("SELECT name, path FROM ticket_sources WHERE ticket = ?1")?;
        for ticket in &mut tickets {
            let sources = statement.query_map([ticket.id.0], |row| Ok((row.get(0)?, path_from(row.get(1)?))))?;
            ticket.sources = sources.collect::<Result<_, _>>()?;
        }
        Ok(tickets)
    }

    /// Keeps a new ticket with its manifest.
    pub(crate) fn add_ticket(&self, ticket: &TicketRecord, manifest: &Manifest) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let trackers: Vec<&str> = ticket.trackers.iter().map(|tracker| &**tracker).collect();
        transaction.execute(
            "INSERT INTO tickets (id, name, secret, lan_only, trackers, expires, created, used, outdated, root, files, bytes) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                ticket.id.0,
                ticket.name,
                ticket.secret.0,
                ticket.lan_only,
                trackers.join("\n"),
                ticket.expires.map(as_sql),
                time_sql(ticket.created),
                as_sql(ticket.used),
                ticket.outdated,
                ticket.root.as_bytes(),
                ticket.files,
                as_sql(ticket.bytes)
            ],
        )?;
        for (name, path) in &ticket.sources {
            let sql = "INSERT INTO ticket_sources (ticket, name, path) VALUES (?1, ?2, ?3)";
            transaction.prepare_cached(sql)?.execute(params![ticket.id.0, name, path_bytes(path)])?;
        }
        let sql = "INSERT INTO ticket_manifests (ticket, manifest) VALUES (?1, ?2)";
        transaction.execute(sql, params![ticket.id.0, manifest.encoded()])?;
        Ok(transaction.commit()?)
    }

    /// The manifest of a ticket.
    pub(crate) fn ticket_manifest(&self, id: TicketId) -> Result<Option<Manifest>, DatabaseError> {
        let sql = "SELECT manifest FROM ticket_manifests WHERE ticket = ?1";
        let bytes: Option<Vec<u8>> = self.lock().query_row(sql, [id.0], |row| row.get(0)).optional()?;
        bytes.map(|bytes| Manifest::decode(bytes).map_err(|error| corrupt(0, error))).transpose()
    }

    /// Keeps what changes of a ticket.
    pub(crate) fn update_ticket(&self, ticket: &TicketRecord) -> Result<(), DatabaseError> {
        let sql = "UPDATE tickets SET used = ?2, outdated = ?3 WHERE id = ?1";
        self.lock().execute(sql, params![ticket.id.0, as_sql(ticket.used), ticket.outdated])?;
        Ok(())
    }

    /// Forgets a ticket.
    pub(crate) fn remove_ticket(&self, id: TicketId) -> Result<(), DatabaseError> {
        self.lock().execute("DELETE FROM tickets WHERE id = ?1", [id.0])?;
        Ok(())
    }
}

fn ticket_from(row: &Row<'_>) -> rusqlite::Result<TicketRecord> {
    let trackers: String = row.get(4)?;
    Ok(TicketRecord {
        id: TicketId(row.get(0)?),
        name: row.get(1)?,
        secret: Secret(row.get(2)?),
        lan_only: row.get(3)?,
        trackers: trackers.lines().filter_map(|line| line.parse().ok()).collect(),
        expires: row.get::<_, Option<i64>>(5)?.map(i64::unsigned_abs),
        created: UNIX_EPOCH + Duration::from_millis(row.get::<_, i64>(6)?.unsigned_abs()),
        used: row.get::<_, i64>(7)?.unsigned_abs(),
        outdated: row.get(8)?,
        root: Hash::from(row.get::<_, [u8; 32]>(9)?),
        files: row.get(10)?,
        bytes: row.get::<_, i64>(11)?.unsigned_abs(),
        sources: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use shoal_proto::manifest::Builder;

    #[test]
    fn tickets_are_kept_with_what_they_are_of() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Builder::default().finish().unwrap();
        let ticket = |id: u8| TicketRecord {
            id: TicketId([id; 16]),
            name: format!("holiday {id}"),
            secret: Secret([id; 16]),
            lan_only: id == 1,
            trackers: vec!["udp://a:1".parse().unwrap(), "https://b/c".parse().unwrap()],
            expires: (id == 2).then_some(77),
            created: UNIX_EPOCH + Duration::from_secs(id.into()),
            used: 0,
            outdated: false,
            root: manifest.id(),
            files: 3,
            bytes: 1 << 40,
            sources: vec![("a".into(), "/x/a".into()), ("b".into(), "/y/b".into())],
        };
        let database = Database::open(folder.path()).unwrap();
        let (first, mut second) = (ticket(1), ticket(2));
        database.add_ticket(&first, &manifest).unwrap();
        database.add_ticket(&second, &manifest).unwrap();
        (second.used, second.outdated) = (5, true);
        database.update_ticket(&second).unwrap();
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.tickets().unwrap(), [second.clone(), first.clone()]);
        assert_eq!(database.ticket_manifest(first.id).unwrap(), Some(manifest));
        database.remove_ticket(first.id).unwrap();
        assert_eq!(database.tickets().unwrap(), [second]);
        assert_eq!(database.ticket_manifest(first.id).unwrap(), None);
    }
}
