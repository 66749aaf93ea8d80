//! The UI's types are these types: generated, committed, and checked here.

#![allow(clippy::unwrap_used)]

use crate::{request::Content, rows::*, *};
use std::path::Path;
use ts_rs::{Config as TsConfig, TS};

const HEAD: &str =
    "// Generated from crates/shoal-api by `SHOAL_WRITE_BINDINGS=1 cargo test -p shoal-api bindings`. Do not edit.\n";

fn generated() -> String {
    // JSON has one kind of number; sizes stay far below 2^53.
    let config = TsConfig::new().with_large_int("number");
    let mut text = HEAD.to_owned();
    macro_rules! declare {
        ($($kind:ty),+ $(,)?) => {$(
            text.push('\n');
            text.push_str(&<$kind as TS>::docs().unwrap_or_default());
            text.push_str("export ");
            text.push_str(&<$kind as TS>::decl(&config));
            text.push('\n');
        )+};
    }
    declare!(
        Request,
        Content,
        Reply,
        Event,
        Failure,
        Code,
        Snapshot,
        Identity,
        Device,
        DevicePath,
        Trust,
        Via,
        Platform,
        Sas,
        Transfer,
        Direction,
        State,
        Offer,
        Entry,
        EntryRange,
        EntryState,
        Settings,
        SettingsChange,
        Accept,
        Interface,
        HealthNote,
        HealthCode,
        Limits,
        Bench,
        Measure,
        Limit,
        Bottleneck,
        OwnShare,
        ShareChange,
        ShareRisk,
        RiskCode,
        MediaKind,
        SearchKind,
        Item,
        ItemSort,
        SortBy,
        FoundItem,
        OwnLink,
    );
    text
}

/// The UI would otherwise be compiled against types that no host speaks.
#[test]
fn bindings_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/api/generated/api.ts");
    if std::env::var_os("SHOAL_WRITE_BINDINGS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, generated()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert!(committed == generated(), "{} is not current: run the command in its first line", path.display());
}
