//! What may be written after `shoal`.

use crate::commands::{bench, devices, limit, link, look, offers, receive, send, serve, share, transfers, trust};
use clap::{Args, Parser, Subcommand};
use std::{net::IpAddr, path::PathBuf};

/// Share files between devices, with no server, no account and no set-up.
#[derive(Debug, Parser)]
#[command(name = "shoal", version, propagate_version = true, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  shoal receive                              # wait for files and be asked
  shoal peers                                # who is near
  shoal send holiday/ --to \"Mira's laptop\"   # a folder, whole

PEER is a device's name, the beginning of its id (4 characters or more), its link or HOST:PORT.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 peer not found, 4 declined or not permitted,
5 interrupted and can be resumed, 6 verification failed, 7 no space or cannot write, 130 Ctrl-C.";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Folder of this device's key, database and control socket
    #[arg(long, global = true, display_order = 100, env = "SHOAL_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print one JSON object a line, and nothing else
    #[arg(long, global = true, display_order = 101)]
    pub(crate) json: bool,
    /// Log more to standard error (-v, -vv)
    #[arg(short, long, global = true, display_order = 102, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// How an engine runs that this command starts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network, when this command starts Shoal itself")]
pub(crate) struct EngineArgs {
    /// Listen on this address only
    #[arg(long, global = true, value_name = "ADDR")]
    pub(crate) listen: Option<IpAddr>,
    /// Listen on this UDP port
    #[arg(long, global = true, value_name = "P")]
    pub(crate) port: Option<u16>,
    /// Neither announce this device nor look for others
    #[arg(long, global = true)]
    pub(crate) no_mdns: bool,
    /// Talk to the local network only
    #[arg(long, global = true)]
    pub(crate) lan_only: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::ServeArgs),
    Id(devices::IdArgs),
    Peers(devices::PeersArgs),
    Verify(trust::VerifyArgs),
    Trust(trust::TrustArgs),
    Forget(trust::ForgetArgs),
    Send(send::SendArgs),
    Receive(receive::ReceiveArgs),
    Offers(offers::OffersArgs),
    Accept(offers::AcceptArgs),
    Decline(offers::DeclineArgs),
    Transfers(transfers::TransfersArgs),
    Pause(transfers::PauseArgs),
    Resume(transfers::ResumeArgs),
    Cancel(transfers::CancelArgs),
    Retry(transfers::RetryArgs),
    Limit(limit::LimitArgs),
    Share(share::ShareArgs),
    Ls(look::LsArgs),
    Search(look::SearchArgs),
    Get(look::GetArgs),
    Link(link::LinkArgs),
    Bench(bench::BenchArgs),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  shoal completions bash > ~/.local/share/bash-completion/completions/shoal")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use clap::CommandFactory;

    /// The line as a shell would split it: comments, redirections and pipes cut off, quotes taken away.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        for character in line.chars() {
            match (quote, character) {
                (None, '#' | '>' | '|') => break,
                (None, '"' | '\'') => quote = Some(character),
                (Some(open), close) if open == close => quote = None,
                (None, ' ') => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
                (_, character) => word.push(character),
            }
        }
        words.extend((!word.is_empty()).then_some(word));
        words
    }

    #[test]
    fn every_command_has_an_example_that_works() {
        let mut cli = Cli::command();
        cli.build();
        let mut seen = 0;
        for command in std::iter::once(&cli).chain(cli.get_subcommands()).filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help
                .lines()
                .map(|line| line.split(" | ").last().unwrap_or(line).trim())
                .filter(|line| line.starts_with("shoal "))
                .collect();
            assert!(!examples.is_empty(), "{} has no example", command.get_name());
            for example in examples {
                let parsed = Cli::try_parse_from(words(example));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                if command.get_name() != "shoal" {
                    assert_eq!(words(example)[1], command.get_name(), "an example of another command");
                }
                seen += 1;
            }
        }
        assert!(seen >= 18, "{seen}");
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_usage_ends_with_two() {
        for wrong in [
            "shoal",
            "shoal nonsense",
            "shoal send",
            "shoal send a.txt",
            "shoal send --to mira",
            "shoal send a.txt --text hi --to mira",
            "shoal trust mira friend",
            "shoal trust mira verified --accept much",
            "shoal limit --up fast",
            "shoal serve --accept nobody",
            "shoal serve --port 70000",
            "shoal accept",
            "shoal share",
            "shoal share add",
            "shoal ls",
            "shoal search",
            "shoal get",
            "shoal ls a --sort colour",
            "shoal link",
            "shoal link create",
            "shoal link create a --expires soon",
            "shoal link remove",
        ] {
            let error = Cli::try_parse_from(words(wrong)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in
            ["shoal --json --data-dir /d peers", "shoal peers --data-dir /d --json", "shoal peers --no-mdns --json --data-dir=/d"]
        {
            let cli = Cli::try_parse_from(words(line)).unwrap();
            assert!(cli.global.json && cli.global.data_dir == Some("/d".into()), "{line}");
        }
    }
}
