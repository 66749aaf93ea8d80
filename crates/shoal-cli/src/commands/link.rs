//! `shoal link`: links to files, which whoever has one can fetch.

use super::{absolute, devices::show_qr};
use crate::{
    exit::Stop,
    output,
    session::{Session, reply},
    words,
};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use shoal_api::{Code, Content, Event, OwnLink, Reply, Request, Subscription};
use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

/// Hand out links to files: whoever has a link can fetch by it, and nobody else
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal link create holiday/                       # until it is removed
  shoal link create film.mkv --expires 7d --qr     # to be scanned
  shoal link create film.mkv --lan-only            # good on this network only
  shoal link list
  shoal link remove 3f9a

Whoever has the link fetches by it on another device: `shoal get LINK`.")]
pub(crate) struct LinkArgs {
    #[command(subcommand)]
    command: LinkCommand,
}

#[derive(Debug, Subcommand)]
enum LinkCommand {
    /// Make a link to files and folders as they are now; with --lan-only it is good on this network only
    #[command(after_help = "Example:\n  shoal link create holiday/ --expires 7d")]
    Create {
        /// Files and folders
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
        /// Where else devices that have it may be found; may be given several times
        #[arg(long = "tracker", value_name = "URL")]
        trackers: Vec<String>,
        /// When it ends: 30m, 12h, 7d
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires: Option<u64>,
        /// Show it as a QR code, too
        #[arg(long)]
        qr: bool,
    },
    /// List the links that this device gave out
    #[command(after_help = "Example:\n  shoal link list --json")]
    List,
    /// Make a link good for nothing, at once; the files stay as they are
    #[command(after_help = "Example:\n  shoal link remove 3f9a")]
    Remove {
        /// Its id, or the beginning of it (4 characters or more)
        #[arg(value_name = "ID")]
        id: String,
    },
}

pub(crate) async fn run(session: &Session, args: LinkArgs) -> Result<(), Stop> {
    match args.command {
        LinkCommand::Create { paths, trackers, expires, qr } => create(session, &paths, trackers, expires, qr).await,
        LinkCommand::List => session.unless_stopped(list(session)).await,
        LinkCommand::Remove { id } => session.unless_stopped(remove(session, id)).await,
    }
}

async fn create(
    session: &Session,
    paths: &[PathBuf],
    trackers: Vec<String>,
    expires_s: Option<u64>,
    qr: bool,
) -> Result<(), Stop> {
    let paths = paths.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
    // Before it begins, so that its end is not missed.
    let mut events = session.unless_stopped(session.subscribe()).await?;
    let lan_only = session.config.lan_only;
    let request = Request::CreateLink { content: Content::Paths { paths }, lan_only, trackers, expires_s };
    let making = reply!(session.ask(request).await?, Reply::MakingLink { making } => making)?;
    let made = tokio::select! {
        made = until_made(session, &mut events, making) => made?,
        () = session.stopped() => {
            reply!(session.ask(Request::StopLink { making }).await?, Reply::Done => ())?;
            return Err(Stop::Signal);
        }
    };
    session.out.json(&made)?;
    session.out.say(&made.link.0)?;
    if qr && !session.out.json {
        // Upper case takes half the room.
        show_qr(session.out, &made.link.0.to_ascii_uppercase())?;
    }
    if !session.out.json {
        let what = format!("{}, {}", words::count(made.files.into(), "file"), words::size(made.bytes));
        output::note(&format!(
            "Whoever has this link can fetch {} ({what}). Take it back: shoal link remove {}",
            made.name,
            short(&made)
        ));
    }
    if session.host().await?.is_local() {
        output::note("Shoal does not run here: start it with `shoal serve` for others to fetch.");
    }
    Ok(())
}

async fn until_made(session: &Session, events: &mut Subscription, making: u64) -> Result<OwnLink, Stop> {
    let bar = if session.out.json { ProgressBar::hidden() } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("reading  {wide_bar}  {bytes}/{total_bytes}  {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    while let Some(event) = events.next().await {
        match event {
            Event::MakingLink { making: of, bytes_done, bytes } if of == making => {
                bar.set_length(bytes);
                bar.set_position(bytes_done);
            }
            Event::LinkMade { making: of, row } if of == making => {
                bar.finish_and_clear();
                return Ok(row);
            }
            Event::LinkFailed { making: of, error } if of == making => {
                bar.finish_and_clear();
                return Err(Stop::because(Code::Failed, error));
            }
            Event::Lagged => {
                // The end may have been among what was lost; it is not asked for twice.
                return Err(Stop::because(Code::Failed, "too much happens here to follow it: see `shoal link list`"));
            }
            _ => {}
        }
    }
    Err(Stop::because(Code::Failed, "Shoal was ended before the link was made: start it again"))
}

async fn list(session: &Session) -> Result<(), Stop> {
    let links = reply!(session.ask(Request::Links).await?, Reply::Links { links } => links)?;
    links.iter().try_for_each(|link| session.out.json(link))?;
    if links.is_empty() {
        session.out.say("There are no links. Make one: shoal link create PATH")?;
    } else if !session.out.json {
        let rows: Vec<[String; 5]> = links.iter().map(row).collect();
        session.out.table(["ID", "HOLDS", "USED", "ENDS", "WHAT"], &rows)?;
    }
    Ok(())
}

fn row(link: &OwnLink) -> [String; 5] {
    let holds = format!("{}, {}", words::count(link.files.into(), "file"), words::size(link.bytes));
    let used = match link.used {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let ends = link.expires.map_or_else(|| "–".to_owned(), |end| format!("in {}", words::time(end.saturating_sub(now))));
    let mut what = link.name.clone();
    if link.lan_only {
        what.push_str(", on this network only");
    }
    if link.outdated {
        what.push_str("; files of it changed since: make a new one");
    }
    [short(link).to_owned(), holds, used, ends, what]
}

/// As much of an id as people type.
fn short(link: &OwnLink) -> &str {
    words::short(&link.id)
}

async fn remove(session: &Session, id: String) -> Result<(), Stop> {
    reply!(session.ask(Request::RemoveLink { id }).await?, Reply::Done => ())?;
    session.out.say("The link is good for nothing any more; the files stay as they are.")?;
    Ok(())
}

/// `30m`, `12h`, `7d`, or seconds.
fn duration(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => 0,
    };
    let product = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
    product.filter(|product| *product > 0).ok_or_else(|| "write it as 30m, 12h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, seconds) in [("90", 90), ("5s", 5), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(seconds));
        }
        for bad in ["", "d", "0d", "-1d", "7w", "7 d", "99999999999999999999d", "1.5h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
