//! The question about one offer: what is said, and what the keys mean.

use crate::words;
use console::style;
use shoal_api::{Transfer, Trust};
use std::path::PathBuf;

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Decline,
    Block,
}

/// What the next line that is typed means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Key,
    Folder,
    Patterns,
}

/// One offer on the screen.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) row: Transfer,
    trust: Trust,
    into: Option<PathBuf>,
    only: Vec<String>,
    expect: Expect,
}

impl Prompt {
    pub(super) fn new(row: Transfer, trust: Trust, into: Option<PathBuf>) -> Self {
        Self { row, trust, into, only: Vec::new(), expect: Expect::Key }
    }

    /// Who, what, how much, where to, and whether there is room.
    pub(super) fn introduction(&self) -> String {
        let row = &self.row;
        let standing = words::trust(self.trust);
        let standing =
            if self.trust == Trust::Verified { style(standing).green() } else { style(standing).yellow() }.for_stderr();
        let who = format!("\n{} ({standing})", style(row.peer_name()).bold().for_stderr());
        if let Some(text) = &row.text {
            return format!("{who} sends a text:\n\n{}\n", words::text(text));
        }
        let mut lines = vec![format!("{who} offers {}: {}", row.name, words::what(row))];
        lines.extend(row.first_names.iter().map(|name| format!("    {name}")));
        let more = u64::from(row.files).saturating_sub(row.first_names.len() as u64);
        if more > 0 && !row.first_names.is_empty() {
            lines.push(format!("    and {} more", words::count(more, "file")));
        }
        if let Some(free) = self.free() {
            let room = if free < row.bytes {
                style("not enough room").red().for_stderr().to_string()
            } else {
                "there is room".to_owned()
            };
            lines.push(format!("    {room}: {} free", words::size(free)));
        }
        lines.join("\n")
    }

    /// Free bytes where it would go. The row has them for the engine's own folder.
    fn free(&self) -> Option<u64> {
        self.into.as_ref().map_or(self.row.free, |folder| shoal_api::free_space(folder).ok())
    }

    /// What is asked now.
    pub(super) fn question(&self) -> String {
        match self.expect {
            Expect::Key if self.row.text.is_some() => "[y] keep  [n] decline  [b] block this device:".to_owned(),
            Expect::Key => {
                let mut so_far = String::new();
                if let Some(folder) = self.into.as_ref().or(self.row.into.as_ref()) {
                    let free = self.free().map(|free| format!(" ({} free)", words::size(free))).unwrap_or_default();
                    so_far.push_str(&format!("Into {}{free}. ", folder.display()));
                }
                if !self.only.is_empty() {
                    so_far.push_str(&format!("Only {}. ", self.only.join(", ")));
                }
                format!("{so_far}[y] accept  [n] decline  [f] other folder  [o] only some  [b] block this device:")
            }
            Expect::Folder => "Folder:".to_owned(),
            Expect::Patterns => "Only files like (for example *.jpg *.png):".to_owned(),
        }
    }

    /// Takes in a line; `None`: ask again.
    pub(super) fn typed(&mut self, line: &str) -> Option<Answer> {
        let line = line.trim();
        match self.expect {
            Expect::Key => match line.to_lowercase().as_str() {
                "y" | "yes" => return Some(Answer::Accept),
                "n" | "no" => return Some(Answer::Decline),
                "b" => return Some(Answer::Block),
                "f" if self.row.text.is_none() => self.expect = Expect::Folder,
                "o" if self.row.text.is_none() => self.expect = Expect::Patterns,
                _ => {}
            },
            Expect::Folder => {
                if !line.is_empty() {
                    self.into = std::path::absolute(from_home(line)).ok();
                }
                self.expect = Expect::Key;
            }
            Expect::Patterns => {
                self.only = line.split_whitespace().map(str::to_owned).collect();
                self.expect = Expect::Key;
            }
        }
        None
    }

    /// What was consented to: the offer, the folder, the patterns.
    pub(super) fn consent(self) -> (Transfer, Option<PathBuf>, Vec<String>) {
        (self.row, self.into, self.only)
    }
}

/// `~` as a shell would read it: nothing stands between the keyboard and us.
fn from_home(line: &str) -> PathBuf {
    match (line.strip_prefix("~/").or(line.strip_prefix('~').filter(|rest| rest.is_empty())), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Transfer {
        Transfer {
            first_names: vec!["a.jpg".into(), "b.jpg".into()],
            started: 0,
            since: 0,
            free: Some(5_000_000),
            into: Some("/inbox".into()),
            ..crate::story::tests::row()
        }
    }

    #[test]
    fn the_introduction_says_who_what_how_much_and_whether_there_is_room() {
        let said = Prompt::new(offer(), Trust::Stranger, None).introduction();
        let said = console::strip_ansi_codes(&said);
        for part in [
            "Mira's laptop",
            "new – not verified",
            "holiday",
            "3 files, 1.2 GB",
            "a.jpg",
            "and 1 file more",
            "not enough room: 5.0 MB free",
        ] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
    }

    #[test]
    fn keys_choose_folder_and_files_before_the_answer() {
        let mut prompt = Prompt::new(offer(), Trust::Known, None);
        assert_eq!(prompt.typed("what?"), None);
        assert_eq!(prompt.typed("f"), None);
        assert_eq!(prompt.typed("/photos"), None);
        assert_eq!(prompt.typed("o"), None);
        assert_eq!(prompt.typed(" *.jpg  *.png "), None);
        let question = prompt.question();
        assert!(question.starts_with("Into /photos (") && question.contains(" free). Only *.jpg, *.png. "), "{question}");
        assert_eq!(prompt.typed("Y"), Some(Answer::Accept));
        let (_, into, only) = prompt.consent();
        assert_eq!((into, only), (Some("/photos".into()), vec!["*.jpg".to_owned(), "*.png".to_owned()]));
    }

    #[test]
    fn nothing_but_a_clear_answer_is_one() {
        let mut prompt = Prompt::new(offer(), Trust::Known, None);
        for line in ["", "j", "yn", "accept all", "\u{1b}[A"] {
            assert_eq!(prompt.typed(line), None, "{line:?}");
        }
        assert_eq!(prompt.typed("n"), Some(Answer::Decline));
        assert_eq!(prompt.typed("b"), Some(Answer::Block));
    }

    #[test]
    fn a_text_is_shown_but_cannot_command_the_terminal() {
        let text = Transfer { text: Some("hi\u{1b}[2J\nthere".into()), ..offer() };
        let mut prompt = Prompt::new(text, Trust::Verified, None);
        assert!(prompt.introduction().contains("hi\u{fffd}[2J\nthere"));
        assert_eq!(prompt.typed("f"), None);
        assert!(prompt.question().starts_with("[y] keep"), "a text has no folder");
    }
}
