//! An owner who goes on working while others look: no wrong byte, no error that a person would not understand, a view that follows.

use super::{Scene, as_arg, place, share, shared, soon, write};
use serde_json::Value;
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long the owner goes on.
const WORK: Duration = Duration::from_secs(20);

/// A file whose every byte is its version's number.
fn version(number: u8) -> Vec<u8> {
    vec![number; 600_000]
}

#[test]
#[ignore = "needs root and ip netns"]
fn an_owner_who_renames_deletes_and_rewrites_spoils_nothing_for_those_who_look() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    let folder = shared(ann);
    for number in 0..40 {
        write(&folder, &format!("work/{number:02}"), &version(number));
    }
    share(ann, &["--for", "everyone"]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let work = scope.spawn(|| work(&folder.join("work"), &over));
        let begun = Instant::now();
        let mut rounds = 0;
        while begun.elapsed() < WORK {
            let listed = ben.shoal(&["ls", &place(ann, "work")]);
            assert!(matches!(listed.code, Some(0 | 4)), "{:?}", listed.errors);
            ben.shoal(&["search", "--on", ann.id(), "0"]).expect_code(0);
            let into = ben.home().path().join(format!("got {rounds}"));
            let got = ben.shoal(&["get", &place(ann, "work"), "--into", as_arg(&into)]);
            assert!(matches!(got.code, Some(0 | 1 | 4)), "{:?}: {}", got.code, got.errors);
            look_through(&into);
            rounds += 1;
        }
        over.store(true, Ordering::Relaxed);
        work.join().unwrap();
        assert!(rounds > 2, "{rounds}");
    });
    // And the view is right in the end.
    let real = |folder: &Path| {
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let seen = |lines: &[Value]| super::sorted(lines, "name");
    let took = soon("the view follows", || {
        seen(&ben.shoal(&["ls", &place(ann, "work")]).expect_code(0).lines) == real(&folder.join("work"))
    });
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Every file that came is one version, whole.
fn look_through(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder.join("work")) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let bytes = std::fs::read(&path).unwrap();
        let first = bytes.first().copied().unwrap_or_default();
        assert!(bytes.len() == 600_000 && bytes.iter().all(|byte| *byte == first), "{} is a mix", path.display());
    }
}

fn work(folder: &Path, over: &AtomicBool) {
    let mut round = 0_usize;
    while !over.load(Ordering::Relaxed) {
        let at = |number: usize| folder.join(format!("{:02}", number % 40));
        let number = round * 7;
        match round % 3 {
            0 => drop(std::fs::rename(at(number), at(number + 1))),
            1 => drop(std::fs::remove_file(at(number))),
            _ => drop(std::fs::write(at(number), version((round % 250) as u8))),
        }
        round += 1;
        thread::sleep(Duration::from_millis(5));
    }
}
