//! The command line: `shoal-app [--data-dir DIR] [--hidden] [FILE… | shoal:LINK]`, of the first start and of later ones.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Most things that one start hands over.
const MAX_FILES: usize = 20_000;

/// How links begin.
const SCHEME: &str = "shoal:";

/// What a start asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Where key and database are; none: the platform's folder.
    pub(crate) data_dir: Option<PathBuf>,
    /// No window at first: Shoal starts with the system.
    pub(crate) hidden: bool,
    /// To send.
    pub(crate) files: Vec<PathBuf>,
    /// `shoal:` links to open.
    pub(crate) links: Vec<String>,
}

impl Options {
    /// Reads the words after the program's name; relative paths are below `folder`. What it does not know is a file.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>, folder: &Path) -> Self {
        let (mut options, mut only_files) = (Self::default(), false);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--") if !only_files => only_files = true,
                Some("--hidden") if !only_files => options.hidden = true,
                Some("--data-dir") if !only_files => options.data_dir = words.next().map(|dir| folder.join(dir)),
                Some(link) if !only_files && is_link(link) => options.links.push(link.to_owned()),
                _ if options.files.len() < MAX_FILES => options.files.push(path(&word, folder)),
                _ => {}
            }
        }
        options
    }
}

/// Scanners hand over what a QR code holds, which may be in upper case.
fn is_link(word: &str) -> bool {
    word.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// File managers hand over paths or `file:` addresses.
fn path(word: &OsString, folder: &Path) -> PathBuf {
    let url = word.to_str().filter(|word| word.starts_with("file:")).and_then(|word| tauri::Url::parse(word).ok());
    url.and_then(|url| url.to_file_path().ok()).unwrap_or_else(|| folder.join(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn parsed(words: &[&str]) -> Options {
        Options::parse(words.iter().map(OsString::from), Path::new("/home/mira"))
    }

    #[cfg(unix)]
    #[test]
    fn files_links_and_options_are_told_apart() {
        let options = parsed(&[
            "--hidden",
            "--data-dir",
            "data",
            "a b.txt",
            "/x/y",
            "file:///home/mira/%C3%A9",
            "shoal:peer/abc",
            "SHOAL:AEL",
        ]);
        assert_eq!(options.data_dir, Some("/home/mira/data".into()));
        assert!(options.hidden);
        assert_eq!(options.files, [Path::new("/home/mira/a b.txt"), Path::new("/x/y"), Path::new("/home/mira/é")]);
        assert_eq!(options.links, ["shoal:peer/abc", "SHOAL:AEL"]);
        assert_eq!(parsed(&["--", "--hidden"]).files, [Path::new("/home/mira/--hidden")]);
    }

    #[test]
    fn one_start_hands_over_a_bounded_number_of_files() {
        let many = Options::parse((0..MAX_FILES + 5).map(|n| n.to_string().into()), Path::new("/"));
        assert_eq!(many.files.len(), MAX_FILES);
    }
}
