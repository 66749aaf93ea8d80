//! Names that one target tells apart and another does not: nothing is lost, nothing is overwritten.

use super::scene::{Pair, names_in};
use shoal_tests::{compare, data};
use tempfile::tempdir;

/// On a target that tells them apart all keep their names. On one that does not they lie beside one another: the store's own tests
/// show that, for there is no such filesystem everywhere.
#[test]
#[ignore = "needs root and ip netns"]
fn names_that_differ_in_case_or_normalisation_arrive_beside_one_another() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let folder = source.path().join("clash");
    let names =
        ["Read me.txt", "read me.txt", "READ ME.TXT", "caf\u{e9}", "cafe\u{301}", "stra\u{df}e", "strasse", "\u{212b}", "\u{c5}"];
    for (name, seed) in names.iter().zip(1..) {
        data::random_file(&folder.join(name), 1000, seed);
        data::random_file(&folder.join("folders").join(name).join("inside"), 1000, 100 + seed);
    }
    pair.send(&folder);
    assert_eq!(compare::assert_same(source.path(), &pair.ben.inbox()), 2 * names.len());
    assert_eq!(names_in(&pair.ben.inbox()), ["clash"], "the hidden folder of partial files is gone");
}

/// What is there already stays as it is, whatever it is.
#[test]
#[ignore = "needs root and ip netns"]
fn what_is_there_already_is_never_overwritten() {
    let (pair, source) = (Pair::new(), tempdir().unwrap());
    let inbox = pair.ben.inbox();
    let folder = source.path().join("mixed");
    for name in ["same", "other", "a folder there", "linked", "no ending.", ".profile", "archive.tar.gz"] {
        data::random_file(&folder.join(name), 1000, 1);
    }
    let there = inbox.join("mixed");
    data::random_file(&there.join("same"), 1000, 1);
    for name in ["other", "a folder there/inside", "no ending.", ".profile", "archive.tar.gz"] {
        data::random_file(&there.join(name), 500, 9);
    }
    let outside = pair.ben.home().path().join("outside");
    data::random_file(&outside, 10, 5);
    std::os::unix::fs::symlink(&outside, there.join("linked")).unwrap();
    let before = compare::hash(&outside);
    pair.send(&folder);
    assert_eq!(compare::hash(&outside), before);
    assert_eq!(compare::hash(&there.join("other")), {
        let copy = source.path().join("copy");
        data::random_file(&copy, 500, 9);
        compare::hash(&copy)
    });
    let mut expected = vec![
        "same",
        "other",
        "other (2)",
        "a folder there",
        "a folder there (2)",
        "linked",
        "linked (2)",
        "no ending.",
        "no ending. (2)",
        ".profile",
        ".profile (2)",
        "archive.tar.gz",
        "archive (2).tar.gz",
    ];
    expected.sort_unstable();
    assert_eq!(names_in(&there), expected);
    for name in ["other (2)", "a folder there (2)", "linked (2)", ".profile (2)"] {
        assert_eq!(compare::hash(&there.join(name)), compare::hash(&folder.join("same")), "{name}");
    }
}
