//! `shoal send`: files, folders or a text, to one or several devices.

use super::absolute;
use crate::{
    exit::Stop,
    follow::{Follow, follow},
    output,
    session::{FIND_SECONDS, Session, reply},
    words,
};
use clap::Args;
use shoal_api::{Code, Content, Reply, Request};
use std::{
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

/// Longest text read from standard input, in bytes. What is longer is a file.
const MAX_TEXT: u64 = 512 * 1024;

/// Send files, whole folders or a text
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal send holiday/ film.mkv --to \"Mira's laptop\"
  shoal send image.iso --to NAS --to k7xq --to 192.168.1.20:47474
  shoal send --text \"see you at eight\" --to Phone
  git diff | shoal send --text - --to Phone")]
pub(crate) struct SendArgs {
    /// Files and folders
    #[arg(value_name = "PATH", required_unless_present = "text", conflicts_with = "text")]
    paths: Vec<PathBuf>,
    /// A text instead of files; `-` reads standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// The device; may be given several times
    #[arg(long, value_name = "PEER", required = true)]
    to: Vec<String>,
    /// How long a device may take to show up
    #[arg(long, value_name = "SECS", default_value_t = FIND_SECONDS)]
    wait: u32,
    /// How long an interrupted transfer may stay so before the command ends; it can be resumed
    #[arg(long, value_name = "SECS", default_value_t = 30)]
    patience: u64,
}

pub(crate) async fn run(session: &Session, args: SendArgs) -> Result<(), Stop> {
    let content = match &args.text {
        Some(text) => Content::Text { text: text_of(session, text).await? },
        None => Content::Paths { paths: args.paths.iter().map(readable).collect::<Result<_, _>>()? },
    };
    // Before the offer, so that no event of it is missed.
    let events = session.unless_stopped(session.subscribe()).await?;
    let asked = session.ask(Request::Send { to: args.to, content, wait_s: args.wait });
    let rows = reply!(session.unless_stopped(asked).await?, Reply::Transfers { transfers } => transfers)?;
    if !session.out.json {
        for row in &rows {
            output::note(&format!("Waiting for {} to answer ({}).", row.peer_name(), words::what(row)));
        }
    }
    follow(session, events, rows, Follow { patience: Duration::from_secs(args.patience), halt: true }).await
}

/// A path that is there, as the engine's process understands it.
fn readable(path: &PathBuf) -> Result<PathBuf, Stop> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => absolute(path),
        Err(error) => {
            Err(Stop::because(Code::Failed, format_args!("{} cannot be sent: {}", path.display(), words::system(&error))))
        }
    }
}

async fn text_of(session: &Session, text: &str) -> Result<String, Stop> {
    let text = if text == "-" { session.unless_stopped(standard_input()).await? } else { text.to_owned() };
    if text.is_empty() {
        return Err(Stop::because(Code::Usage, "the text is empty: there is nothing to send"));
    }
    Ok(text)
}

/// Read on a thread of its own: a pipe that says nothing must not keep Ctrl-C from being heard.
async fn standard_input() -> Result<String, Stop> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(MAX_TEXT + 1).read_to_end(&mut bytes).map(|_| bytes);
        // The receiver is gone only when the command was stopped.
        let _ = sender.send(read);
    });
    let read = receiver.await.unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()));
    let bytes = read
        .map_err(|error| Stop::because(Code::Failed, format_args!("standard input cannot be read: {}", words::system(&error))))?;
    if bytes.len() as u64 > MAX_TEXT {
        let sentence = format_args!("the text is longer than {}: put it into a file and send that", words::size(MAX_TEXT));
        return Err(Stop::because(Code::Usage, sentence));
    }
    String::from_utf8(bytes)
        .map_err(|_| Stop::because(Code::Usage, "standard input is no text (UTF-8): put it into a file and send that"))
}
