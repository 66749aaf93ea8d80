#![allow(clippy::unwrap_used)]
use super::{hostile::is_legal, *};
use crate::RelativePath;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// Whatever a peer calls a file: it is refused, or it gets a legal name of its own that leads back to it.
#[test]
fn hostile_names_are_refused_or_mapped_and_read_back() {
    let names = hostile::names();
    let (mut refused, mut kept, mut changed, mut shortened) = (0, 0, 0, 0);
    for text in &names {
        let Ok(path) = RelativePath::parse(text) else {
            refused += 1;
            continue;
        };
        for rules in Rules::ALL {
            for component in path.components() {
                let mapped = rules.map(component);
                assert!(is_legal(rules, &mapped.name), "{rules:?}: {component:?} became {:?}", mapped.name);
                assert_eq!(rules.is_legal(component), is_legal(rules, component), "{rules:?}: {component:?}");
                assert!(rules.is_legal(&mapped.name));
                assert!(!mapped.shortened || looks_shortened(&mapped.name));
                match mapped {
                    Mapped { shortened: true, .. } => shortened += 1,
                    Mapped { name, .. } => {
                        assert_eq!(rules.unmap(&name), component, "{rules:?}: {name:?}");
                        *(if name == component { &mut kept } else { &mut changed }) += 1;
                    }
                }
            }
        }
    }
    let distinct: HashSet<_> = names.iter().collect();
    assert!(names.len() >= 300 && distinct.len() == names.len(), "{} names, {} distinct", names.len(), distinct.len());
    println!(
        "{} hostile names: {refused} refused; components × 3 rules: {kept} kept, {changed} mapped, {shortened} shortened",
        names.len()
    );
}

#[test]
fn hostile_names_never_meet() {
    for rules in Rules::ALL {
        let mut seen: HashMap<String, String> = HashMap::new();
        for text in hostile::names() {
            for component in text.split('/').filter(|component| check_component(component).is_ok()) {
                let mapped = rules.map(component).name;
                let first = seen.entry(mapped).or_insert_with(|| component.to_owned());
                assert_eq!(first, component, "{rules:?}");
            }
        }
    }
}

#[test]
fn names_stay_readable() {
    for (component, windows, macos) in [
        ("plain.txt", "plain.txt", "plain.txt"),
        ("a:b", "a꞉b", "a꞉b"),
        ("a꞉b", "a‛꞉b", "a‛꞉b"),
        ("what? <this> \"or\" a\\b|c*", "what﹖ ﹤this﹥ ＂or＂ a⧹b∣c∗", "what? <this> \"or\" a\\b|c*"),
        ("第１章：本当？", "第１章：本当？", "第１章：本当？"),
        ("con.txt", "con‛.txt", "con.txt"),
        ("COM¹", "COM¹‛", "COM¹"),
        ("nul .tar.gz", "nul ‛.tar.gz", "nul .tar.gz"),
        ("console", "console", "console"),
        ("COM10", "COM10", "COM10"),
        ("end.", "end．", "end."),
        ("end. ", "end.␠", "end. "),
        ("line\nbreak", "line␊break", "line\nbreak"),
        ("‛~", "‛‛~", "‛‛~"),
        ("caf\u{10ffe9}", "caf‛xE9;", "caf‛xE9;"),
        ("a\u{fffe}", "a\u{fffe}", "a‛xFFFE;"),
    ] {
        assert_eq!(Rules::Windows.map(component).name, windows);
        assert_eq!(Rules::MacOs.map(component).name, macos);
    }
    assert_eq!(Rules::Linux.map("a:b?\n‛~").name, "a:b?\n‛‛~");
}

#[test]
fn names_that_map_does_not_make_stand_for_themselves() {
    for name in ["．", "..．", "a‛b", "‛x2F;", "‛x2f;", "‛", "CON‛‛", "‛~aaaa.txt", "a‛.txt", "‛xE9", "‛x;", "‛xC3;‛xA9;", "⧹‛"]
    {
        let unmapped = Rules::Windows.unmap(name);
        let read_back = Rules::Windows.map(&unmapped).name == name;
        assert!(unmapped == name || read_back, "{name:?} unmapped to {unmapped:?}");
        assert!(check_component(&unmapped).is_ok());
    }
}

