//! `shoal ls`, `shoal search` and `shoal get`: what others share.

use super::absolute;
use crate::{
    exit::Stop,
    follow::{Follow, ask_and_follow},
    session::{FIND_SECONDS, Session, reply},
    words,
};
use clap::Args;
use shoal_api::{Code, Event, FoundItem, Item, ItemSort, LinkText, Reply, Request, SearchKind, SortBy};
use std::{
    collections::HashMap,
    io::BufRead,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long an engine of our own listens for others before they are searched, in seconds.
const LISTEN_SECONDS: u64 = 2;

/// Items asked for at once.
const PAGE: u16 = 512;

/// How often a folder that changes while it is listed is listed anew.
const ATTEMPTS: usize = 3;

/// Bytes of links that are read from standard input.
const MAX_INPUT: u64 = 256 * 1024;

/// Hits of one device.
const HITS: u32 = 10_000;

/// List what a device shares, or a folder in it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal ls NAS                # its shares
  shoal ls NAS:/Music/1999
  shoal ls k7xq:/Photos --sort size --json")]
pub(crate) struct LsArgs {
    /// PEER, PEER:/SHARE or PEER:/SHARE/PATH
    #[arg(value_name = "PLACE")]
    place: String,
    /// By what to sort: name, size or modified
    #[arg(long, value_name = "BY", default_value = "name", value_parser = sort_by)]
    sort: SortBy,
    /// The other way round
    #[arg(short, long)]
    reverse: bool,
    /// Only names with these words in them
    #[arg(long, value_name = "WORDS", default_value = "")]
    find: String,
    /// How long the device may take to show up
    #[arg(long, value_name = "SECS", default_value_t = FIND_SECONDS)]
    wait: u32,
}

/// Search everything that devices in reach share
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal search holiday 2023
  shoal search --on NAS --kind file --larger 100000000 .mkv")]
pub(crate) struct SearchArgs {
    /// Words that a name has to have in it, whatever the case and accents
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// Only this device; may be given several times
    #[arg(long, value_name = "PEER")]
    on: Vec<String>,
    /// Names have to begin with the query
    #[arg(long)]
    beginning: bool,
    /// Only this kind: file, folder, image, video, audio or document
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<SearchKind>,
    /// Only files of at least this many bytes
    #[arg(long, value_name = "BYTES")]
    larger: Option<u64>,
    /// Only files of at most this many bytes
    #[arg(long, value_name = "BYTES")]
    smaller: Option<u64>,
    /// Only what was changed in the last days
    #[arg(long, value_name = "DAYS")]
    newer: Option<u32>,
    /// How long devices may take to show up
    #[arg(long, value_name = "SECS")]
    wait: Option<u32>,
}

/// Fetch files and folders that a device shares, or that a link is of
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal get NAS:/Music/1999
  shoal get \"Mira's laptop:/Photos/a.jpg\" \"Mira's laptop:/Photos/b.jpg\" --into ~/Pictures
  shoal get NAS:/Music --only '*.flac'
  shoal get shoal:aelwx3k5 --into ~/Videos     # a link
  xclip -o | shoal get -                       # a link that no list of processes shows")]
pub(crate) struct GetArgs {
    /// PEER:/SHARE, PEER:/SHARE/PATH or a link; may be given several times. - reads links from standard input
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// Folder to put them in; the inbox otherwise
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Only files whose path or name fits; may be given several times
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// How long the device may take to show up
    #[arg(long, value_name = "SECS", default_value_t = FIND_SECONDS)]
    wait: u32,
    /// How long an interrupted transfer may stay so before the command ends; it can be resumed
    #[arg(long, value_name = "SECS", default_value_t = 30)]
    patience: u64,
}

pub(crate) async fn ls(session: &Session, args: LsArgs) -> Result<(), Stop> {
    let (peer, path) = split(&args.place);
    let items = listed(session, peer, path, &args).await?;
    items.iter().try_for_each(|item| session.out.json(item))?;
    if items.is_empty() {
        let nothing = if path.is_empty() { "It shares nothing with this device." } else { "The folder is empty." };
        session.out.say(nothing)?;
    } else if !session.out.json {
        let rows: Vec<[String; 3]> = items.iter().map(row).collect();
        session.out.table(["SIZE", "CHANGED", "NAME"], &rows)?;
    }
    Ok(())
}

/// All pages, of one state of the folder if it can be had.
async fn listed(session: &Session, peer: &str, path: &str, args: &LsArgs) -> Result<Vec<Item>, Stop> {
    let mut attempt = 1;
    let mut all: Vec<Item> = Vec::new();
    let mut shown = None;
    loop {
        let request = Request::Look {
            peer: peer.to_owned(),
            path: path.to_owned(),
            offset: u32::try_from(all.len()).unwrap_or(u32::MAX),
            limit: PAGE,
            sort: args.sort,
            descending: args.reverse,
            find: args.find.clone(),
            wait_s: args.wait,
        };
        let (items, total, revision) = reply!(
            session.ask(request).await?,
            Reply::Items { items, total, revision } => (items, total, revision)
        )?;
        if shown.replace(revision.clone()).is_some_and(|before| before != revision) && attempt < ATTEMPTS {
            attempt += 1;
            all.clear();
            shown = None;
            continue;
        }
        let is_last = items.is_empty();
        all.extend(items);
        if is_last || all.len() >= total as usize {
            return Ok(all);
        }
    }
}

pub(crate) async fn search(session: &Session, args: SearchArgs) -> Result<(), Stop> {
    let is_new = session.host().await?.is_local();
    let listen = args.wait.map_or(if is_new && session.config.mdns { LISTEN_SECONDS } else { 0 }, u64::from);
    if args.on.is_empty() {
        tokio::time::sleep(Duration::from_secs(listen)).await;
    }
    // Before the search, so that nothing that it finds is missed.
    let mut events = session.subscribe().await?;
    let day = Duration::from_secs(86_400);
    let request = Request::Search {
        text: args.query.join(" "),
        beginning: args.beginning,
        on: args.on,
        kind: args.kind,
        min_size: args.larger,
        max_size: args.smaller,
        since: args.newer.map(|days| seconds(SystemTime::now() - day * days)),
        until: None,
        limit: HITS,
        wait_s: args.wait.unwrap_or(FIND_SECONDS),
    };
    let (search, peers) = reply!(session.ask(request).await?, Reply::Searching { search, peers } => (search, peers))?;
    if peers.is_empty() {
        session.out.say("No device is in reach. Name one with --on PEER or HOST:PORT")?;
        return Ok(());
    }
    let mut told = Told::default();
    while let Some(event) = events.next().await {
        match event {
            Event::Found { search: of, found } if of == search => {
                for item in &found {
                    session.out.json(item)?;
                    session.out.say(told.line(item))?;
                }
            }
            Event::SearchedPeer { search: of, complete: false, peer, .. } if of == search => {
                let peer = words::short(&peer).to_owned();
                crate::output::note(&format!(
                    "{peer} was not searched to the end: it is still reading its folders, or went away."
                ));
            }
            Event::Searched { search: of } if of == search => break,
            Event::Lagged => crate::output::note("Some of what was found is not shown: search for more of the name."),
            _ => {}
        }
    }
    if told.count == 0 {
        session.out.say("Nothing was found.")?;
    }
    Ok(())
}

/// What was told, so that the same content is told as such.
#[derive(Debug, Default)]
struct Told {
    first: HashMap<String, String>,
    count: usize,
}

impl Told {
    fn line(&mut self, item: &FoundItem) -> String {
        self.count += 1;
        let place = format!("{}:{}", item.peer_name, item.shown);
        let size = item.size.map_or(String::new(), words::size);
        let end = if item.kind == ItemSort::Folder { "/" } else { "" };
        let line = format!("{place}{end}  {size}  {}", age(item.modified));
        let Some(hash) = &item.blake3 else { return line };
        match self.first.get(hash) {
            Some(first) => format!("{line}  (the same as {first})"),
            None => {
                self.first.insert(hash.clone(), place);
                line
            }
        }
    }
}

pub(crate) async fn get(session: &Session, args: GetArgs) -> Result<(), Stop> {
    let into = args.into.as_deref().map(absolute).transpose()?;
    let request = |(peer, path, names)| Request::Get {
        peer,
        path,
        names,
        into: into.clone(),
        only: args.only.clone(),
        replace: false,
        wait_s: args.wait,
    };
    let (links, places) = sorted(&args.sources, std::io::stdin().lock())?;
    let get_link = |link| Request::GetLink { link, into: into.clone(), only: args.only.clone(), replace: false };
    let requests = links.into_iter().map(get_link).chain(together(&places)?.into_iter().map(request)).collect();
    ask_and_follow(session, requests, Follow { patience: Duration::from_secs(args.patience), halt: true }).await
}

/// Links, and places in shares. A `-` stands for the links that are read, one a line.
fn sorted(sources: &[String], input: impl BufRead) -> Result<(Vec<LinkText>, Vec<String>), Stop> {
    let (links, mut places): (Vec<String>, Vec<String>) = sources.iter().cloned().partition(|source| LinkText::is_one(source));
    let mut links: Vec<LinkText> = links.into_iter().map(LinkText).collect();
    if places.iter().any(|place| place == "-") {
        places.retain(|place| place != "-");
        for line in input.take(MAX_INPUT).lines() {
            let line = line.map_err(|error| {
                Stop::because(Code::Usage, format_args!("no link can be read from standard input: {}", words::system(&error)))
            })?;
            links.extend((!line.trim().is_empty()).then(|| LinkText(line.trim().to_owned())));
        }
        if links.is_empty() {
            return Err(Stop::because(Code::Usage, "there is no link on standard input"));
        }
    }
    Ok((links, places))
}

/// Sources of one folder go together, as one transfer: device, folder, names in it. A share goes alone.
fn together(sources: &[String]) -> Result<Vec<(String, String, Vec<String>)>, Stop> {
    let mut all: Vec<(String, String, Vec<String>)> = Vec::new();
    for source in sources {
        let (peer, path) = split(source);
        let path = path.trim_matches('/');
        if path.is_empty() {
            let sentence = format_args!("{source} names no share: write PEER:/SHARE or PEER:/SHARE/PATH");
            return Err(Stop::because(Code::Usage, sentence));
        }
        let Some((folder, name)) = path.rsplit_once('/') else {
            all.push((peer.to_owned(), path.to_owned(), Vec::new()));
            continue;
        };
        let same =
            |(other, path, names): &&mut (String, String, Vec<String>)| other == peer && path == folder && !names.is_empty();
        match all.iter_mut().find(same) {
            Some((_, _, names)) => names.push(name.to_owned()),
            None => all.push((peer.to_owned(), folder.to_owned(), vec![name.to_owned()])),
        }
    }
    Ok(all)
}

/// `PEER:/PATH`; a device alone, which may be `HOST:PORT`, has no path.
pub(super) fn split(place: &str) -> (&str, &str) {
    place.split_once(":/").map_or((place, ""), |(peer, path)| (peer, path))
}

fn row(item: &Item) -> [String; 3] {
    let size = item.size.map_or_else(|| "–".to_owned(), words::size);
    let end = if item.kind == ItemSort::File { "" } else { "/" };
    [size, item.modified.map_or_else(|| "–".to_owned(), age), format!("{}{end}", item.shown)]
}

/// How long ago something was, in words.
fn age(modified: i64) -> String {
    let ago = seconds(SystemTime::now()).saturating_sub(modified);
    u64::try_from(ago).map_or_else(|_| "in the future".to_owned(), |ago| format!("{} ago", words::time(ago)))
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn sort_by(word: &str) -> Result<SortBy, String> {
    match word {
        "name" => Ok(SortBy::Name),
        "size" => Ok(SortBy::Size),
        "modified" => Ok(SortBy::Modified),
        _ => Err("one of name, size, modified".to_owned()),
    }
}

fn kind(word: &str) -> Result<SearchKind, String> {
    match word {
        "file" => Ok(SearchKind::File),
        "folder" => Ok(SearchKind::Folder),
        "image" => Ok(SearchKind::Image),
        "video" => Ok(SearchKind::Video),
        "audio" => Ok(SearchKind::Audio),
        "document" => Ok(SearchKind::Document),
        _ => Err("one of file, folder, image, video, audio, document".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_is_a_device_and_a_path() {
        assert_eq!(split("NAS"), ("NAS", ""));
        assert_eq!(split("NAS:/"), ("NAS", ""));
        assert_eq!(split("NAS:/Music/a:/b"), ("NAS", "Music/a:/b"));
        assert_eq!(split("10.0.0.2:47474"), ("10.0.0.2:47474", ""));
        assert_eq!(split("10.0.0.2:47474:/Music"), ("10.0.0.2:47474", "Music"));
        assert_eq!(split("[fe80::1]:47474:/Music"), ("[fe80::1]:47474", "Music"));
    }

    #[test]
    fn links_are_told_from_places_in_shares() {
        let sources = ["a:/s", "shoal:abc", "-", "SHOAL:DEF", "shoal:/s"].map(str::to_owned);
        let (links, places) = sorted(&sources, &b"shoal:ghi\n\n shoal:jkl \n"[..]).unwrap();
        let links: Vec<&str> = links.iter().map(|link| link.0.as_str()).collect();
        assert_eq!(links, ["shoal:abc", "SHOAL:DEF", "shoal:ghi", "shoal:jkl"]);
        assert_eq!(places, ["a:/s", "shoal:/s"], "a device may be called shoal");
        assert_eq!(sorted(&["-".to_owned()], &b""[..]).unwrap_err().code(), 2);
    }

    #[test]
    fn what_lies_in_one_folder_is_fetched_together() {
        let sources = ["a:/s/x", "a:/s/y/", "b:/s/x", "a:/s", "a:/s/f/z", "a:/t"].map(str::to_owned);
        let all = together(&sources).unwrap();
        let expected: [(&str, &str, &[&str]); 5] =
            [("a", "s", &["x", "y"]), ("b", "s", &["x"]), ("a", "s", &[]), ("a", "s/f", &["z"]), ("a", "t", &[])];
        assert_eq!(all.len(), expected.len());
        for ((peer, path, names), expected) in all.iter().zip(expected) {
            assert_eq!((peer.as_str(), path.as_str()), (expected.0, expected.1));
            assert_eq!(names, expected.2);
        }
        for bad in ["a", "a:/", "a://"] {
            assert_eq!(together(&[bad.to_owned()]).unwrap_err().code(), 2, "{bad}");
        }
    }

    #[test]
    fn the_same_content_is_told_as_such() {
        let found = |peer: &str, hash: Option<&str>| FoundItem {
            peer: peer.to_owned(),
            peer_name: peer.to_owned(),
            path: "/s/a".to_owned(),
            shown: "/s/a".to_owned(),
            kind: ItemSort::File,
            media: None,
            size: Some(1),
            modified: 0,
            blake3: hash.map(str::to_owned),
        };
        let mut told = Told::default();
        assert!(!told.line(&found("one", Some("aa"))).contains("the same"));
        assert!(!told.line(&found("two", None)).contains("the same"));
        assert!(told.line(&found("three", Some("aa"))).ends_with("(the same as one:/s/a)"));
    }
}
