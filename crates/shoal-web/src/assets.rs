//! The UI's files, built into this program.

/// What `ui/dist` held when this was compiled: path, content. Empty when the UI was not built.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// The page that everything begins with.
const INDEX: &str = "index.html";

/// Vite puts a hash of the content into the names in here.
const HASHED: &str = "assets/";

/// A table of files that never changes while the program runs: nothing that a browser asks for becomes a path on the disk.
#[derive(Debug, Clone, Copy)]
pub struct Assets(&'static [(&'static str, &'static [u8])]);

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asset {
    pub(crate) content: &'static [u8],
    pub(crate) content_type: &'static str,
    /// It is another file, under another name, whenever its content is another.
    pub(crate) immutable: bool,
}

impl Assets {
    /// The UI; `None` when this program was built without it.
    pub fn embedded() -> Option<Self> {
        Some(Self(EMBEDDED)).filter(|assets| assets.get("/").is_some())
    }

    /// Other files than the UI, for tests.
    pub const fn of(files: &'static [(&'static str, &'static [u8])]) -> Self {
        Self(files)
    }

    /// The file at a URL's path.
    pub(crate) fn get(self, path: &str) -> Option<Asset> {
        let name = path.strip_prefix('/').map(|name| if name.is_empty() { INDEX } else { name })?;
        let (name, content) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(Asset { content, content_type: content_type(name), immutable: name.starts_with(HASHED) })
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_in_the_table_is_served() {
        let assets = Assets::of(&[("index.html", b"page"), ("assets/a-1.js", b"js")]);
        assert_eq!(assets.get("/").unwrap().content, b"page");
        assert_eq!(assets.get("/assets/a-1.js").unwrap().content_type, "text/javascript; charset=utf-8");
        assert!(assets.get("/assets/a-1.js").unwrap().immutable && !assets.get("/index.html").unwrap().immutable);
        for other in ["", "index.html", "//", "/assets", "/assets/", "/../Cargo.toml", "/assets/../index.html", "/%69ndex.html"] {
            assert_eq!(assets.get(other), None, "{other}");
        }
    }
}
