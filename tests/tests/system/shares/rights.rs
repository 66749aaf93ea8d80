//! Invariant 11: what is taken back is taken back within a second, in the middle of whatever is under way.

use super::{Scene, knows, place, share, shared, soon, write};
use shoal_tests::figure;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[test]
#[ignore = "needs root and ip netns"]
fn a_fetch_ends_within_a_second_from_the_loss_of_the_right() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    write(&shared(ann), "large", &vec![1; 100_000_000]);
    ben.shoal(&["limit", "--down", "5MB/s"]).expect_code(0);
    share(ann, &[]);
    let ways: [(&str, &[&str]); 4] = [
        ("pausing", &["share", "change", "things", "--pause"]),
        ("another audience", &["share", "change", "things", "--resume", "--for", "verified"]),
        ("removing", &["share", "remove", "things"]),
        ("blocking", &["trust", ben.id(), "blocked"]),
    ];
    for (what, way) in ways {
        knows(ann, ben);
        match what {
            "another audience" => _ = ann.shoal(&["share", "change", "things", "--resume"]).expect_code(0),
            "removing" => _ = ann.shoal(&["share", "change", "things", "--for", "known"]).expect_code(0),
            "blocking" => _ = share(ann, &[]),
            _ => {}
        }
        let mut get = ben.begin(&["get", &place(ann, "large"), "--patience", "1"]);
        get.wait_for("progress", super::SOON, |line| line["event"] == "progress" && line["bytes_done"].as_u64() > Some(0));
        let asked = Instant::now();
        ann.shoal(way).expect_code(0);
        // Nothing comes any more.
        let received = || ben.host().counters("eth0").received;
        let quiet = || {
            let before = received();
            std::thread::sleep(Duration::from_millis(100));
            received() - before < 20_000
        };
        soon("nothing comes", quiet);
        let took = asked.elapsed().saturating_sub(Duration::from_millis(100));
        figure(&format!("{what} in mid-fetch: nothing comes after"), format!("{} ms", took.as_millis()));
        assert!(took < SECOND, "{what}: {took:?}");
        let reply = get.reply(super::SOON);
        assert_ne!(reply.code, Some(0), "{:?}", reply.lines);
        assert!(!ben.inbox().join("large").exists());
    }
}
