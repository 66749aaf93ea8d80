//! Questions to the person at the terminal.

use crate::{exit::Stop, session::Session};
use std::io::{self, BufRead, IsTerminal, Write};
use tokio::sync::mpsc;

/// Somebody sits there who can answer: both ends are terminals.
pub(crate) fn can_ask(session: &Session) -> bool {
    !session.out.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Lines as they are typed. The thread that waits for the keyboard cannot be woken; it ends with the process.
pub(crate) fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Writes a question and leaves the cursor behind it.
pub(crate) fn put(question: &str) {
    let mut terminal = io::stderr().lock();
    // Nobody can be told when the terminal is gone; the answer will be missing too.
    let _ = write!(terminal, "{question} ");
    let _ = terminal.flush();
}

/// Asks a question whose safe answer is no.
pub(crate) async fn yes(session: &Session, question: &str) -> Result<bool, Stop> {
    put(&format!("{question} [y/N]"));
    let mut lines = typed_lines();
    session.unless_stopped(async { Ok(lines.recv().await.is_some_and(|line| is_yes(&line))) }).await
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(["y", "Y", " yes ", "YES"].into_iter().all(is_yes));
        assert!(!["", "n", "yep?", "yn", "no"].into_iter().any(is_yes));
    }
}
