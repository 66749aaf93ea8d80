//! What of a peer's text may reach a screen, a terminal or a log.
//!
//! Everything passes that a font draws where it stands. What would move, hide, reorder or fake other text is replaced by a visible
//! sign: control characters by their pictures (`␛`), everything else by `�`. Letters of scripts that run from right to left pass
//! too; a screen that mixes them with its own words isolates them (`<bdi>`, Unicode UAX #9).
//!
//! The functions below are for reading only: what they give is no name of a file and is not mapped back.

use crate::message::MAX_DEVICE_NAME;
use unicode_normalization::char::is_combining_mark;

/// Most marks that may pile up on one letter; Tibetan and pointed Hebrew need up to five.
pub const MAX_MARKS: usize = 6;

/// Shown for a device that calls itself nothing.
pub const UNNAMED_DEVICE: &str = "Unnamed device";

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;
const ELLIPSIS: char = '…';

/// `text` as it may be shown on one line.
pub fn shown(text: &str) -> String {
    clusters(text, |_| false).concat()
}

/// `text` as it may be shown on several: its line breaks and tabs stay.
pub fn shown_lines(text: &str) -> String {
    clusters(&text.replace("\r\n", "\n"), |character| matches!(character, '\n' | '\t')).concat()
}

/// As [`shown`], in at most `max_chars` characters. What is too long loses its middle, so that the extension of a file's name,
/// which tells whether it is a program, is always seen. Nothing that is drawn as one is cut in two.
pub fn shown_within(text: &str, max_chars: usize) -> String {
    let clusters = clusters(text, |_| false);
    if count_chars(&clusters) <= max_chars {
        return clusters.concat();
    }
    let room = max_chars.saturating_sub(1);
    let end = fitting(clusters.iter().rev(), room / 3);
    let start = fitting(clusters.iter(), room - count_chars(&end));
    let ellipsis = (max_chars > 0).then(|| ELLIPSIS.to_string());
    start.into_iter().chain(ellipsis.iter()).chain(end.into_iter().rev()).map(String::as_str).collect()
}

/// What a device calls itself, as it may be shown: at most [`MAX_DEVICE_NAME`] characters, never empty.
pub fn device_name(text: &str) -> String {
    let clusters = clusters(text.trim(), |_| false);
    if clusters.is_empty() {
        return UNNAMED_DEVICE.to_owned();
    }
    if count_chars(&clusters) <= MAX_DEVICE_NAME {
        return clusters.concat();
    }
    let mut name: String = fitting(clusters.iter(), MAX_DEVICE_NAME - 1).into_iter().map(String::as_str).collect();
    name.truncate(name.trim_end().len());
    name.push(ELLIPSIS);
    name
}

/// A number of bytes as file windows show it: `999 bytes`, `1.2 GB`, in powers of 1000; tenths below 100.
pub fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return count(bytes, "byte");
    }
    let rounded = |unit: u128| (u128::from(bytes) + unit / 2) / unit;
    let mut unit = 1;
    for name in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        unit *= 1000;
        let tenths = rounded(unit / 10);
        match (rounded(unit), tenths / 10, tenths % 10) {
            (_, whole, 0) if tenths < 1000 => return format!("{whole} {name}"),
            (_, whole, tenth) if tenths < 1000 => return format!("{whole}.{tenth} {name}"),
            (whole @ ..1000, _, _) => return format!("{whole} {name}"),
            _ => {}
        }
    }
    // Not reached: the largest `u64` is 18.4 EB.
    count(bytes, "byte")
}

/// A number of things: `1 file`, `3,112 files`, `2 entries`.
pub fn count(n: u64, noun: &str) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match noun.strip_suffix('y') {
        _ if n == 1 => format!("{grouped} {noun}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{grouped} {stem}ies"),
        _ => format!("{grouped} {noun}s"),
    }
}

fn count_chars<S: AsRef<str>>(clusters: &[S]) -> usize {
    clusters.iter().map(|cluster| cluster.as_ref().chars().count()).sum()
}

/// As many clusters as fit into `room` characters.
fn fitting<'a>(clusters: impl Iterator<Item = &'a String>, room: usize) -> Vec<&'a String> {
    let mut used = 0;
    clusters
        .take_while(|cluster| {
            used += cluster.chars().count();
            used <= room
        })
        .collect()
}

