//! Progress on the terminal: one bar for each transfer, on standard error.

use crate::words;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use shoal_api::{State, Transfer};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Shortest time between two looks of one bar: text that changes more often cannot be read.
const PAUSE: Duration = Duration::from_millis(250);

/// Longest name before a bar, in columns.
const MAX_LABEL: usize = 28;

/// Bars by transfer. Invisible where standard error is no terminal or scripts listen.
#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: HashMap<String, Bar>,
}

#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    /// When it was last drawn, and in which state.
    drawn: Option<(Instant, State)>,
}

impl Bars {
    pub(crate) fn new(json: bool) -> Self {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { all: MultiProgress::with_draw_target(target), bars: HashMap::new() }
    }

    /// Nobody sees them.
    pub(crate) fn are_hidden(&self) -> bool {
        self.all.is_hidden()
    }

    /// Shows where a transfer stands.
    pub(crate) fn show(&mut self, row: &Transfer, label: &str) {
        let all = &self.all;
        let Bar { bar, drawn } = self.bars.entry(row.transfer.clone()).or_insert_with(|| {
            let label = console::truncate_str(label, MAX_LABEL, "…").into_owned();
            let bar = ProgressBar::new(row.bytes).with_style(style()).with_prefix(label).with_finish(ProgressFinish::Abandon);
            Bar { bar: all.add(bar), drawn: None }
        });
        if drawn.is_some_and(|(at, state)| state == row.state && at.elapsed() < PAUSE) {
            return;
        }
        *drawn = Some((Instant::now(), row.state));
        bar.update(|shown| {
            shown.set_len(row.bytes);
            shown.set_pos(row.bytes_done.min(row.bytes));
        });
        bar.set_message(words::standing(row));
    }

    /// A transfer is over: its bar goes.
    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(Bar { bar, .. }) = self.bars.remove(id) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }

    /// Writes something else without tearing the bars.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.all.suspend(write)
    }
}

fn style() -> ProgressStyle {
    // The only error is a template that is none.
    ProgressStyle::with_template("{prefix:28} {bar:24.cyan} {percent:>3}%  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
