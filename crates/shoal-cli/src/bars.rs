//! Progress on the terminal: one bar for each transfer, on standard error.

use crate::words;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use shoal_api::Transfer;
use std::collections::HashMap;

/// Redraws a second: text that changes more often cannot be read.
const HERTZ: u8 = 4;

/// Longest name before a bar, in columns.
const MAX_LABEL: usize = 28;

/// Bars by transfer. Invisible where standard error is no terminal or scripts listen.
#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: HashMap<String, ProgressBar>,
}

impl Bars {
    pub(crate) fn new(json: bool) -> Self {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(HERTZ) };
        Self { all: MultiProgress::with_draw_target(target), bars: HashMap::new() }
    }

    /// Nobody sees them.
    pub(crate) fn are_hidden(&self) -> bool {
        self.all.is_hidden()
    }

    /// Shows where a transfer stands.
    pub(crate) fn show(&mut self, row: &Transfer, label: &str) {
        let all = &self.all;
        let bar = self.bars.entry(row.transfer.clone()).or_insert_with(|| {
            let label = console::truncate_str(label, MAX_LABEL, "…").into_owned();
            all.add(ProgressBar::new(row.bytes).with_style(style()).with_prefix(label).with_finish(ProgressFinish::Abandon))
        });
        bar.set_length(row.bytes);
        bar.set_position(row.bytes_done.min(row.bytes));
        bar.set_message(words::standing(row));
    }

    /// A transfer is over: its bar goes.
    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(bar) = self.bars.remove(id) {
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
