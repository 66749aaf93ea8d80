//! `shoal send`: files, folders or a text, to one or several devices.

use super::{absolute, look::split};
use crate::{
    exit::Stop,
    follow::{Follow, ask_and_follow},
    session::{FIND_SECONDS, Session},
    words,
};
use clap::Args;
use shoal_api::{Code, Content, Request};
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
  shoal send report.pdf --to \"NAS:/Drop box/2026\"   # into a share that takes files
  shoal send --text \"see you at eight\" --to Phone
  git diff | shoal send --text - --to Phone")]
pub(crate) struct SendArgs {
    /// Files and folders
    #[arg(value_name = "PATH", required_unless_present = "text", conflicts_with = "text")]
    paths: Vec<PathBuf>,
    /// A text instead of files; `-` reads standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// The device, or PEER:/SHARE or PEER:/SHARE/PATH to add files to a share; may be given several times
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
    let requests = requests(&args.to, &content, args.wait)?;
    ask_and_follow(session, requests, Follow { patience: Duration::from_secs(args.patience), halt: true }).await
}

/// One request for all devices, and one for each place in a share.
fn requests(to: &[String], content: &Content, wait_s: u32) -> Result<Vec<Request>, Stop> {
    let (places, devices): (Vec<&String>, Vec<&String>) = to.iter().partition(|to| to.contains(":/"));
    if let (Content::Text { .. }, Some(place)) = (content, places.first()) {
        return Err(Stop::because(
            Code::Usage,
            format_args!("{place} is in a share, which takes files only: send the text to a device"),
        ));
    }
    let mut requests = Vec::new();
    if !devices.is_empty() {
        let to = devices.into_iter().cloned().collect();
        requests.push(Request::Send { to, content: content.clone(), wait_s });
    }
    for place in places {
        let (peer, path) = split(place);
        let path = path.trim_matches('/');
        if path.is_empty() {
            let sentence = format_args!("{place} names no share: write PEER:/SHARE or PEER:/SHARE/PATH");
            return Err(Stop::because(Code::Usage, sentence));
        }
        requests.push(Request::AddTo { peer: peer.to_owned(), path: path.to_owned(), content: content.clone(), wait_s });
    }
    Ok(requests)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A device alone may have colons and slashes in it, and gets an offer; only `:/` says that a share is meant.
    #[test]
    fn devices_are_told_from_places_in_shares() {
        let content = Content::Paths { paths: vec!["/a".into()] };
        let to = [
            "NAS",
            "192.168.1.20:47474",
            "[fe80::1]:47474",
            "shoal:peer/abc?at=10.0.0.2:1",
            "NAS:/Drop box/a/",
            "10.0.0.2:1:/in",
        ];
        let requests = requests(&to.map(str::to_owned), &content, 7).unwrap();
        let add =
            |peer: &str, path: &str| Request::AddTo { peer: peer.into(), path: path.into(), content: content.clone(), wait_s: 7 };
        let send =
            Request::Send { to: to.iter().take(4).map(|to| (*to).to_owned()).collect(), content: content.clone(), wait_s: 7 };
        assert_eq!(requests, [send, add("NAS", "Drop box/a"), add("10.0.0.2:1", "in")]);
        assert!(super::requests(&["NAS:/".to_owned()], &content, 7).is_err());
        let text = Content::Text { text: "hello".to_owned() };
        let refused = super::requests(&["Phone", "NAS:/In"].map(str::to_owned), &text, 7).unwrap_err();
        assert_eq!(refused.code(), 2, "before anything is asked for");
    }
}