/// The text made harmless, in parts that are each drawn as one: a base with its marks, or emoji that are joined.
fn clusters(text: &str, keep: impl Fn(char) -> bool) -> Vec<String> {
    let mut clusters: Vec<String> = Vec::new();
    let mut marks = 0;
    let mut joined = false;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let next = rest.clone().next();
        let last = clusters.last_mut();
        let before = last.as_ref().and_then(|cluster| cluster.chars().last());
        match (last, role(character, before, next)) {
            (_, _) if keep(character) => clusters.push(character.to_string()),
            (Some(cluster), Role::Extend) => {
                cluster.push(character);
                joined = character == JOINER;
                continue;
            }
            (Some(cluster), Role::Mark) => {
                marks += 1;
                match marks {
                    ..=MAX_MARKS => cluster.push(character),
                    // One sign for all that is too much.
                    _ if !cluster.ends_with(REPLACEMENT) => {
                        // A joiner would have nothing left to join.
                        cluster.truncate(cluster.trim_end_matches([JOINER, NON_JOINER]).len());
                        cluster.push(REPLACEMENT);
                    }
                    _ => {}
                }
                continue;
            }
            // A mark without a letter would sit on the words before.
            (None, Role::Mark) => {
                marks = 1;
                clusters.push(format!("◌{character}"));
                continue;
            }
            (Some(cluster), Role::Base) if joined && is_emoji(character) => cluster.push(character),
            (_, Role::Base) => {
                let mut cluster = character.to_string();
                if character == BLACK_FLAG
                    && let Some(flag) = REGION_FLAGS.iter().find(|flag| rest.as_str().starts_with(**flag))
                {
                    cluster.push_str(flag);
                    rest = rest.as_str().get(flag.len()..).unwrap_or_default().chars();
                }
                clusters.push(cluster);
            }
            (_, Role::Extend) => clusters.push(REPLACEMENT.to_string()),
            (_, Role::Replaced(instead)) => clusters.push(instead.to_string()),
        }
        marks = 0;
        joined = false;
    }
    clusters
}

/// What becomes of a character.
enum Role {
    /// It is shown as it is and begins a cluster.
    Base,
    /// It is drawn upon the letter before.
    Mark,
    /// It is invisible and means something between its neighbours.
    Extend,
    /// It is not shown; this is.
    Replaced(char),
}

fn role(character: char, before: Option<char>, next: Option<char>) -> Role {
    let number = u32::from(character);
    match character {
        '\u{0}'..='\u{1f}' => Role::Replaced(char::from_u32(0x2400 + number).unwrap_or(REPLACEMENT)),
        '\u{7f}' => Role::Replaced('␡'),
        JOINER | NON_JOINER => {
            let emoji = character == JOINER && before.is_some_and(is_in_emoji) && next.is_some_and(is_emoji);
            let script =
                before.is_some_and(is_joining_script) && next.is_some_and(|next| is_joining_script(next) && !is_invisible(next));
            if emoji || script { Role::Extend } else { Role::Replaced(REPLACEMENT) }
        }
        // The choice between text and picture, and the older shapes of Chinese characters.
        '\u{fe0e}' | '\u{fe0f}' if before.is_some_and(is_emoji) => Role::Extend,
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' if before.is_some_and(is_ideograph) => Role::Extend,
        '\u{1f3fb}'..='\u{1f3ff}' if before.is_some_and(is_emoji) => Role::Extend,
        _ if is_invisible(character) => Role::Replaced(REPLACEMENT),
        _ if is_combining_mark(character) => Role::Mark,
        _ => Role::Base,
    }
}

const JOINER: char = '\u{200d}';
const NON_JOINER: char = '\u{200c}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// England, Scotland, Wales: the flags that are written with tag characters (Unicode UTS #51, annex C).
const REGION_FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// Characters that draw nothing, draw a blank, or change what is around them: controls (C1), Unicode's `Bidi_Control` and
/// `Default_Ignorable_Code_Point`, line and paragraph separators, annotations, blank letters, noncharacters, and the characters
/// that stand for bytes ([`crate::name`]).
fn is_invisible(character: char) -> bool {
    let number = u32::from(character);
    let listed = matches!(
        character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    );
    listed || number & 0xfffe == 0xfffe || number >= 0x10_ff00
}

/// Pictures that take part in emoji sequences, generously: none of these letters or digits.
fn is_emoji(character: char) -> bool {
    matches!(
        character,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}'
            | '\u{24c2}' | '\u{25a0}'..='\u{27bf}' | '\u{2934}' | '\u{2935}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}'
            | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}'
    ) || is_keycap_base(character)
}

/// What `⃣` makes a key of.
fn is_keycap_base(character: char) -> bool {
    matches!(character, '#' | '*' | '0'..='9')
}

/// What may stand before a joiner of emoji.
fn is_in_emoji(character: char) -> bool {
    (is_emoji(character) && !is_keycap_base(character)) || character == '\u{fe0f}'
}

