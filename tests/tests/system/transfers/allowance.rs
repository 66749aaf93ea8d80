//! A verified device may be allowed to send so much without asking, and not a byte more: beyond it, people are asked.

use super::scene::{Pair, SOON, as_arg};
use serde_json::{Value, json};
use shoal_tests::data;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What Ann may send, in thousands of bytes.
const ALLOWANCE: &str = "300K";

/// Ben lets Ann, who is verified, send 300 kB a day; two files of hers.
struct Scene {
    pair: Pair,
    _source: TempDir,
    kb100: PathBuf,
    kb200: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let (pair, source) = (Pair::new(), tempfile::tempdir().unwrap());
        let [kb100, kb200] = [100_000, 200_000].map(|size| {
            let file = source.path().join(format!("{size}"));
            data::random_file(&file, size, size);
            file
        });
        let scene = Self { pair, _source: source, kb100, kb200 };
        scene.trust(&["verified", "--accept", ALLOWANCE]);
        scene
    }

    fn trust(&self, standing: &[&str]) {
        self.pair.ben.shoal(&[&["trust", self.pair.ann.id()], standing].concat()).expect_code(0);
    }

    /// It arrives and nobody was asked.
    fn comes(&self, args: &[&str]) {
        let (ann, ben) = (&self.pair.ann, &self.pair.ben);
        let reply = ann.shoal(&[&["send"], args, &["--to", ben.id()]].concat()).expect_code(0);
        let finished = reply.lines.iter().find(|line| line["event"] == "finished").unwrap();
        let fits = |line: &Value| line["event"] == "offered" && line["transfer"] == finished["transfer"];
        let offered = ben.wait_for("the offer", SOON, fits);
        assert_ne!(offered["awaits_answer"], true, "no screen may show a question: {offered}");
    }

    /// It waits for an answer; which is no.
    fn is_asked_about(&self, args: &[&str]) {
        let mut command = self.pair.ann.begin(&[&["send"], args, &["--to", self.pair.ben.id()]].concat());
        let asked = self.until_one_asks();
        self.pair.ben.shoal(&["decline", &asked]).expect_code(0);
        command.reply(SOON).expect_code(4);
    }

    /// Waits for the one offer that is asked about.
    fn until_one_asks(&self) -> String {
        let end = Instant::now() + SOON;
        loop {
            if let [asked] = &self.offers()[..] {
                return asked.clone();
            }
            assert!(Instant::now() < end, "{:?}", self.offers());
        }
    }

    /// Offers that wait at Ben.
    fn offers(&self) -> Vec<String> {
        let lines = self.pair.ben.shoal(&["offers"]).expect_code(0).lines;
        lines.iter().map(|offer| offer["offer"].as_str().unwrap().to_owned()).collect()
    }

    /// What `shoal peers` says that Ann may send.
    fn accepts(&self) -> Value {
        let rows = self.pair.ben.shoal(&["peers"]).expect_code(0).lines;
        rows.iter().find(|row| row["id"] == self.pair.ann.id()).map_or(Value::Null, |row| row["accepts"].clone())
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn an_allowance_lets_in_what_fits_and_asks_about_the_rest_also_after_a_restart() {
    let mut scene = Scene::new();
    let (kb100, kb200) = (scene.kb100.clone(), scene.kb200.clone());
    assert_eq!(scene.accepts(), json!(300_000));
    scene.comes(&[as_arg(&kb200)]);
    scene.is_asked_about(&[as_arg(&kb200)]);
    let taken = scene.pair.offer(&[as_arg(&kb200)]).accept(&scene.pair.ben, &[]);
    taken.finished();
    scene.comes(&["--text", &"x".repeat(5000)]);
    scene.is_asked_about(&[as_arg(&kb100)]);
    scene.comes(&["--text", &"x".repeat(5000)]);

    assert!(scene.pair.ben.terminate().status.success());
    scene.pair.ben.start_again();
    super::scene::met(&scene.pair.ann, &scene.pair.ben);
    assert_eq!(scene.accepts(), json!(300_000), "kept");
    scene.is_asked_about(&[as_arg(&kb100)]);
    scene.trust(&["verified", "--accept", "310K"]);
    scene.comes(&[as_arg(&kb100)]);
    scene.is_asked_about(&["--text", "x"]);
    scene.trust(&["verified", "--accept", "none"]);
    assert_eq!(scene.accepts(), Value::Null);
}

/// Each alone would fit.
#[test]
#[ignore = "needs root and ip netns"]
fn of_two_offers_at_once_only_one_comes_unasked() {
    let scene = Scene::new();
    let mut commands = [(); 2].map(|()| scene.pair.ann.begin(&["send", as_arg(&scene.kb200), "--to", scene.pair.ben.id()]));
    let asked = scene.until_one_asks();
    let finished = scene.pair.ben.wait_for("the other's end", SOON, |line| line["event"] == "finished");
    assert_ne!(finished["transfer"], asked.as_str());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(scene.offers(), [asked.as_str()], "asked about still");
    scene.pair.ben.shoal(&["decline", &asked]).expect_code(0);
    let mut codes = commands.each_mut().map(|command| command.reply(SOON).code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(4)]);
}

/// Or a sender could fill the disk again and again.
#[test]
#[ignore = "needs root and ip netns"]
fn what_was_accepted_unasked_counts_when_it_is_cancelled() {
    let scene = Scene::new();
    scene.pair.ben.shoal(&["limit", "--down", "20K"]).expect_code(0);
    let mut sending = scene.pair.offer(&[as_arg(&scene.kb200)]);
    sending.wait_state(&scene.pair.ben, "active");
    scene.pair.ann.shoal(&["cancel", &sending.id]).expect_code(0);
    sending.reply();
    scene.pair.ben.shoal(&["limit", "--down", "off"]).expect_code(0);
    scene.is_asked_about(&[as_arg(&scene.kb200)]);
    scene.comes(&[as_arg(&scene.kb100)]);
}

#[test]
#[ignore = "needs root and ip netns"]
fn an_allowance_ends_with_the_standing_that_it_was_given_for() {
    let scene = Scene::new();
    scene.comes(&[as_arg(&scene.kb200)]);
    for standing in [["known"], ["blocked"]] {
        scene.trust(&["verified", "--accept", ALLOWANCE]);
        scene.trust(&standing);
        assert_eq!(scene.accepts(), Value::Null, "{standing:?}");
        scene.trust(&["verified"]);
        assert_eq!(scene.accepts(), Value::Null, "{standing:?} and verified again");
    }
    super::scene::met(&scene.pair.ann, &scene.pair.ben);
    scene.is_asked_about(&[as_arg(&scene.kb100)]);
    // What came before it was forgotten counts all the same.
    scene.trust(&["verified", "--accept", ALLOWANCE]);
    scene.pair.ben.shoal(&["forget", scene.pair.ann.id()]).expect_code(0);
    super::scene::met(&scene.pair.ann, &scene.pair.ben);
    scene.trust(&["verified", "--accept", ALLOWANCE]);
    scene.is_asked_about(&[as_arg(&scene.kb200)]);
    scene.comes(&[as_arg(&scene.kb100)]);

    let refused = scene.pair.ben.shoal(&["trust", scene.pair.ann.id(), "known", "--accept", "1G"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.errors.contains("only verified devices"), "{}", refused.errors);
    assert_eq!(scene.accepts(), json!(300_000), "nothing changed");
}
