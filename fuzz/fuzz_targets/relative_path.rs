#![no_main]
use shoal_proto::{RelativePath, name};

// A path that is taken leads nowhere but down, on any system, and no name on the disk is lost.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(path) = RelativePath::parse(text)
    {
        assert_eq!(RelativePath::from_components(path.components()), Ok(path.clone()));
        for component in path.components() {
            let name = name::to_os(component);
            assert!(std::path::Path::new(&name).components().eq([std::path::Component::Normal(&name)]));
            assert_eq!(name::from_os(&name).as_deref(), Ok(component));
        }
    }
    #[cfg(unix)]
    {
        let name = std::os::unix::ffi::OsStrExt::from_bytes(bytes.get(..255).unwrap_or(bytes));
        if let Ok(component) = name::from_os(name) {
            assert_eq!(name::to_os(&component), name);
        }
    }
});
