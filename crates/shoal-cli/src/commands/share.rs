//! `shoal share`: folders that others may look into.

use super::absolute;
use crate::{
    exit::Stop,
    output,
    session::{Session, reply, unexpected},
    words,
};
use clap::{Args, Subcommand};
use shoal_api::{OwnShare, Reply, Request, ShareChange};
use std::path::PathBuf;

/// Share folders: others can list, search and fetch what is in them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal share add ~/Music                                # for devices that are known
  shoal share add ~/Photos --name Pictures --for verified
  shoal share add /srv/in --for \"Mira's laptop\" --write   # she may add files
  shoal share add ~/work --ignore '*.tmp' --ignore /build/
  shoal share list
  shoal share change Pictures --pause
  shoal share remove Pictures")]
pub(crate) struct ShareArgs {
    #[command(subcommand)]
    command: ShareCommand,
}

#[derive(Debug, Subcommand)]
enum ShareCommand {
    /// Share a folder
    #[command(after_help = "Example:\n  shoal share add ~/Music --for verified")]
    Add {
        /// The folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// What others see; the folder's own name otherwise
        #[arg(long, value_name = "N")]
        name: Option<String>,
        /// everyone (nearby), known, verified, or a device; may be given several times
        #[arg(long = "for", value_name = "WHOM", default_value = "known")]
        audience: Vec<String>,
        /// They may add files; nothing is ever overwritten or removed
        #[arg(long)]
        write: bool,
        /// Share hidden and system files, too
        #[arg(long)]
        hidden: bool,
        /// Leave out what fits a line of .gitignore; may be given several times
        #[arg(long, value_name = "PATTERN")]
        ignore: Vec<String>,
    },
    /// List what is shared
    #[command(after_help = "Example:\n  shoal share list --json")]
    List,
    /// Change whom a share is for, and what they may do
    #[command(after_help = "Example:\n  shoal share change Music --for everyone")]
    Change {
        /// Its name
        #[arg(value_name = "NAME")]
        share: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Share a folder no more; the folder stays as it is
    #[command(after_help = "Example:\n  shoal share remove Music")]
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        share: String,
    },
}

/// What of a share becomes another; the rest stays.
#[derive(Debug, Args)]
struct ChangeArgs {
    /// Another name
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// everyone (nearby), known, verified, or a device; may be given several times
    #[arg(long = "for", value_name = "WHOM")]
    audience: Vec<String>,
    /// They may add files
    #[arg(long, conflicts_with = "read_only")]
    write: bool,
    /// They may only read
    #[arg(long)]
    read_only: bool,
    /// For nobody, until --resume
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// As before --pause
    #[arg(long)]
    resume: bool,
    /// Share hidden and system files, too
    #[arg(long, conflicts_with = "no_hidden")]
    hidden: bool,
    /// Leave out hidden and system files
    #[arg(long)]
    no_hidden: bool,
    /// Leave out what fits these lines of .gitignore, and nothing else
    #[arg(long, value_name = "PATTERN", conflicts_with = "no_ignore")]
    ignore: Vec<String>,
    /// Leave out nothing that is not hidden
    #[arg(long)]
    no_ignore: bool,
}

impl From<ChangeArgs> for ShareChange {
    fn from(args: ChangeArgs) -> Self {
        let either = |yes: bool, no: bool| (yes || no).then_some(yes);
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Self {
            name: args.name,
            audience: some(args.audience),
            write: either(args.write, args.read_only),
            paused: either(args.pause, args.resume),
            hidden: either(args.hidden, args.no_hidden),
            ignore: if args.no_ignore { Some(Vec::new()) } else { some(args.ignore) },
        }
    }
}

