//! Sizes, times and states as people say them.

use shoal_api::{Direction, State, Transfer, Trust};

/// Longest text of a peer that is shown whole, in characters.
const MAX_SHOWN: usize = 64 * 1024;

/// `1.2 GB`: decimal, as disks and networks are sold.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        // 999.95 would be written as 1000.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// `84 MB/s`.
pub(crate) fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", size(bytes_per_second))
}

/// `40 s`, `3 min`, `2 h 5 min`, `3 days`: rounded as people round.
pub(crate) fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3570 => format!("{} min", (seconds + 30) / 60),
        3570..86_400 => match ((seconds + 30) / 3600, (seconds + 30) % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => count((seconds + 43_200) / 86_400, "day"),
    }
}

/// `1 file`, `3 files`, `12,345 files`.
pub(crate) fn count(number: u64, of: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {of}{}", if number == 1 { "" } else { "s" })
}

/// `3 files, 1.2 GB`, or `a text`.
pub(crate) fn what(row: &Transfer) -> String {
    if row.text.is_some() { "a text".to_owned() } else { format!("{}, {}", count(row.files.into(), "file"), size(row.bytes)) }
}

/// The beginning of a transfer's id: enough to name it on the next command line.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Trust beside a name.
pub(crate) const fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Stranger => "new – not verified",
        Trust::Known => "known – not verified",
        Trust::Verified => "verified",
        Trust::Blocked => "blocked",
    }
}

/// Where a transfer stands, in one breath.
pub(crate) fn standing(row: &Transfer) -> String {
    let because = row.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
    match row.state {
        State::Waiting if row.is_open_offer() => "waits for your answer".to_owned(),
        State::Waiting if row.direction == Direction::Send => format!("waiting for {} to answer", row.peer_name()),
        State::Waiting => "waits for its turn".to_owned(),
        State::Active if row.rate == 0 => "starting".to_owned(),
        State::Active => match row.eta_s {
            Some(left) => format!("{}, {} left", rate(row.rate), time(left)),
            None => rate(row.rate),
        },
        // By the other end, if it says so.
        State::Paused => row.error.clone().unwrap_or_else(|| "paused".to_owned()),
        State::Interrupted => format!("interrupted{because}; goes on by itself"),
        State::Finished if row.files_failed > 0 => {
            format!("{} of {} failed", row.files_failed, count(row.files.into(), "file"))
        }
        State::Finished => "done".to_owned(),
        State::Failed => format!("failed{because}"),
        State::Cancelled => "cancelled".to_owned(),
        State::Declined => "declined".to_owned(),
    }
}

/// What the system said, without the number that only programs read.
pub(crate) fn system(error: &std::io::Error) -> String {
    let said = error.to_string();
    let words = said.find(" (os error").and_then(|at| said.get(..at)).unwrap_or(&said);
    let mut characters = words.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// A peer's text, safe on a terminal: line breaks and tabs stay, every other control character and every character that changes
/// the direction of writing is replaced (Unicode TR 36 §3, UAX 9).
pub(crate) fn text(text: &str) -> String {
    let safe = text.chars().take(MAX_SHOWN).map(|character| match character {
        '\n' | '\t' => character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        character if character.is_control() => '\u{fffd}',
        character => character,
    });
    safe.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_as_people_say_them() {
        for (bytes, said) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_234_567_890, "1.2 GB"),
            (84_400_000, "84 MB"),
            (999_600, "1.0 MB"),
            (30_000_000_000, "30 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(size(bytes), said);
        }
        for (seconds, said) in [
            (1, "1 s"),
            (59, "59 s"),
            (60, "1 min"),
            (170, "3 min"),
            (3569, "59 min"),
            (3580, "1 h"),
            (7500, "2 h 5 min"),
            (86_400, "1 day"),
            (260_000, "3 days"),
        ] {
            assert_eq!(time(seconds), said, "{seconds}");
        }
        assert_eq!(system(&std::io::Error::from_raw_os_error(2)).find("os error"), None);
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(3112, "file"), "3,112 files");
        assert_eq!(count(1_000_000, "file"), "1,000,000 files");
    }

    /// A text must not be able to move the cursor, clear the screen or show itself backwards.
    #[test]
    fn a_peers_text_cannot_command_the_terminal() {
        assert_eq!(text("two\nlines\tand \u{1b}[2Jmore\r\u{7}"), "two\nlines\tand \u{fffd}[2Jmore\u{fffd}\u{fffd}");
        assert_eq!(text("a\u{202e}b\u{2066}c\u{9b}d"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        assert_eq!(text("日本語 🐟 é"), "日本語 🐟 é");
    }
}
