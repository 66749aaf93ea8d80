//! What an earlier version kept is there for this one.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::Trust;

#[test]
fn a_database_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let first = Connection::open(folder.path().join("shoal.db")).unwrap();
    first.execute_batch(include_str!("../schema_1.sql")).unwrap();
    let sql = "INSERT INTO devices (id, name, platform, trust, addresses, accepts, seen) \
               VALUES (?1, 'nas', 'linux', 'known', '10.0.0.1:5', NULL, 0)";
    first.execute(sql, [[7_u8; 32]]).unwrap();
    first.pragma_update(None, "user_version", 1).unwrap();
    drop(first);

    let database = Database::open(folder.path()).unwrap();
    let [device] = &database.devices().unwrap()[..] else { panic!("one device") };
    assert_eq!((device.name.as_deref(), device.trust, device.colour), (Some("nas"), Trust::Known, None));
    let coloured = DeviceRecord { colour: Colour::new(11), ..device.clone() };
    database.set_device(&coloured).unwrap();
    drop(database);
    assert_eq!(Database::open(folder.path()).unwrap().devices().unwrap(), [coloured]);
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Database::open(folder.path()).unwrap();
    let later = Connection::open(folder.path().join("shoal.db")).unwrap();
    later.pragma_update(None, "user_version", u32::try_from(MIGRATIONS.len()).unwrap() + 1).unwrap();
    drop(later);
    assert!(matches!(Database::open(folder.path()), Err(DatabaseError::Newer(_))));
}
