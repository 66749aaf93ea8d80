//! Scripts read these fields: each line has at least what the contract of the command names, under those names.

#![allow(clippy::unwrap_used)]

use crate::{Event, SettingsChange, rows::*};
use serde::Serialize;
use serde_json::Value;
use shoal_engine as engine;
use std::time::{Duration, UNIX_EPOCH};

fn transfer() -> engine::Transfer {
    engine::Transfer {
        id: engine::TransferId([0xab; 16]),
        direction: engine::Direction::Receive,
        fetched: false,
        added_to: None,
        peer: engine::PeerId::from_public_key([7; 32]),
        peer_name: "Mira's laptop".into(),
        name: "holiday".into(),
        text: None,
        state: engine::State::Active,
        awaits_answer: false,
        files: 3,
        files_done: 1,
        files_failed: 1,
        bytes: 1 << 40,
        bytes_done: 5,
        bytes_moved: 4,
        rate: 9,
        eta: Some(Duration::from_millis(1200)),
        cause: None,
        error: Some("one file failed".into()),
        into: Some("/inbox".into()),
        free: Some(1),
        first_names: vec!["a".into()],
        started: UNIX_EPOCH + Duration::from_secs(5),
        since: UNIX_EPOCH + Duration::from_millis(7900),
    }
}

fn device() -> engine::Device {
    engine::Device {
        id: engine::PeerId::from_public_key([7; 32]),
        name: "Mira's laptop".into(),
        platform: Some(engine::Platform::Linux),
        colour: engine::Colour::new(11),
        trust: engine::Trust::Verified,
        accepts: Some(10_000_000_000),
        online: true,
        paths: vec![engine::Path { via: engine::Via::Mdns, address: "192.168.1.2:47474".parse().unwrap() }],
        rtt: Some(Duration::from_micros(1234)),
    }
}

fn has(row: &impl Serialize, fields: &[&str]) -> Value {
    let json = serde_json::to_value(row).unwrap();
    for field in fields {
        assert!(json.get(field).is_some(), "{field} is missing in {json}");
    }
    json
}

#[test]
fn rows_have_the_fields_of_the_contract() {
    let row = has(
        &Transfer::from(transfer()),
        &[
            "transfer",
            "direction",
            "peers",
            "name",
            "state",
            "files",
            "files_done",
            "files_failed",
            "bytes",
            "bytes_done",
            "rate",
            "eta_s",
            "error",
        ],
    );
    assert_eq!((&row["direction"], &row["state"], &row["eta_s"]), (&"receive".into(), &"active".into(), &2.into()));
    assert_eq!(row["bytes"], 1_u64 << 40);
    assert_eq!((&row["started"], &row["since"]), (&5.into(), &7.into()));

    let added = engine::Transfer { added_to: Some("Drop box".into()), ..transfer() };
    assert_eq!(has(&Transfer::from(added), &["added_to"])["added_to"], "Drop box");

    let row = has(&Device::from(device()), &["id", "name", "trust", "accepts", "online", "paths", "rtt_ms", "colour"]);
    assert_eq!(row["colour"], 11);
    assert_eq!(row["accepts"], 10_000_000_000_u64);
    assert_eq!((&row["trust"], &row["paths"][0]["via"]), (&"verified".into(), &"mdns".into()));
    assert_eq!((&row["paths"][0]["address"], &row["rtt_ms"]), (&"192.168.1.2:47474".into(), &1.234.into()));

    let text = engine::Transfer { text: Some("hello".into()), ..transfer() };
    has(&Offer::from(text), &["offer", "from", "name", "files", "bytes", "text"]);
    has(&Sas::from(engine::Sas { digits: "1".into(), emoji: "2".into() }), &["sas_digits", "sas_emoji"]);
    let nothing = Device::from(engine::Device { rtt: None, platform: None, accepts: None, ..device() });
    let nothing = serde_json::to_value(nothing).unwrap();
    assert_eq!((nothing.get("rtt_ms"), nothing.get("accepts")), (None, None), "what is not known is left out");
}

#[test]
fn events_have_the_fields_of_the_contract() {
    let id = transfer().id;
    let settings = engine::Settings {
        name: "Mira's laptop".into(),
        inbox: "/inbox".into(),
        accept: engine::AcceptRule::Ask,
        discoverable: true,
        interfaces: vec![],
        limits: engine::Limits::default(),
        colour: None,
    };
    let cases: [(engine::Event, &str, &[&str]); 10] = [
        (engine::Event::Offered(transfer()), "offered", &["transfer", "peer"]),
        (
            engine::Event::Progress(engine::Transfer { eta: None, ..transfer() }),
            "progress",
            &["transfer", "bytes_done", "bytes", "files_done", "files", "rate", "eta_s"],
        ),
        (
            engine::Event::Finished { transfer: transfer(), took: Duration::from_millis(1500) },
            "finished",
            &["transfer", "files", "bytes", "bytes_moved", "seconds"],
        ),
        (engine::Event::Interrupted { transfer: id, reason: "asleep".into() }, "interrupted", &["transfer", "reason"]),
        (engine::Event::Failed { transfer: transfer(), error: "no".into() }, "failed", &["transfer", "error"]),
        (engine::Event::Device(device()), "device", &["id", "name", "trust", "online", "paths"]),
        (engine::Event::Transfer(transfer()), "transfer", &["transfer", "state"]),
        (engine::Event::Settings(settings), "settings", &["name", "inbox", "accept", "limits", "colour"]),
        (engine::Event::FolderChanged { watch: 7, revision: u64::MAX }, "folder_changed", &["watch", "revision"]),
        (engine::Event::WatchEnded { watch: 7, gone: true }, "watch_ended", &["watch", "gone"]),
    ];
    for (event, tag, fields) in cases {
        let event = Event::from(event);
        let json = has(&event, fields);
        assert_eq!(json["event"], tag);
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "a front end reads back what was said");
    }
    let ready = Event::Ready { id: "a".into(), name: "b".into(), addresses: vec![], web: None, web_fingerprint: None };
    assert_eq!(serde_json::to_string(&ready).unwrap(), r#"{"event":"ready","id":"a","name":"b","addresses":[]}"#);
}

/// Null takes a colour back; a change that does not name it leaves it.
#[test]
fn a_colour_that_is_left_out_is_told_from_none() {
    let read = |json| serde_json::from_str::<SettingsChange>(json).unwrap().colour;
    assert_eq!([r#"{}"#, r#"{"colour":null}"#, r#"{"colour":3}"#].map(read), [None, Some(None), Some(Some(3))]);
    let written = |colour| serde_json::to_string(&SettingsChange { colour, ..SettingsChange::default() }).unwrap();
    assert_eq!([None, Some(None), Some(Some(3))].map(written), ["{}", r#"{"colour":null}"#, r#"{"colour":3}"#]);
}

/// A script tries again after a failure and not after a no.
#[test]
fn a_declined_end_is_told_from_a_failed_one() {
    let ended = |state| {
        let transfer = engine::Transfer { state, ..transfer() };
        serde_json::to_value(Event::from(engine::Event::Failed { transfer, error: String::new() })).unwrap()["code"].clone()
    };
    assert_eq!(ended(engine::State::Declined), "declined");
    assert_eq!(ended(engine::State::Failed), "failed");
}
