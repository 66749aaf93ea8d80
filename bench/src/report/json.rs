//! The report as JSON, one object a line: `machine`, then `contest` for each rival of each scene, then `figure`s.

use super::Report;
use crate::run::Measure;
use serde_json::json;

pub(super) fn of(report: &Report) -> String {
    let mut lines = vec![json!({ "kind": "machine", "about": report.machine })];
    for outcome in &report.outcomes {
        let shoal = outcome.shoal().and_then(|row| row.seconds(outcome.bytes));
        for row in &outcome.rows {
            let seconds = row.seconds(outcome.bytes);
            let both = |of: &dyn Fn(&Measure, usize) -> f64| vec![row.median(|run| of(run, 0)), row.median(|run| of(run, 1))];
            lines.push(json!({
                "kind": "contest",
                "scene": outcome.scene,
                "about": outcome.about,
                "rival": row.rival,
                "bytes": outcome.bytes,
                "seconds": seconds,
                "mbit_s": seconds.map(|s| outcome.bytes as f64 * 8.0 / 1e6 / s),
                "times_shoal": seconds.zip(shoal).map(|(own, shoal)| own / shoal),
                "finished": row.finished(),
                "cpu_s": both(&|run, i| run.cpu[i]),
                "memory_bytes": both(&|run, i| run.memory[i] as f64),
                "cable_cpu_s": row.median(|run| run.cable_cpu),
                "runs_s": row.runs.iter().map(|run| run.seconds).collect::<Vec<_>>(),
                "failure": row.failure,
            }));
        }
    }
    for figure in &report.figures {
        lines.push(json!({
            "kind": "figure", "scene": figure.scene, "what": figure.what, "value": figure.value, "unit": figure.unit,
        }));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
