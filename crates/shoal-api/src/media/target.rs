//! What an address means.

use crate::{Code, Failure, query};
use shoal_engine::{Name, PeerId, RelativePath};

/// Something that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) peer: PeerId,
    /// `/SHARE/PATH`.
    pub(super) path: String,
    pub(super) view: View,
    /// The address names a version, so what is there never changes.
    pub(super) is_version: bool,
}

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// The file itself, to be shown, or to be saved.
    File { save: bool },
    /// A small picture of it, of this many pixels on the longer side.
    Thumbnail { edge: u16 },
}

impl Target {
    /// Reads `/media/PEER/SHARE/PATH…` and `/thumbnail/PEER/SHARE/PATH…?edge=N`, each name encoded by itself.
    pub(super) fn parse(path: &str, query: Option<&str>) -> Result<Self, Failure> {
        Self::read(path, query).ok_or_else(|| Failure::new(Code::Usage, "this is no address of a shared file"))
    }

    fn read(path: &str, query: Option<&str>) -> Option<Self> {
        let mut names = path.strip_prefix('/')?.split('/');
        let view = match names.next()? {
            "media" => View::File { save: query::value(query, "save").as_deref() == Some("1") },
            "thumbnail" => View::Thumbnail { edge: query::value(query, "edge")?.parse().ok()? },
            _ => return None,
        };
        // Whole ids only: a page that shows a file knows whose it is.
        let peer = names.next()?.parse().ok()?;
        let share = Name::parse(&query::component(names.next()?)?).ok()?;
        let names: Vec<String> = names.map(decoded).collect::<Option<_>>()?;
        let within = RelativePath::parse(&names.join("/")).ok()?;
        let path = format!("/{}/{}", share.as_str(), within.as_str());
        Some(Self { peer, path, view, is_version: query::value(query, "v").is_some() })
    }

    /// The file's own name.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&*self.path, |(_, name)| name)
    }
}

/// A name; a slash that was encoded would make two of it.
fn decoded(component: &str) -> Option<String> {
    query::component(component).filter(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::media::tests::PEER;

    #[test]
    fn addresses_name_one_file_of_one_device() {
        let file = Target::parse(&format!("/media/{PEER}/Films/a%20b/%C3%BC%25%3F%2B+.mp4"), Some("v=5-7&save=1")).unwrap();
        assert_eq!((file.path.as_str(), file.name()), ("/Films/a b/ü%?++.mp4", "ü%?++.mp4"));
        assert_eq!((file.view, file.is_version, file.peer.to_string().as_str()), (View::File { save: true }, true, PEER));
        let thumbnail = Target::parse(&format!("/thumbnail/{PEER}/Films/a.jpg"), Some("edge=64")).unwrap();
        assert_eq!((thumbnail.view, thumbnail.is_version), (View::Thumbnail { edge: 64 }, false));
    }

    #[test]
    fn what_is_no_address_of_a_file_is_refused() {
        let below = |rest: &str| format!("/media/{PEER}/{rest}");
        let refused = [
            below(""),
            below("Films"),
            below("Films/"),
            below("Films//a"),
            below("Films/../a"),
            below("Films/%2e%2e/a"),
            below("Films/a%2fb"),
            below("%2e%2e/a"),
            below("a%2fb/c"),
            below("Films/a%"),
            below("Films/%ff"),
            below("Films/%00"),
            "/media/mira/Films/a".into(),
            "/media/127.0.0.1:5/Films/a".into(),
            format!("/thumbnail/{PEER}/Films/a.jpg"),
            format!("/other/{PEER}/Films/a.jpg"),
            format!("media/{PEER}/Films/a.jpg"),
            String::new(),
            "/".into(),
        ];
        for path in refused {
            assert_eq!(Target::parse(&path, None).unwrap_err().code, Code::Usage, "{path}");
        }
        for edge in ["edge=", "edge=-1", "edge=65536", "edge=x", "edge=1&edge=2"] {
            assert!(Target::parse(&format!("/thumbnail/{PEER}/Films/a.jpg"), Some(edge)).is_err(), "{edge}");
        }
    }
}
