//! What a file probably holds, by its name alone: enough to choose a picture for it, to filter a search, and to tell a web view how to
//! show it. Never a reason to trust it.

use serde::{Deserialize, Serialize};

/// What a file holds, as people sort files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Media {
    /// A still picture.
    Image,
    /// A film.
    Video,
    /// Music or speech.
    Audio,
    /// Something to read.
    Document,
}

/// Endings, what they mean, and the type that a web view plays or shows without running anything (RFC 6838); `None`: it does not.
const ENDINGS: &[(&str, Media, Option<&str>)] = &[
    ("avif", Media::Image, Some("image/avif")),
    ("bmp", Media::Image, Some("image/bmp")),
    ("cr2", Media::Image, None),
    ("dng", Media::Image, None),
    ("gif", Media::Image, Some("image/gif")),
    ("heic", Media::Image, None),
    ("ico", Media::Image, Some("image/x-icon")),
    ("jpeg", Media::Image, Some("image/jpeg")),
    ("jpg", Media::Image, Some("image/jpeg")),
    ("nef", Media::Image, None),
    ("png", Media::Image, Some("image/png")),
    ("psd", Media::Image, None),
    ("svg", Media::Image, Some("image/svg+xml")),
    ("tif", Media::Image, None),
    ("tiff", Media::Image, None),
    ("webp", Media::Image, Some("image/webp")),
    ("avi", Media::Video, None),
    ("m4v", Media::Video, Some("video/mp4")),
    ("mkv", Media::Video, Some("video/x-matroska")),
    ("mov", Media::Video, Some("video/quicktime")),
    ("mp4", Media::Video, Some("video/mp4")),
    ("mpeg", Media::Video, None),
    ("mpg", Media::Video, None),
    ("ogv", Media::Video, Some("video/ogg")),
    ("webm", Media::Video, Some("video/webm")),
    ("wmv", Media::Video, None),
    ("aac", Media::Audio, Some("audio/aac")),
    ("aiff", Media::Audio, None),
    ("flac", Media::Audio, Some("audio/flac")),
    ("m4a", Media::Audio, Some("audio/mp4")),
    ("mp3", Media::Audio, Some("audio/mpeg")),
    ("oga", Media::Audio, Some("audio/ogg")),
    ("ogg", Media::Audio, Some("audio/ogg")),
    ("opus", Media::Audio, Some("audio/ogg")),
    ("wav", Media::Audio, Some("audio/wav")),
    ("wma", Media::Audio, None),
    ("csv", Media::Document, None),
    ("doc", Media::Document, None),
    ("docx", Media::Document, None),
    ("epub", Media::Document, None),
    ("htm", Media::Document, None),
    ("html", Media::Document, None),
    ("md", Media::Document, None),
    ("odp", Media::Document, None),
    ("ods", Media::Document, None),
    ("odt", Media::Document, None),
    ("pdf", Media::Document, None),
    ("ppt", Media::Document, None),
    ("pptx", Media::Document, None),
    ("rtf", Media::Document, None),
    ("tex", Media::Document, None),
    ("txt", Media::Document, None),
    ("xls", Media::Document, None),
    ("xlsx", Media::Document, None),
];

impl Media {
    /// What a file of this name holds; `None`: nothing of these.
    pub fn of(name: &str) -> Option<Self> {
        ending(name).map(|(_, media, _)| *media)
    }
}

/// The type under which a web view may show or play a file of this name; `None`: bytes, to be saved and never shown as a page.
pub fn content_type(name: &str) -> Option<&'static str> {
    ending(name).and_then(|(_, _, content_type)| *content_type)
}

fn ending(name: &str) -> Option<&'static (&'static str, Media, Option<&'static str>)> {
    let (stem, ending) = name.rsplit_once('.')?;
    ENDINGS.iter().find(|(known, ..)| !stem.is_empty() && known.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_a_file_probably_holds() {
        assert_eq!((Media::of("film.MP4"), content_type("film.MP4")), (Some(Media::Video), Some("video/mp4")));
        assert_eq!((Media::of("a.b.Jpg"), content_type("song.opus")), (Some(Media::Image), Some("audio/ogg")));
        assert_eq!((Media::of("letter.pdf"), content_type("letter.pdf")), (Some(Media::Document), None));
        for plain in ["mp4", ".mp4", "mp4.", "a.mp4x", "", "."] {
            assert_eq!((Media::of(plain), content_type(plain)), (None, None), "{plain}");
        }
    }

    /// What can hold a script is only ever an image, in which none runs.
    #[test]
    fn nothing_is_shown_as_a_page() {
        for (_, media, content_type) in ENDINGS {
            let kind = content_type.and_then(|content_type| content_type.split('/').next());
            let fits = match media {
                Media::Image => kind.is_none_or(|kind| kind == "image"),
                Media::Video => kind.is_none_or(|kind| kind == "video"),
                Media::Audio => kind.is_none_or(|kind| kind == "audio"),
                Media::Document => kind.is_none(),
            };
            assert!(fits, "{content_type:?}");
        }
    }
}
