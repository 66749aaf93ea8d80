//! The table of a contest, for people.

use super::{Outcome, Row};

/// What the columns are.
const HEADER: [&str; 9] = ["", "s", "least", "most", "Mbit/s", "× shoal", "CPU s, sender", "receiver", "MiB resident, both"];

/// A contest as lines of columns, the quickest first.
pub(super) fn of(outcome: &Outcome) -> String {
    let rounds = outcome.rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
    let mut rows: Vec<&Row> = outcome.rows.iter().collect();
    let seconds = |row: &Row| row.seconds(outcome.bytes).unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    let mut lines = vec![HEADER.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| line(outcome, row)));
    let estimated = rows.iter().any(|row| !row.finished());
    let note = if estimated { "> stopped at the limit; seconds from the rate until then\n" } else { "" };
    let failures = rows.iter().filter_map(|row| Some(format!("{} failed: {}\n", row.rival, row.failure.as_ref()?)));
    let failures: String = failures.collect();
    format!("{}: {}; medians of {rounds}\n{}{note}{failures}", outcome.scene, outcome.about, columns(&lines))
}

fn line(outcome: &Outcome, row: &Row) -> Vec<String> {
    let number = |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"));
    let seconds = row.seconds(outcome.bytes);
    let more = if row.finished() { "" } else { ">" };
    let all = || row.runs.iter().map(|run| run.seconds);
    let mbit = seconds.map(|s| outcome.bytes as f64 * 8.0 / 1e6 / s);
    let shoal = outcome.shoal().and_then(|row| row.seconds(outcome.bytes));
    let ratio = seconds.zip(shoal).map(|(own, shoal)| own / shoal);
    let mib = |i: usize| number(row.median(|run| run.memory[i] as f64 / f64::from(1 << 20)), 0);
    vec![
        row.rival.clone(),
        format!("{more}{}", number(seconds, 2)),
        number(all().reduce(f64::min), 2),
        number(all().reduce(f64::max), 2),
        number(mbit, 0),
        number(ratio, 2),
        number(row.median(|run| run.cpu[0]), 2),
        number(row.median(|run| run.cpu[1]), 2),
        format!("{} + {}", mib(0), mib(1)),
    ]
}

/// Lines of cells, each column as wide as its widest cell; the first to the left, others to the right.
fn columns(lines: &[Vec<String>]) -> String {
    let count = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| lines.iter().filter_map(|l| l.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (cell, &width))| if i == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Measure;

    fn row(rival: &str, seconds: &[f64], finished: bool) -> Row {
        let runs = seconds.iter().map(|&seconds| Measure {
            seconds,
            finished,
            bytes: if finished { 125_000_000 } else { 12_500_000 },
            cpu: [1.0, 2.0],
            memory: [10 << 20, 20 << 20],
            cable_cpu: 0.0,
        });
        Row { runs: runs.collect(), ..Row::new(rival) }
    }

    #[test]
    fn the_quickest_is_first_and_ratios_are_to_shoal() {
        let rows = vec![row("slow", &[4.0, 9.0, 8.0], true), row("stuck", &[10.0], false), row("shoal", &[2.0, 2.5, 1.0], true)];
        let mut broken = Row::new("broken");
        broken.failure = Some("no".to_owned());
        let rows = rows.into_iter().chain([broken]).collect();
        let text = of(&Outcome { scene: "x".into(), about: "y".into(), bytes: 125_000_000, rows });
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["x:", "y;", "medians", "of", "3"]);
        assert_eq!(lines[2], ["shoal", "2.00", "1.00", "2.50", "500", "1.00", "1.00", "2.00", "10", "+", "20"]);
        assert_eq!(lines[3][..6], ["slow", "8.00", "4.00", "9.00", "125", "4.00"]);
        assert_eq!(lines[4][..2], ["stuck", ">100.00"]);
        assert_eq!(lines[5][..2], ["broken", "-"]);
        assert!(text.contains("broken failed: no"));
    }
}
