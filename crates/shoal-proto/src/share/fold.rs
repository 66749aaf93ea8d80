//! Names as a search compares them: without regard to case, accents and the several ways in which Unicode writes one letter.

use super::Matching;
use unicode_normalization::UnicodeNormalization;

/// Most words of a query; the rest is one word with the last.
pub const MAX_WORDS: usize = 8;

/// `text` in the form in which names are compared and sorted. Folding what is folded changes nothing.
///
/// Compatibility decomposition (NFKD), lower case, and no accents: marks that Unicode made for Latin, Greek and Cyrillic letters.
/// Marks that make another letter in their script stay, as Devanagari vowels and Japanese voicing do. Letters of Latin script that have
/// no decomposition but that people type without their stroke (`ø`, `ł`) lose it; `ß`, `æ` and `œ` become two.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    // Twice, since what becomes lower case may be decomposed only then.
    for lower in text.nfkd().flat_map(char::to_lowercase).nfkd() {
        match plain(lower) {
            Some(plain) => out.push_str(plain),
            None if is_accent(lower) => {}
            None => out.push(lower),
        }
    }
    out
}

/// Letters that people type as others.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'þ' => "th",
        'ς' => "σ",
        _ => return None,
    })
}

/// The blocks of combining marks that belong to no script.
const fn is_accent(mark: char) -> bool {
    matches!(mark, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// What names are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    words: Vec<String>,
    matching: Matching,
}

impl Pattern {
    /// The pattern of a query. A text of nothing but spaces fits every name.
    pub fn new(text: &str, matching: Matching) -> Self {
        let folded = fold(text);
        let mut words: Vec<String> = match matching {
            Matching::Anywhere => folded.split_whitespace().map(str::to_owned).collect(),
            Matching::Beginning => Some(folded.trim().to_owned()).filter(|text| !text.is_empty()).into_iter().collect(),
        };
        let rest = words.split_off(words.len().min(MAX_WORDS));
        if let Some(last) = words.last_mut().filter(|_| !rest.is_empty()) {
            last.push(' ');
            last.push_str(&rest.join(" "));
        }
        Self { words, matching }
    }

    /// Folded; each has to be in the name.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Where in the name.
    pub const fn matching(&self) -> Matching {
        self.matching
    }

    /// Whether a name fits that was folded.
    pub fn fits(&self, folded: &str) -> bool {
        match self.matching {
            Matching::Anywhere => self.words.iter().all(|word| folded.contains(word.as_str())),
            Matching::Beginning => self.words.iter().all(|word| folded.starts_with(word.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(query: &str, name: &str) -> bool {
        Pattern::new(query, Matching::Anywhere).fits(&fold(name))
    }

    #[test]
    fn case_accents_and_spelling_make_no_difference() {
        for (query, name) in [
            ("UBER", "Über.txt"),
            ("über", "uber.txt"),
            ("u\u{308}ber", "ÜBER"),
            ("strasse", "Straße"),
            ("STRASSE", "straẞe"),
            ("ﬁle", "FILE"),
            ("istanbul", "İstanbul"),
            ("οδυσσευσ", "Οδυσσεύς"),
            ("lodz", "Łódź"),
            ("smorrebrod", "smørrebrød"),
            ("йод", "ЙОД"),
            ("holiday 2023", "2023 summer Holiday.jpg"),
        ] {
            assert!(fits(query, name), "{query} {name}");
        }
    }

    #[test]
    fn letters_that_differ_stay_different() {
        assert!(!fits("き", "け"));
        assert_ne!(fold("कि"), fold("का"), "vowels of Devanagari are no accents");
        assert_ne!(fold("が"), fold("か"));
        assert!(!fits("holiday 2023", "Holiday 2024"));
    }

    #[test]
    fn a_beginning_is_one() {
        let pattern = Pattern::new(" Été 20 ", Matching::Beginning);
        assert!(pattern.fits(&fold("ete 2023.jpg")) && !pattern.fits(&fold("l'été 20")));
        for matching in [Matching::Anywhere, Matching::Beginning] {
            assert!(Pattern::new("  ", matching).fits("anything"));
        }
    }

    #[test]
    fn many_words_are_bounded_and_none_is_lost() {
        let pattern = Pattern::new("a b c d e f g h i j", Matching::Anywhere);
        assert_eq!(pattern.words().len(), MAX_WORDS);
        assert_eq!(pattern.words().last().map(String::as_str), Some("h i j"));
    }

    #[test]
    fn folding_what_is_folded_changes_nothing() {
        for character in (0..=0x10_ffff).filter_map(char::from_u32) {
            let once = fold(character.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&once), once, "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn every_part_of_a_name_finds_it(name in "[\\PC]{1,12}", from in 0_usize..12, len in 1_usize..6) {
            let part: String = name.chars().skip(from).take(len).collect();
            // A mark alone folds differently beside its letter, and a query has no spaces at its ends.
            let folded = fold(&part);
            prop_assume!(!folded.contains(char::is_whitespace) && fold(&name).contains(&folded));
            prop_assert!(fits(&part, &name));
        }
    }
}
