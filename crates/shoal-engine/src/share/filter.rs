//! What of a folder is shared: not what is hidden, not what belongs to the system, not what its owner's patterns leave out.
//!
//! Judged by names alone, so that the answer to a request does not depend on what is on the disk; but for marks that some systems give to
//! files beside names ([`crate::store::beneath::Seen::hidden`]).

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use shoal_proto::{RelativePath, display, message::TransferId};

/// Most lines of patterns, and the longest of them in bytes.
pub(crate) const MAX_PATTERNS: usize = 256;
pub(crate) const MAX_PATTERN: usize = 1024;

/// Names that systems leave in folders for themselves, in whatever case.
const OF_SYSTEMS: [&str; 8] = [
    "$recycle.bin",
    "desktop.ini",
    "lost+found",
    "pagefile.sys",
    "swapfile.sys",
    "hiberfil.sys",
    "system volume information",
    "thumbs.db",
];

/// A line that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is no pattern of .gitignore: {reason}", display::shown(.line))]
pub(crate) struct PatternError {
    line: String,
    reason: String,
}

/// What is left out.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    patterns: Gitignore,
    hidden: bool,
    /// This program's own folder, should it lie inside: it holds this device's key.
    sealed: Option<RelativePath>,
}

impl Filter {
    /// Patterns as in a `.gitignore` at the top of the share; `hidden`: hidden and system files are shared, too.
    ///
    /// # Errors
    /// The first line that is no pattern.
    pub(crate) fn new(patterns: &[String], hidden: bool, sealed: Option<RelativePath>) -> Result<Self, PatternError> {
        let wrong = |line: &str, reason: String| PatternError { line: line.to_owned(), reason };
        if patterns.len() > MAX_PATTERNS {
            return Err(wrong("the list", format!("it has more than {MAX_PATTERNS} lines")));
        }
        let mut builder = GitignoreBuilder::new("");
        for line in patterns {
            if line.len() > MAX_PATTERN {
                return Err(wrong("a line", format!("it is longer than {MAX_PATTERN} bytes")));
            }
            builder.add_line(None, line).map_err(|error| wrong(line, error.to_string()))?;
        }
        let patterns = builder.build().map_err(|error| wrong("the list", error.to_string()))?;
        Ok(Self { patterns, hidden, sealed })
    }

    /// Hidden and system files are shared, too.
    pub(crate) const fn shows_hidden(&self) -> bool {
        self.hidden
    }

    /// Whether something is left out whose folder is shared.
    pub(crate) fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        is_unfinished(name)
            || !self.hidden && (name.starts_with('.') || OF_SYSTEMS.iter().any(|other| name.eq_ignore_ascii_case(other)))
            || self.sealed.as_ref().is_some_and(|sealed| sealed.as_str() == path)
            || !self.patterns.is_empty() && self.patterns.matched(path, is_folder).is_ignore()
    }

    /// The last folder on the way to a path that is left out, or is in a folder that is, which is not left out itself: the outer `None`:
    /// the path is not; the inner one: the share itself. Whether anything of it is there is not looked at.
    pub(crate) fn shown_above(&self, path: &RelativePath, is_folder: bool) -> Option<Option<RelativePath>> {
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(end, _)| (end, true)).chain([(text.len(), is_folder)]);
        let mut out = ends.filter_map(|(end, is_folder)| Some((text.get(..end)?, is_folder)));
        let (first, _) = out.find(|(part, is_folder)| self.leaves_out(part, *is_folder))?;
        Some(first.rsplit_once('/').and_then(|(above, _)| RelativePath::parse(above).ok()))
    }

    /// Whether a path is left out, or a folder on the way to it. Whether it is there at all is not looked at.
    pub(crate) fn leaves_out_path(&self, path: &RelativePath, is_folder: bool) -> bool {
        let text = path.as_str();
        let above = text.match_indices('/').filter_map(|(end, _)| text.get(..end));
        above.into_iter().any(|folder| self.leaves_out(folder, true)) || self.leaves_out(text, is_folder)
    }
}

/// The hidden folder of a transfer to this machine (`.shoal-` and the transfer's id).
fn is_unfinished(name: &str) -> bool {
    name.strip_prefix(".shoal-").is_some_and(|id| id.parse::<TransferId>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filter(patterns: &[&str], hidden: bool) -> Filter {
        let patterns: Vec<String> = patterns.iter().map(|line| (*line).to_owned()).collect();
        Filter::new(&patterns, hidden, Some(RelativePath::parse("home/shoal").unwrap())).unwrap()
    }

    fn out(filter: &Filter, path: &str) -> bool {
        filter.leaves_out_path(&RelativePath::parse(path).unwrap(), false)
    }

    #[test]
    fn hidden_and_system_files_stay_out_unless_asked_for() {
        let plain = filter(&[], false);
        let hidden = [".ssh/id", "a/.git/config", "a/.hidden", "Thumbs.db", "a/Desktop.ini", "$RECYCLE.BIN/x"];
        assert!(hidden.iter().all(|path| out(&plain, path)));
        assert!(hidden.iter().all(|path| !out(&filter(&[], true), path)));
        assert!(!out(&plain, "a.b/c..d/e."));
    }

    #[test]
    fn patterns_work_as_in_a_gitignore() {
        let filter = filter(&["# old things", "*.tmp", "!keep.tmp", "/build/", "node_modules/", "docs/**/draft"], false);
        for path in ["a.tmp", "a/b.tmp", "build/x", "a/node_modules/b/c", "docs/a/b/draft"] {
            assert!(out(&filter, path), "{path}");
        }
        for path in ["keep.tmp", "a/build/x", "build", "a/draft", "node_modules"] {
            assert!(!out(&filter, path), "{path}");
        }
        assert!(filter.leaves_out("build", true));
    }

    #[test]
    fn the_own_key_and_unfinished_files_stay_out_whatever_was_asked_for() {
        let all = filter(&["!*"], true);
        assert!(out(&all, "home/shoal/key") && !out(&all, "home/shoal.txt"));
        assert!(out(&all, "a/.shoal-00112233445566778899aabbccddeeff/0") && !out(&all, ".shoal-notes"));
    }

    #[test]
    fn what_is_shown_above_something_left_out_is_found() {
        let filter = filter(&["*.tmp", "build/"], false);
        let above = |path: &str| filter.shown_above(&RelativePath::parse(path).unwrap(), true);
        assert_eq!((above("a/b"), above(".a/b")), (None, Some(None)));
        for path in ["a/b/.c", "a/b/.c/d/.e", "a/b/c.tmp/d", "a/b/build"] {
            assert_eq!(above(path).unwrap().unwrap().as_str(), "a/b", "{path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        let error = Filter::new(&["[z-a]".to_owned()], false, None).unwrap_err().to_string();
        assert!(error.starts_with("[z-a] is no pattern"), "{error}");
        assert!(Filter::new(&vec!["a".to_owned(); MAX_PATTERNS + 1], false, None).is_err());
        assert!(Filter::new(&["a".repeat(MAX_PATTERN + 1)], false, None).is_err());
    }
}