#[test]
fn a_name_too_long_keeps_its_beginning_and_its_extension() {
    for (rules, unit) in
        [(Rules::Windows, "é"), (Rules::Windows, "😀"), (Rules::MacOs, "é"), (Rules::Linux, "é"), (Rules::Linux, "\u{10ffe9}")]
    {
        let component = format!("{}.jpeg", unit.repeat(1016 / unit.len()));
        let mapped = rules.map(&component);
        assert!(mapped.shortened && is_legal(rules, &mapped.name), "{rules:?}");
        assert!(mapped.name.starts_with(unit) && mapped.name.ends_with(".jpeg"));
        assert!(rules.units(&mapped.name) > MAX_NAME - 4, "room is used");
        let other = rules.map(&format!("{}x.jpeg", unit.repeat(1016 / unit.len())));
        assert_ne!(mapped.name, other.name);
        assert_eq!(rules.unmap(&mapped.name), mapped.name);
    }
    // The last name that fits, and the first that does not.
    assert!(!Rules::Windows.map(&"写".repeat(255)).shortened && Rules::Windows.map(&"写".repeat(256)).shortened);
    assert!(!Rules::Linux.map(&"\u{10ffe9}".repeat(255)).shortened && Rules::Linux.map(&"é".repeat(128)).shortened);
}

#[test]
fn names_that_are_one_file_have_one_key() {
    for (a, b) in [
        ("A.TXT", "a.txt"),
        ("é", "e\u{301}"),
        ("É", "e\u{301}"),
        ("ſ", "S"),
        ("\u{212a}", "k"),
        ("ς", "Σ"),
        ("Å", "\u{212b}"),
        ("한", "\u{1112}\u{1161}\u{11ab}"),
    ] {
        for rules in [Rules::Windows, Rules::MacOs] {
            assert_eq!(rules.clash_key(a), rules.clash_key(b), "{a} {b}");
        }
        assert_ne!(Rules::Linux.clash_key(a), Rules::Linux.clash_key(b));
    }
    assert_ne!(Rules::Windows.clash_key("a"), Rules::Windows.clash_key("b"));
}

/// Components of what the rules treat apart, so that chance finds their borders.
fn component() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[‛~.: x;꞉．␠␊\n\\\\?﹖E9C3A-]{1,3}",
        1 => prop::sample::select(vec!["CON", "nul", "COM¹", "lpt9", "‛xE9;", "‛‛~", "‛~", "\u{10ffe9}", "\u{10fff4}", "\u{ffff}", "é", "😀"]).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
        1 => "[a-z]{60,90}",
    ];
    prop::collection::vec(piece, 1..8)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("is a component", |text| check_component(text).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_component_gets_a_legal_name_that_leads_back(component in component()) {
        for rules in Rules::ALL {
            let mapped = rules.map(&component);
            prop_assert!(is_legal(rules, &mapped.name), "{:?}: {:?}", rules, mapped);
            if !mapped.shortened {
                prop_assert_eq!(rules.unmap(&mapped.name), component.clone());
            }
        }
    }

    #[test]
    fn a_shortened_name_is_no_other_components_name(component in component()) {
        for rules in Rules::ALL {
            let long = rules.map(&format!("{component}{}", "x".repeat(300)).chars().take(400).collect::<String>());
            if long.shortened && check_component(&long.name).is_ok() {
                prop_assert_ne!(rules.map(&long.name).name, long.name);
            }
        }
    }

    #[test]
    fn unmap_takes_any_name_and_gives_a_component(name in component()) {
        for rules in Rules::ALL {
            let unmapped = rules.unmap(&name);
            prop_assert!(check_component(&unmapped).is_ok());
            prop_assert!(unmapped == name || rules.map(&unmapped).name == name);
        }
    }

    #[test]
    fn the_key_of_a_key_is_itself(name in "\\PC{0,12}") {
        for rules in Rules::ALL {
            let key = rules.clash_key(&name);
            prop_assert_eq!(rules.clash_key(&key), key.clone());
            if rules != Rules::Linux {
                let normal: String = name.nfd().collect();
                prop_assert_eq!(rules.clash_key(&normal), key);
            }
        }
    }
}
