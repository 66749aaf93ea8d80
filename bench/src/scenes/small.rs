//! What a build server runs: about a minute, and a verdict.
//!
//! Shoal's best time against that of the bare copy in the same run, compared with the ratio in `bench/baseline.json`. A ratio holds on
//! other machines, as far as anything does; the best of some, as noise only ever adds. A bad ratio is looked at once more.

use super::Bench;
use crate::{Result, data::Shape, lab::Link, report::Report};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// A contest's name, and Shoal's time against that of the bare copy.
type Ratios = BTreeMap<String, f64>;

/// How often each is run.
pub(crate) const ROUNDS: usize = 7;
/// How much worse than the recorded ratio is a failure.
const TOLERATED: f64 = 1.25;
/// How long one run may take.
const LONGEST: Duration = Duration::from_secs(30);
/// The recorded ratios, in the sources.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json");

const CONTESTS: [(&str, &str, Shape); 2] = [
    ("256mib", "256 MiB file, unlimited link", Shape::File { mib: 256 }),
    ("2000files", "2,000 files of 4 KiB, unlimited link", Shape::Folder { files: 2000, bytes: 4096, folders: 20 }),
];

/// Runs it; with `record` keeps the ratios rather than judge by them.
///
/// # Errors
/// When Shoal has become slower, or anything fails.
pub(crate) fn run(mut bench: Bench, record: bool) -> Result {
    let path = Path::new(BASELINE);
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut report = Report::here();
    println!("{}", report.machine());
    let first = ratios(&mut bench, &mut report)?;
    if record {
        let text = serde_json::to_string_pretty(&first).map_err(|e| failed(&e))?;
        return std::fs::write(path, text + "\n").map_err(|e| failed(&e));
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed(&e))?;
    let recorded = serde_json::from_str(&text).map_err(|e| failed(&e))?;
    verdict(&first, &recorded).or_else(|_| {
        println!("once more, as the machine may have been busy");
        let mut both = ratios(&mut bench, &mut report)?;
        both.iter_mut().for_each(|(name, ratio)| *ratio = ratio.min(first.get(name).copied().unwrap_or(f64::INFINITY)));
        verdict(&both, &recorded)
    })
}

/// The ratio of each contest.
fn ratios(bench: &mut Bench, report: &mut Report) -> Result<Ratios> {
    let mut ratios = Ratios::new();
    for (name, about, shape) in CONTESTS {
        let outcome = bench.outcome(name, about, Link::Unlimited, shape, LONGEST)?;
        let ratio = outcome.shoal_to_bare();
        report.add(outcome);
        let ratio = ratio.ok_or_else(|| format!("{name}: not both came to their end"))?;
        ratios.insert(name.to_owned(), ratio);
    }
    Ok(ratios)
}

fn verdict(ratios: &Ratios, recorded: &Ratios) -> Result {
    let mut worse = Vec::new();
    for (name, ratio) in ratios {
        let Some(before) = recorded.get(name) else { return Err(format!("{name} was never recorded: use --record")) };
        println!("figure: {name}, time of shoal against a bare copy: {ratio:.2}, recorded {before:.2}");
        if *ratio > before * TOLERATED {
            worse.push(format!("{name} takes {ratio:.2} times what a bare copy takes, recorded are {before:.2}"));
        }
    }
    if worse.is_empty() { Ok(()) } else { Err(format!("slower than before: {}", worse.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_more_than_a_quarter_worse_fails() {
        let of = |one: f64, two: f64| BTreeMap::from([("a".to_owned(), one), ("b".to_owned(), two)]);
        assert_eq!(verdict(&of(2.0, 1.0), &of(2.0, 1.0)), Ok(()));
        assert_eq!(verdict(&of(2.4, 0.1), &of(2.0, 1.0)), Ok(()));
        assert!(verdict(&of(2.6, 1.0), &of(2.0, 1.0)).is_err_and(|e| e.contains("a takes 2.60") && !e.contains("b takes")));
        assert!(verdict(&of(1.0, 1.0), &BTreeMap::new()).is_err());
    }
}
