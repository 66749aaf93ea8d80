//! The command line.

use crate::{
    Result, bare,
    end::{HOLD, hold},
    report::Report,
    rivals::{self, Rival},
    scenes::{self, Bench},
};
use clap::Parser;
use std::path::PathBuf;

/// The subcommands that the bench starts itself with; no person does.
pub(crate) const BARE_SEND: &str = "bare-send";
pub(crate) const BARE_RECEIVE: &str = "bare-receive";

/// Shoal beside its rivals: medians, ratios, processor time and memory of both ends. Needs root
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct Options {
    /// Scenes to run; all unless given
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// Rivals to run; all that are found unless given
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    rivals: Vec<String>,
    /// Only Shoal and the bare copy
    #[arg(long)]
    no_rivals: bool,
    /// How often each rival does a scene
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// A minute's worth for build servers: Shoal against the bare copy; fails when it has become slower
    #[arg(long, conflicts_with_all = ["only", "rivals", "rounds"])]
    small: bool,
    /// With --small: keep the ratios as those to be compared with
    #[arg(long, requires = "small")]
    record: bool,
    /// The long forms of scenes: a million files
    #[arg(long)]
    long: bool,
    /// Write the results as one JSON object a line
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a picture of the results
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where data lies and arrives: a folder on the disk to be measured
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// List scenes and rivals, and which rivals are here
    #[arg(long)]
    list: bool,
}

/// Does what the command line says.
///
/// # Errors
/// One sentence.
pub(crate) fn run() -> Result {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [HOLD, log, ..] => hold(log.as_ref(), args.get(2..).unwrap_or_default()),
        [BARE_SEND, to, path, rest @ ..] => bare::send(address(to)?, path.as_ref(), rest.contains(&"--bbr")),
        [BARE_RECEIVE, at, into, rest @ ..] => {
            bare::receive(address(at)?, into.as_ref(), rest.contains(&"--bbr"), |_| println!("ready"))
        }
        _ => bench(Options::parse()),
    }
}

fn address(text: &str) -> Result<std::net::SocketAddr> {
    text.parse().map_err(|e| format!("{text}: {e}"))
}

fn bench(options: Options) -> Result {
    let here: Vec<(&dyn Rival, Result)> = rivals::ALL.iter().map(|rival| (*rival, rival.find())).collect();
    if options.list {
        list(&here);
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        return Err("hosts are made of network namespaces, which needs root: run it with sudo".to_owned());
    }
    let known = |name: &String| scenes::ALL.iter().any(|scene| scene.name == name);
    if let Some(unknown) = options.only.iter().find(|name| !known(name)) {
        return Err(format!("there is no scene {unknown}: --list names them"));
    }
    if let Some(unknown) = options.rivals.iter().find(|name| !here.iter().any(|(rival, _)| rival.name() == *name)) {
        return Err(format!("there is no rival {unknown}: --list names them"));
    }
    let mut taking_part = Vec::new();
    for (rival, found) in here {
        let asked = if options.rivals.is_empty() { !options.no_rivals } else { options.rivals.iter().any(|n| n == rival.name()) };
        match found {
            _ if !asked && ![rivals::SHOAL, rivals::BARE].contains(&rival.name()) => {}
            Ok(()) => taking_part.push(rival),
            Err(how) => println!("not found: {}: {how}", rival.name()),
        }
    }
    let _alone = alone()?;
    if options.small {
        let two = taking_part.into_iter().filter(|rival| [rivals::SHOAL, rivals::BARE].contains(&rival.name())).collect();
        return scenes::small::run(Bench::new(two, scenes::small::ROUNDS, false, options.folder)?, options.record);
    }
    let mut bench = Bench::new(taking_part, options.rounds.max(1), options.long, options.folder)?;
    let mut report = Report::here();
    println!("{}", report.machine());
    for scene in scenes::ALL {
        if options.only.is_empty() || options.only.iter().any(|name| name == scene.name) {
            eprintln!("\n{}: {}", scene.name, scene.about);
            (scene.run)(&mut bench, scene, &mut report)?;
        }
    }
    println!("\nAll in all\n\n{}", report.table());
    let write = |path: Option<PathBuf>, text: String| match path {
        Some(path) => std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display())),
        None => Ok(()),
    };
    write(options.json, report.json())?;
    write(options.svg, report.svg())
}

/// Waits until no other bench runs on this machine: they would measure each other. Others may, once the result is dropped.
fn alone() -> Result<std::fs::File> {
    let path = std::env::temp_dir().join("shoal-bench.lock");
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let lock = std::fs::File::create(&path).map_err(failed)?;
    if lock.try_lock().is_err() {
        eprintln!("another bench runs: waiting for its end");
        lock.lock().map_err(failed)?;
    }
    Ok(lock)
}

fn list(here: &[(&dyn Rival, Result)]) {
    println!("scenes:");
    for scene in scenes::ALL {
        println!("  {:10} {}", scene.name, scene.about);
    }
    println!("rivals:");
    for (rival, found) in here {
        println!("  {:18} {}", rival.name(), found.as_ref().err().map_or("here", String::as_str));
    }
}
