//! The picture of the report: a group of bars a scene, time to the right, for light and dark pages.

use super::{Outcome, Row};
use crate::rivals::SHOAL;
use std::fmt::Write;

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const BARS_AT: f64 = 170.0;
const LONGEST: f64 = 500.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
const TITLE: f64 = 34.0;
/// A bar that is more than this many times Shoal's is cut off, so that the others can be told apart.
const CUT: f64 = 5.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}.n{fill:#59636e}.b{fill:#a9b4c0}.s{fill:#0a7ea4}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.n{fill:#9198a1}.b{fill:#4a5561}.s{fill:#3fb6dc}}";

pub(super) fn of(outcomes: &[Outcome]) -> String {
    let mut body = String::new();
    let mut y = 6.0;
    for outcome in outcomes {
        let mut rows: Vec<(&Row, f64)> = outcome.rows.iter().filter_map(|row| Some((row, row.seconds(outcome.bytes)?))).collect();
        rows.sort_by(|a, b| a.1.total_cmp(&b.1));
        let slowest = rows.iter().map(|(_, s)| *s).fold(0.0, f64::max);
        let most = rows.iter().find(|(row, _)| row.rival == SHOAL).map_or(slowest, |(_, s)| slowest.min(s * CUT));
        let _ = writeln!(body, r#"<text class="t" x="8" y="{:.0}">{}</text>"#, y + 20.0, escaped(&outcome.about));
        y += TITLE;
        for (row, seconds) in rows {
            let length = (seconds / most.max(1e-9)).min(1.0) * LONGEST;
            let class = if row.rival == SHOAL { "s" } else { "b" };
            let cut = if seconds > most { " →" } else { "" };
            let text = y + BAR - 3.5;
            let _ = writeln!(
                body,
                r#"<text x="{:.0}" y="{text:.1}" text-anchor="end">{}</text><rect class="{class}" x="{BARS_AT}" y="{y:.1}" width="{length:.1}" height="{BAR}" rx="3"/><text class="n" x="{:.1}" y="{text:.1}">{} s{cut}</text>"#,
                BARS_AT - 8.0,
                escaped(&row.rival),
                BARS_AT + length + 6.0,
                shown(seconds),
            );
            y += STEP;
        }
        y += 8.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" role=\"img\" \
         aria-label=\"Seconds that each program takes; shorter is better\">\n<style>{STYLE}</style>\n{body}</svg>\n"
    )
}

fn shown(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.2}") } else { format!("{seconds:.0}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Measure;

    #[test]
    fn bars_are_to_scale_and_a_long_one_is_cut_off() {
        let row = |rival: &str, seconds| Row {
            runs: vec![Measure { seconds, finished: true, bytes: 1, cpu: [0.0; 2], memory: [0; 2], cable_cpu: 0.0 }],
            ..Row::new(rival)
        };
        let rows = vec![row("a & b", 40.0), row("shoal", 2.0), row("c", 5.0)];
        let picture = of(&[Outcome { scene: "x".into(), about: "1 < 2".into(), bytes: 1, rows }]);
        assert!(picture.contains("1 &lt; 2") && picture.contains("a &amp; b"));
        // Five times Shoal's 2 s is the whole width.
        assert!(
            picture.contains(r#"width="100.0""#) && picture.contains(r#"width="250.0""#) && picture.contains(r#"width="500.0""#)
        );
        assert!(picture.contains("40 s →") && picture.contains("2.00 s<"));
    }
}
