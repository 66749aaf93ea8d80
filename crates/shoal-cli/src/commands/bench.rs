//! `shoal bench`: what limits a transfer.

use crate::{
    exit::Stop,
    output,
    session::{FIND_SECONDS, Session, reply},
    words,
};
use clap::Args;
use shoal_api::{Measure, Reply, Request};

/// Measure disk, processor and network, and say which one limits a transfer
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shoal bench                     # this computer
  shoal bench \"Mira's laptop\"     # and the way there; it must know this device

It takes some ten seconds, and writes up to 1 GB into the inbox, which it removes again.")]
pub(crate) struct BenchArgs {
    /// The device to measure the network to
    peer: Option<String>,
}

pub(crate) async fn run(session: &Session, args: BenchArgs) -> Result<(), Stop> {
    if !session.out.json {
        output::note("Measuring: some ten seconds.");
    }
    let request = Request::Bench { peer: args.peer, wait_s: FIND_SECONDS };
    let bench = reply!(session.ask(request).await?, Reply::Bench(bench) => bench)?;
    for measure in &bench.measures {
        session.out.json(measure)?;
    }
    session.out.json(&bench.limit)?;
    let rows: Vec<[String; 2]> = bench.measures.iter().map(|measure| [name(&measure.measure), amount(measure)]).collect();
    session.out.table(["What", "How much"], &rows)?;
    session.out.say(format!("\n{}", bench.limit.sentence))?;
    Ok(())
}

fn name(measure: &str) -> String {
    let said = match measure {
        "disk_write" => "Disk, writing",
        "disk_read" => "Disk, reading",
        "small_files" => "Disk, small files",
        "encrypt_and_hash" => "Encrypting and hashing, one core",
        "hash_one_core" => "Hashing, one core",
        "hash_all_cores" => "Hashing, all cores",
        "round_trip" => "Network, there and back",
        "to_peer" => "Network, to the device",
        "from_peer" => "Network, from the device",
        "processor_while_sending" => "Processor while sending",
        other => other,
    };
    said.to_owned()
}

fn amount(Measure { value, unit, .. }: &Measure) -> String {
    match unit.as_str() {
        "B/s" => words::rate(*value as u64),
        "files/s" => format!("{} a second", words::count(*value as u64, "file")),
        "cores" => format!("{:.0} % of a core", value * 100.0),
        _ => format!("{value:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_say_them() {
        for (value, unit, said) in [
            (11.8e6, "B/s", "12 MB/s"),
            (12_345.0, "files/s", "12,345 files a second"),
            (0.424, "cores", "42 % of a core"),
            (1.234, "ms", "1.2 ms"),
        ] {
            assert_eq!(amount(&Measure { measure: String::new(), value, unit: unit.into() }), said);
        }
    }
}
