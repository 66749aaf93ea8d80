#![no_main]
use shoal_proto::{Manifest, manifest::Builder};

// A list that is read holds what it counts, and has no other encoding.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::decode(bytes.to_vec()) else { return };
    let mut builder = Builder::default();
    let (mut entries, mut files, mut total) = (0, 0, 0);
    for (index, entry) in manifest.entries() {
        assert_eq!(index.0, entries);
        entries += 1;
        files += u32::from(entry.kind.is_file());
        total += entry.kind.size();
        builder.push(&entry).expect("an entry that was read can be written");
    }
    assert_eq!((entries, files, total), (manifest.len(), manifest.files(), manifest.bytes()));
    assert_eq!(builder.finish().expect("as long as before").encoded(), bytes);
});