pub(crate) async fn run(session: &Session, args: ShareArgs) -> Result<(), Stop> {
    match args.command {
        ShareCommand::Add { dir, name, audience, write, hidden, ignore } => {
            let path = absolute(&dir)?;
            let share = one(session, Request::AddShare { path, name, audience, write, hidden, ignore }).await?;
            session.out.json(&share)?;
            share.risks.iter().for_each(|risk| output::note(&format!("Careful: {}.", risk.message)));
            session.out.say(format!("{} is shared as {} for {}.", share.path.display(), share.share, whom(&share)))?;
            Ok(())
        }
        ShareCommand::List => list(session).await,
        ShareCommand::Change { share, change } => {
            let change = change.into();
            let share = one(session, Request::ChangeShare { share, change }).await?;
            session.out.json(&share)?;
            let now = if share.paused { "for nobody: it is paused".to_owned() } else { format!("for {}", whom(&share)) };
            session.out.say(format!("{} is {now}.", share.share))?;
            Ok(())
        }
        ShareCommand::Remove { share } => {
            reply!(session.ask(Request::RemoveShare { share: share.clone() }).await?, Reply::Done => ())?;
            session.out.say(format!("{share} is not shared any more; the folder stays as it is."))?;
            Ok(())
        }
    }
}

async fn one(session: &Session, request: Request) -> Result<OwnShare, Stop> {
    let answer = session.ask(request).await?;
    let Reply::OwnShares { shares } = &answer else { return Err(unexpected(&answer)) };
    shares.first().cloned().ok_or_else(|| unexpected(&answer))
}

async fn list(session: &Session) -> Result<(), Stop> {
    let shares = reply!(session.ask(Request::OwnShares).await?, Reply::OwnShares { shares } => shares)?;
    shares.iter().try_for_each(|share| session.out.json(share))?;
    if shares.is_empty() {
        session.out.say("Nothing is shared. Share a folder: shoal share add DIR")?;
    } else if !session.out.json {
        let rows: Vec<[String; 5]> = shares.iter().map(row).collect();
        session.out.table(["NAME", "FOR", "MAY", "HOLDS", "FOLDER"], &rows)?;
    }
    Ok(())
}

fn row(share: &OwnShare) -> [String; 5] {
    let may = if share.paused {
        "paused"
    } else if share.write {
        "read and add"
    } else {
        "read"
    };
    let so_far = if share.indexed { "" } else { " so far" };
    let holds = if share.there {
        format!("{}, {}{so_far}", words::count(share.files, "file"), words::size(share.bytes))
    } else {
        "the folder is not there".to_owned()
    };
    [share.share.clone(), whom(share), may.to_owned(), holds, share.path.display().to_string()]
}

fn whom(share: &OwnShare) -> String {
    match share.audience.as_slice() {
        [one] if one == "everyone" => "everyone nearby".to_owned(),
        [one] if one == "known" || one == "verified" => format!("{one} devices"),
        ids => ids.iter().map(|id| words::short(id)).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        change: ChangeArgs,
    }

    fn change(words: &[&str]) -> Option<ShareChange> {
        let line = Line::try_parse_from([&["change"], words].concat()).ok()?;
        Some(line.change.into())
    }

    #[test]
    fn everything_about_a_share_can_be_changed_and_back() {
        let nothing = ShareChange::default;
        assert_eq!(change(&[]), Some(nothing()));
        assert_eq!(change(&["--hidden"]), Some(ShareChange { hidden: Some(true), ..nothing() }));
        assert_eq!(change(&["--no-hidden"]), Some(ShareChange { hidden: Some(false), ..nothing() }));
        let ignored = |lines: &[&str]| Some(lines.iter().map(|line| (*line).to_owned()).collect());
        assert_eq!(change(&["--ignore", "*.tmp"]), Some(ShareChange { ignore: ignored(&["*.tmp"]), ..nothing() }));
        assert_eq!(change(&["--no-ignore"]), Some(ShareChange { ignore: ignored(&[]), ..nothing() }));
        assert_eq!(change(&["--no-ignore", "--ignore", "a"]), None);
    }
}
