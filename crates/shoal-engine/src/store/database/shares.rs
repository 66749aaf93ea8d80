//! Folders that this device shares.

use super::{
    Added, Database, DatabaseError,
    forms::{meaning, path_bytes, path_from, word},
};
use rusqlite::{Row, params, types::Type};
use shoal_proto::{
    PeerId, RelativePath,
    message::TransferId,
    share::{
        Place, ShareId,
        rights::{Access, Audience, Rights},
    },
};
use std::{collections::BTreeSet, path::PathBuf};

impl Added {
    /// From the last three columns of a transfer.
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let Some(share) = row.get::<_, Option<[u8; 16]>>(21)?.map(ShareId) else { return Ok(None) };
        let folder = row.get::<_, Option<String>>(22)?.map(|folder| RelativePath::parse(&folder)).transpose();
        let folder = folder.map_err(|error| rusqlite::Error::FromSqlConversionFailure(22, Type::Text, Box::new(error)))?;
        Ok(Some(Self { place: Place { share, folder }, name: row.get(23)? }))
    }
}

/// A share as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareRecord {
    pub(crate) id: ShareId,
    /// Unique on this device.
    pub(crate) name: String,
    /// Absolute.
    pub(crate) path: PathBuf,
    pub(crate) rights: Rights,
    /// Hidden and system files are shared, too.
    pub(crate) hidden: bool,
    /// Patterns of what is not shared.
    pub(crate) ignored: Vec<String>,
}

/// The words for audiences; that of chosen devices is any other.
const AUDIENCES: [(&Audience, &str); 3] =
    [(&Audience::Everyone, "everyone"), (&Audience::Known, "known"), (&Audience::Verified, "verified")];
const CHOSEN: &str = "chosen";

impl Database {
    /// Every share.
    pub(crate) fn shares(&self) -> Result<Vec<ShareRecord>, DatabaseError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare("SELECT id, name, path, audience, may_add, paused, hidden, ignored FROM shares ORDER BY name")?;
        let mut peers = connection.prepare("SELECT peer FROM share_peers WHERE share = ?1")?;
        let mut rows = statement.query([])?;
        let mut shares = Vec::new();
        while let Some(row) = rows.next()? {
            let id = ShareId(row.get(0)?);
            let audience = match meaning(&AUDIENCES, &row.get::<_, String>(3)?) {
                Some(audience) => audience.clone(),
                None => {
                    let chosen = peers.query_map([id.0], |row| Ok(PeerId::from_public_key(row.get(0)?)))?;
                    Audience::Chosen(chosen.collect::<Result<_, _>>()?)
                }
            };
            let access = if row.get(4)? { Access::ReadAndAdd } else { Access::Read };
            shares.push(ShareRecord {
                id,
                name: row.get(1)?,
                path: path_from(row.get(2)?),
                rights: Rights { audience, access, paused: row.get(5)? },
                hidden: row.get(6)?,
                ignored: row.get::<_, String>(7)?.lines().map(str::to_owned).collect(),
            });
        }
        Ok(shares)
    }

    /// Keeps a share.
    pub(crate) fn set_share(&self, share: &ShareRecord) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM shares WHERE id = ?1", [share.id.0])?;
        let audience = word(&AUDIENCES, &share.rights.audience);
        transaction.execute(
            "INSERT INTO shares (id, name, path, audience, may_add, paused, hidden, ignored) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                share.id.0,
                share.name,
                path_bytes(&share.path),
                if audience.is_empty() { CHOSEN } else { audience },
                share.rights.access == Access::ReadAndAdd,
                share.rights.paused,
                share.hidden,
                share.ignored.join("\n")
            ],
        )?;
        let nobody = BTreeSet::new();
        let chosen = if let Audience::Chosen(peers) = &share.rights.audience { peers } else { &nobody };
        for peer in chosen {
            let sql = "INSERT INTO share_peers (share, peer) VALUES (?1, ?2)";
            transaction.prepare_cached(sql)?.execute(params![share.id.0, peer.as_bytes()])?;
        }
        Ok(transaction.commit()?)
    }

    /// A sending out of a share, or by a ticket, is over: its list goes, and of the ended ones the last `kept` stay in the history.
    pub(crate) fn end_shared(&self, id: TransferId, kept: u32) -> Result<(), DatabaseError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM manifests WHERE transfer = ?1", [id.0])?;
        transaction.execute("DELETE FROM sources WHERE transfer = ?1", [id.0])?;
        transaction.execute(
            "DELETE FROM transfers WHERE (share IS NOT NULL OR own_ticket IS NOT NULL) AND direction = 'send' \
             AND state IN ('finished', 'failed', 'cancelled', 'declined') AND created <= \
             (SELECT created FROM transfers WHERE (share IS NOT NULL OR own_ticket IS NOT NULL) AND direction = 'send' \
              ORDER BY created DESC LIMIT 1 OFFSET ?1)",
            [kept],
        )?;
        Ok(transaction.commit()?)
    }

    /// Forgets a share.
    pub(crate) fn remove_share(&self, id: ShareId) -> Result<(), DatabaseError> {
        self.lock().execute("DELETE FROM shares WHERE id = ?1", [id.0])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn share(id: u8, audience: Audience) -> ShareRecord {
        ShareRecord {
            id: ShareId([id; 16]),
            name: format!("share {id}"),
            path: "/somewhere".into(),
            rights: Rights { audience, access: Access::ReadAndAdd, paused: id == 2 },
            hidden: id == 1,
            ignored: vec!["*.tmp".to_owned(), "/build/".to_owned()],
        }
    }

    #[test]
    fn shares_are_kept_with_whom_they_are_for() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = Audience::Chosen([1, 2].map(|key| PeerId::from_public_key([key; 32])).into());
        let audiences = [Audience::Everyone, Audience::Known, Audience::Verified, chosen, Audience::Chosen(BTreeSet::new())];
        let mut shares: Vec<_> = (1..).zip(audiences).map(|(id, audience)| share(id, audience)).collect();
        let database = Database::open(folder.path()).unwrap();
        shares.iter().for_each(|share| database.set_share(share).unwrap());
        drop(database);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.shares().unwrap(), shares);
        let fourth = shares.get_mut(3).unwrap();
        fourth.rights.audience = Audience::Chosen([PeerId::from_public_key([3; 32])].into());
        database.set_share(fourth).unwrap();
        assert_eq!(database.shares().unwrap(), shares);
        database.remove_share(ShareId([1; 16])).unwrap();
        assert_eq!(database.shares().unwrap(), shares.split_off(1));
    }
}
