//! The mark of the web: what arrives from elsewhere says so, and the system asks before it runs it.

use std::{fs::File, io, path::Path};

/// Marks a file before it gets its final name. Linux has no such mark.
///
/// # Errors
/// The filesystem cannot hold the mark (FAT, many network drives), or refuses.
pub(super) fn mark(file: &File, path: &Path) -> io::Result<()> {
    #[cfg(windows)]
    {
        // A stream of the file: https://learn.microsoft.com/openspecs/windows_protocols/ms-fscc (Zone.Identifier). 3: internet.
        let mut stream = path.as_os_str().to_owned();
        stream.push(":Zone.Identifier");
        std::fs::write(stream, "[ZoneTransfer]\r\nZoneId=3\r\n")?;
    }
    #[cfg(target_os = "macos")]
    {
        // "flags;time in hexadecimal;agent;id": 0081 is "downloaded, not yet approved".
        use xattr::FileExt;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        file.set_xattr("com.apple.quarantine", format!("0081;{now:08x};Shoal;").as_bytes())?;
    }
    let _ = (file, path);
    Ok(())
}
