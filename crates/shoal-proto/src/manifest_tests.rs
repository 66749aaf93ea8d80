#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Any set of paths, with their folders added, as a list of entries.
fn lists() -> impl Strategy<Value = Vec<Entry>> {
    let component = prop_oneof!["[a-c]{1,3}", "[äöü€😀 \n-]{1,4}"];
    let path = prop::collection::vec(component, 1..4);
    let kind = (any::<u64>(), any::<bool>(), any::<Option<[u8; 32]>>());
    let file = (path, kind, any::<i64>(), 0u32..1_000_000_000);
    prop::collection::vec(file, 0..80).prop_map(|files| {
        let mut list = BTreeMap::new();
        for (components, (size, executable, root), seconds, nanos) in files {
            let path = RelativePath::from_components(components.iter().map(String::as_str)).unwrap();
            let mut parent = path.parent();
            if list.keys().any(|other: &RelativePath| other.starts_with(&path)) {
                continue;
            }
            let mut folders = Vec::new();
            while let Some(folder) = parent {
                parent = folder.parent();
                folders.push(folder);
            }
            if folders.iter().any(|folder| list.get(folder).is_some_and(|e: &Entry| e.kind.is_file())) {
                continue;
            }
            let modified = Timestamp { seconds, nanos };
            for folder in folders {
                list.entry(folder.clone()).or_insert(Entry { path: folder, modified, kind: EntryKind::Folder });
            }
            let kind = EntryKind::File { size: size >> 16, executable, root: root.map(Hash::from) };
            list.insert(path.clone(), Entry { path, modified, kind });
        }
        list.into_values().collect()
    })
}

fn build(list: &[Entry]) -> Manifest {
    let mut builder = Builder::default();
    for entry in list {
        builder.push(entry).unwrap();
    }
    builder.finish().unwrap()
}

proptest! {
    #[test]
    fn every_list_round_trips_and_has_one_encoding(list in lists()) {
        let manifest = build(&list);
        let decoded = Manifest::decode(manifest.encoded().to_vec()).unwrap();
        let entries: Vec<Entry> = decoded.entries().map(|(_, entry)| entry).collect();
        prop_assert_eq!(&entries, &list);
        for (index, entry) in list.iter().enumerate() {
            let found = decoded.entry(EntryIndex(index as u32));
            prop_assert_eq!(found.as_ref(), Some(entry));
        }
        prop_assert_eq!(decoded.entry(EntryIndex(list.len() as u32)), None);
        prop_assert_eq!(decoded.bytes(), list.iter().map(|entry| entry.kind.size()).sum::<u64>());
        prop_assert_eq!(build(&entries).id(), manifest.id());
    }

    #[test]
    fn what_decodes_is_its_own_encoding(list in lists(), at: prop::sample::Index, byte: u8) {
        let mut encoded = build(&list).encoded().to_vec();
        let at = at.index(encoded.len());
        encoded[at] = byte;
        if let Ok(manifest) = Manifest::decode(encoded.clone()) {
            let entries: Vec<Entry> = manifest.entries().map(|(_, entry)| entry).collect();
            let again = build(&entries);
            prop_assert_eq!(again.encoded(), encoded);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes: Vec<u8>) {
        bytes.insert(0, VERSION);
        let _ = Manifest::decode(bytes);
    }
}

fn file(path: &str) -> Entry {
    let kind = EntryKind::File { size: 1, executable: false, root: None };
    Entry { path: RelativePath::parse(path).unwrap(), modified: Timestamp::default(), kind }
}

fn folder(path: &str) -> Entry {
    Entry { kind: EntryKind::Folder, ..file(path) }
}

#[test]
fn an_entry_whose_folder_is_not_listed_is_refused() {
    let mut builder = Builder::default();
    assert_eq!(builder.push(&file("a/b")), Err(ManifestError::Order));
    builder.push(&folder("a")).unwrap();
    builder.push(&file("a/b")).unwrap();
    assert_eq!(builder.push(&file("a/b/c")), Err(ManifestError::Order));
    assert_eq!(builder.push(&file("a/b")), Err(ManifestError::Order));
    builder.push(&file("a-")).unwrap();
}

#[test]
fn a_billion_entries_are_refused_without_memory() {
    let mut encoded = vec![VERSION];
    put_varint(&mut encoded, 1_000_000_000);
    assert_eq!(Manifest::decode(encoded), Err(ManifestError::TooLong));
    let mut encoded = vec![VERSION];
    put_varint(&mut encoded, 1_000_000);
    assert_eq!(Manifest::decode(encoded), Err(ManifestError::Malformed));
}
