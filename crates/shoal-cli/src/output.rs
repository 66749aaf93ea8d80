//! Standard output and standard error: JSON lines or words, never both on one.

use console::style;
use serde::Serialize;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON object a line on standard output, nothing else.
    pub(crate) json: bool,
}

impl Output {
    /// One JSON line, if scripts listen.
    pub(crate) fn json(self, row: &impl Serialize) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, row)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// One line for people, if people listen.
    pub(crate) fn say(self, line: impl AsRef<str>) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", line.as_ref())?;
        out.flush()
    }

    /// A table for people: columns as wide as their widest cell, the last as wide as it likes.
    pub(crate) fn table<const N: usize>(self, head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| console::measure_text_width(cell));
            cells.chain(head.get(column).map(|cell| console::measure_text_width(cell))).max().unwrap_or(0)
        });
        let line = |cells: &[String; N]| {
            let padded =
                cells.iter().zip(widths).map(|(cell, width)| console::pad_str(cell, width, console::Alignment::Left, None));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.say(style(line(&head.map(str::to_owned))).dim().to_string())?;
        rows.iter().try_for_each(|row| self.say(line(row)))
    }
}

/// One sentence about what went wrong, on standard error.
pub(crate) fn complain(sentence: &str) {
    note(&format!("shoal: {sentence}"));
}

/// One line beside the output. Nobody can be told when standard error is gone too.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Logs go to standard error: warnings, and more with each `-v`; `RUST_LOG` decides when it is set.
pub(crate) fn log_to_stderr(verbose: u8) {
    let quiet = match verbose {
        0 => "error",
        1 => "warn,shoal=info,shoal_api=info,shoal_engine=info,shoal_web=info",
        2 => "info,shoal=debug,shoal_api=debug,shoal_engine=debug,shoal_web=debug",
        _ => "debug,shoal=trace,shoal_api=trace,shoal_engine=trace,shoal_web=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    // A log that cannot be written (its disk is full) is complained of on standard error too, by a macro that panics if that fails.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).log_internal_errors(false).init();
}
