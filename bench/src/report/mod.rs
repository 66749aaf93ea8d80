//! What a run of the bench found, and its forms: a table for people, JSON for programs, a picture.

mod json;
mod svg;
mod table;

use crate::{
    rivals::{BARE, SHOAL},
    run::Measure,
    stats::median,
};

/// All that was found, and where.
#[derive(Debug, Default)]
pub(crate) struct Report {
    machine: String,
    outcomes: Vec<Outcome>,
    figures: Vec<Figure>,
}

/// What rivals took in a scene.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scene: String,
    pub(crate) about: String,
    /// Bytes of content.
    pub(crate) bytes: u64,
    pub(crate) rows: Vec<Row>,
}

/// What one rival took.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) rival: String,
    pub(crate) runs: Vec<Measure>,
    pub(crate) failure: Option<String>,
}

/// A single figure of a scene that is no contest.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) scene: String,
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

impl Report {
    /// An empty one of this machine.
    pub(crate) fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let kernel = read("/proc/sys/kernel/osrelease");
        let load = read("/proc/loadavg");
        let load = load.split(' ').next().unwrap_or_default();
        let buffer = read("/proc/sys/net/core/rmem_max");
        let machine = format!(
            "{cores} cores of {model}, Linux {kernel}; load before: {load}; largest socket buffer: {buffer} bytes (rmem_max)"
        );
        Self { machine, ..Self::default() }
    }

    /// What it was measured on.
    pub(crate) fn machine(&self) -> &str {
        &self.machine
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        println!("\n{}", table::of(&outcome));
        self.outcomes.push(outcome);
    }

    pub(crate) fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let contests = self.outcomes.iter().map(table::of);
        let figures = self.figures.iter().map(|f| format!("{}: {}: {:.3} {}", f.scene, f.what, f.value, f.unit));
        std::iter::once(format!("{}\n", self.machine)).chain(contests).chain(figures).collect::<Vec<_>>().join("\n")
    }

    /// One object a line.
    pub(crate) fn json(&self) -> String {
        json::of(self)
    }

    /// A picture of the contests.
    pub(crate) fn svg(&self) -> String {
        svg::of(&self.outcomes)
    }
}

impl Outcome {
    /// Shoal's best time against that of the bare copy.
    pub(crate) fn shoal_to_bare(&self) -> Option<f64> {
        let best = |rival| {
            let row = self.row(rival).filter(|row| row.finished() && row.failure.is_none())?;
            row.runs.iter().map(|run| run.seconds).reduce(f64::min)
        };
        Some(best(SHOAL)? / best(BARE)?)
    }

    /// The row of Shoal, if it took part and came to an end.
    pub(crate) fn shoal(&self) -> Option<&Row> {
        self.row(SHOAL)
    }

    pub(crate) fn row(&self, rival: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.rival == rival && !row.runs.is_empty())
    }
}

impl Row {
    pub(crate) fn new(rival: &str) -> Self {
        Self { rival: rival.to_owned(), runs: Vec::new(), failure: None }
    }

    /// Whether every run came to its end.
    pub(crate) fn finished(&self) -> bool {
        self.runs.iter().all(|run| run.finished)
    }

    /// The median of a measure of its runs.
    pub(crate) fn median(&self, of: impl Fn(&Measure) -> f64) -> Option<f64> {
        median(&self.runs.iter().map(of).collect::<Vec<_>>())
    }

    /// Median time in seconds; of one that did not finish, what the rest would have taken at its rate.
    pub(crate) fn seconds(&self, bytes: u64) -> Option<f64> {
        self.median(|run| if run.finished { run.seconds } else { run.seconds * bytes as f64 / run.bytes.max(1) as f64 })
    }
}