/// Scripts whose spelling needs joiners: Arabic (Persian, Urdu), the Indic ones, Myanmar, Khmer, Mongolian.
fn is_joining_script(character: char) -> bool {
    matches!(
        character,
        '\u{620}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}' | '\u{1820}'..='\u{18af}'
    )
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mapping::hostile;
    use proptest::prelude::*;

    /// Judged without the code above: nothing here may appear on a screen whatever stands around it.
    fn is_dangerous(character: char) -> bool {
        character.is_control()
            || matches!(u32::from(character), 0x202a..=0x202e | 0x2066..=0x2069 | 0x200b | 0x200e | 0x200f | 0x61c | 0x2028 | 0x2029 | 0xfeff | 0xfff9..=0xfffb)
    }

    #[test]
    fn what_moves_hides_or_reorders_is_replaced() {
        for (text, expected) in [
            ("plain name.txt", "plain name.txt"),
            ("a\nb\u{1b}[2J\u{7f}", "a␊b␛[2J␡"),
            ("photo\u{202e}gnp.scr", "photo�gnp.scr"),
            ("\u{2066}a\u{2069}\u{200e}\u{61c}", "�a���"),
            ("a\u{85}b\u{9b}c\u{2028}d\u{2029}e", "a�b�c�d�e"),
            ("a\u{200b}b\u{200c}c\u{200d}d\u{ad}e\u{feff}f", "a�b�c�d�e�f"),
            ("\u{e0041}\u{fffe}\u{10ffe9}\u{3164}", "����"),
            ("a\u{fe0f}", "a�"),
            ("\u{301}a", "◌\u{301}a"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn what_people_write_is_left_alone() {
        for text in [
            "Ångström, Übergröße, naïve, Đặng Thị Bưởi",
            "e\u{301}a\u{302}\u{301}",
            "می\u{200c}خواهم.pdf",
            "ශ\u{dca}\u{200d}ර\u{dd3}",
            "שָׁלוֹם",
            "写真１．jpg",
            "葛\u{e0100}",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈 ❤\u{fe0f} 👍🏽 👩🏽\u{200d}🚀 1\u{fe0f}\u{20e3} 🇩🇪",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "a\u{a0}b\u{3000}c",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        // A joiner before a mark that is too much would join nothing.
        let joined = "\u{17d1}\u{200d}".repeat(10) + "\u{17d1}";
        assert_eq!(shown(&shown(&joined)), shown(&joined));
        let tower = format!("Z{}x", "\u{351}".repeat(1000));
        assert_eq!(shown(&tower), format!("Z{}�x", "\u{351}".repeat(MAX_MARKS)));
        let tower = "a\u{351}\u{200b}".repeat(50);
        assert!(shown(&tower).chars().count() <= 150);
        let rootless = shown(&"\u{301}".repeat(9));
        assert_eq!(rootless.chars().count(), 1 + MAX_MARKS + 1);
        assert_eq!(shown(&rootless), rootless);
    }

    #[test]
    fn a_text_keeps_its_lines() {
        assert_eq!(shown_lines("a\r\nb\n\tc\rd\u{1b}"), "a\nb\n\tc␍d␛");
    }

    #[test]
    fn what_is_too_long_keeps_both_ends() {
        assert_eq!(shown_within("abcdef", 6), "abcdef");
        assert_eq!(shown_within("holiday in the mountains.jpeg", 16), "holiday in….jpeg");
        assert_eq!(shown_within("abcdefg", 1), "…");
        assert_eq!(shown_within("abcdefg", 0), "");
        assert_eq!(shown_within("👩\u{200d}👩\u{200d}👧abc", 4), "…c");
    }

    #[test]
    fn a_device_always_has_a_name() {
        assert_eq!(device_name("  Anna's laptop \n"), "Anna's laptop");
        for nothing in ["", " ", "\n\t\u{3000}"] {
            assert_eq!(device_name(nothing), UNNAMED_DEVICE);
        }
        assert_eq!(device_name(&"x".repeat(64)), "x".repeat(64));
        assert_eq!(device_name(&"x".repeat(65)), format!("{}…", "x".repeat(63)));
        assert_eq!(device_name("\u{200b}"), "�");
    }

    #[test]
    fn sizes_and_counts_read_as_in_a_file_window() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1 kB"),
            (1049, "1 kB"),
            (1050, "1.1 kB"),
            (1_234_567, "1.2 MB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1 MB"),
            (30_400_000_000, "30.4 GB"),
            (315_000_000_000, "315 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(3112, "file"), "3,112 files");
        assert_eq!(count(1_000_000, "entry"), "1,000,000 entries");
        assert_eq!(count(2, "day"), "2 days");
    }

    #[test]
    fn no_hostile_name_harms_a_screen() {
        for name in hostile::names() {
            for text in [shown(&name), shown_within(&name, 40), device_name(&name)] {
                assert!(!text.contains(is_dangerous), "{name:?} is shown as {text:?}");
            }
            assert!(shown_within(&name, 40).chars().count() <= 40);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_is_dangerous(text in "[\u{0}-\u{10ffff}a👩\u{200d}\u{fe0f}\u{301}\u{202e}\u{200c}م🏽🏴\u{e0067}]{0,40}", max in 0_usize..50) {
            prop_assert!(!shown(&text).contains(is_dangerous));
            let within = shown_within(&text, max);
            prop_assert!(within.chars().count() <= max && !within.contains(is_dangerous));
            let name = device_name(&text);
            prop_assert!(!name.is_empty() && name.chars().count() <= MAX_DEVICE_NAME && !name.contains(is_dangerous));
        }

        #[test]
        fn what_was_shown_is_shown_the_same_again(
            text in "\\PC{0,40}",
            // Signs whose meaning hangs on their neighbours.
            chain in "[\u{17d1}\u{17b4}\u{17d2}\u{200d}\u{200c}\u{301}aم👩🏽\u{fe0f}\u{0}]{0,40}",
        ) {
            prop_assert_eq!(shown(&shown(&text)), shown(&text));
            prop_assert_eq!(shown(&shown(&chain)), shown(&chain));
        }
    }
}
