//! Links to files: whoever has one fetches by it, nobody else learns anything, and what is taken back is taken back at once.

use serde_json::Value;
use shoal_tests::{
    data, figure,
    lab::{Host, Net, Peer, Port, Switch},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);

/// For what takes a moment; CI is slow, and a hang is a failure all the same.
const SOON: Duration = Duration::from_secs(30);

/// Ann, who has something to give, and Ben, who never heard of her: nothing but a link leads from one to the other.
struct Scene {
    ann: Peer,
    ben: Peer,
    _switch: Switch,
    _net: Net,
}

impl Scene {
    fn new() -> Self {
        let net = Net::new();
        let (switch, hosts) = net.on_one_switch(["ann", "ben"]);
        for (number, host) in hosts.iter().enumerate() {
            host.add_address("eth0", &format!("10.78.0.{}/24", number + 1));
        }
        let [ann, ben] = hosts.map(|host: Host| Peer::at(&host).args(&["--no-mdns"]).start());
        let things = ann.home().path().join("things");
        std::fs::create_dir_all(things.join("deep")).unwrap();
        std::fs::write(things.join("deep/film.mkv"), film()).unwrap();
        std::fs::write(things.join("note.txt"), b"short").unwrap();
        Self { ann, ben, _switch: switch, _net: net }
    }

    fn things(&self) -> String {
        self.ann.home().path().join("things").to_str().unwrap().to_owned()
    }

    /// A link to Ann's things, as it is printed for scripts.
    fn link(&self, args: &[&str]) -> Value {
        let lines = self.ann.shoal(&[&["link", "create", &self.things()], args].concat()).expect_code(0).lines;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap()
    }

    fn came(&self) -> PathBuf {
        self.ben.inbox().join("things")
    }
}

fn film() -> Vec<u8> {
    (0..20_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn text(row: &Value) -> &str {
    row["link"].as_str().unwrap()
}

#[test]
#[ignore = "needs root and ip netns"]
fn whoever_has_a_link_fetches_by_it_and_is_a_stranger_still() {
    let scene = Scene::new();
    let (ann, ben) = (&scene.ann, &scene.ben);
    let link = scene.link(&["--tracker", "udp://tracker.example:6969"]);
    assert!(link["files"] == 2 && link["bytes"] == 20_000_005, "{link}");
    assert_eq!(link["root"].as_str().unwrap().len(), 64);
    // As a QR code holds it.
    ben.shoal(&["get", &text(&link).to_uppercase(), "--only", "*.txt"]).expect_code(0);
    assert!(scene.came().join("note.txt").exists() && !scene.came().join("deep").exists());
    let lines = ben.shoal(&["get", text(&link)]).expect_code(0).lines;
    let finished = lines.iter().find(|line| line["event"] == "finished").unwrap();
    assert!(finished["bytes_moved"].as_u64().unwrap() >= 20_000_000, "{finished}");
    assert!(std::fs::read(scene.came().join("deep/film.mkv")).unwrap() == film());
    // Once more: it is there.
    let lines = ben.shoal(&["get", text(&link)]).expect_code(0).lines;
    let finished = lines.iter().find(|line| line["event"] == "finished").unwrap();
    assert_eq!(finished["bytes_moved"], 0, "{finished}");
    let list = ann.shoal(&["link", "list"]).expect_code(0).lines;
    assert!(list.len() == 1 && list[0]["used"] == 3 && list[0]["root"] == link["root"], "{list:?}");
    for (one, other) in [(ann, ben), (ben, ann)] {
        let rows = one.shoal(&["peers"]).expect_code(0).lines;
        assert!(rows.iter().filter(|row| row["id"] == other.id()).all(|row| row["trust"] == "stranger"), "{rows:?}");
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_link_that_is_damaged_removed_or_expired_says_which_it_can_and_gives_nothing() {
    let scene = Scene::new();
    let (ann, ben) = (&scene.ann, &scene.ben);
    let removed = scene.link(&[]);
    ann.shoal(&["link", "remove", &removed["id"].as_str().unwrap()[..8]]).expect_code(0);
    ben.shoal(&["get", text(&removed)]).expect_code(4);
    ann.shoal(&["link", "remove", removed["id"].as_str().unwrap()]).expect_code(1);
    let expired = scene.link(&["--expires", "1s"]);
    std::thread::sleep(2 * SECOND);
    ben.shoal(&["get", text(&expired)]).expect_code(4);
    assert!(ann.shoal(&["link", "list"]).expect_code(0).lines.is_empty());
    let good = scene.link(&[]);
    let cut = &text(&good)[..text(&good).len() - 8];
    ben.shoal(&["get", cut]).expect_code(2);
    ann.shoal(&["get", text(&good)]).expect_code(1);
    assert!(!scene.came().exists());
    ben.shoal(&["get", text(&good)]).expect_code(0);
}

/// Invariant 11.
#[test]
#[ignore = "needs root and ip netns"]
fn a_fetch_ends_within_a_second_from_the_removal_of_its_link() {
    let scene = Scene::new();
    let (ann, ben) = (&scene.ann, &scene.ben);
    ben.shoal(&["limit", "--down", "1MB/s"]).expect_code(0);
    let link = scene.link(&[]);
    let mut get = ben.begin(&["get", text(&link), "--patience", "1"]);
    get.wait_for("progress", SOON, |line| line["event"] == "progress" && line["bytes_done"].as_u64() > Some(0));
    let asked = Instant::now();
    ann.shoal(&["link", "remove", link["id"].as_str().unwrap()]).expect_code(0);
    let reply = get.reply(SOON);
    let took = asked.elapsed();
    figure("removing a link in mid-fetch: it ended after", format!("{} ms", took.as_millis()));
    assert!(took < SECOND, "{took:?}");
    assert_eq!(reply.code, Some(1), "{:?}", reply.lines);
    assert!(!scene.came().join("deep/film.mkv").exists());
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_fetch_by_a_link_goes_on_after_either_end_was_killed() {
    let mut scene = Scene::new();
    scene.ben.shoal(&["limit", "--down", "4MB/s"]).expect_code(0);
    let link = scene.link(&[]);
    let get = scene.ben.begin(&["get", text(&link)]);
    get.wait_for("progress", SOON, |line| line["event"] == "progress" && line["bytes_done"].as_u64() > Some(4_000_000));
    scene.ben.kill9();
    scene.ben.start_again();
    std::thread::sleep(SECOND);
    scene.ann.kill9();
    scene.ann.start_again();
    let begun = Instant::now();
    while !scene.came().join("deep/film.mkv").exists() || !scene.came().join("note.txt").exists() {
        assert!(begun.elapsed() < SOON, "{:?}", scene.ben.shoal(&["transfers", "--all"]).lines);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(std::fs::read(scene.came().join("deep/film.mkv")).unwrap() == film());
}

/// Five who have one link, on one switch, each port at the same rate: each gives what it has to the others, and the maker may go.
#[test]
#[ignore = "needs root, ip netns and tc"]
fn those_who_fetch_by_one_link_give_it_to_each_other_and_its_maker_may_go() {
    const SIZE: u64 = 24 << 20;
    let net = Net::new();
    let switch = net.switch("circle");
    let seat = |number: usize| {
        let host = net.host(&format!("seat{number}"));
        let port = switch.plug(&host, "eth0");
        host.add_address("eth0", &format!("10.80.0.{}/24", number + 1));
        port.set_rate(25.0);
        (Peer::at(&host).start(), port)
    };
    let (ann, cable) = seat(0);
    let askers: Vec<_> = (1..=4).map(seat).collect();
    let film = ann.home().path().join("film.mkv");
    data::random_file(&film, SIZE, 21);
    let link = ann.shoal(&["link", "create", film.to_str().unwrap()]).expect_code(0).lines.remove(0);
    let before = ann.host().counters("eth0").sent;
    // So that somebody still needs something when all of it is out.
    askers[3].1.set_rate(25.0 / 4.0);
    let begun = Instant::now();
    let _getting: Vec<_> = askers.iter().map(|(asker, _)| asker.begin(&["get", text(&link)])).collect();
    let has = |(asker, _): &(Peer, Port)| asker.inbox().join("film.mkv").exists();
    let until = |is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(begun.elapsed() < 4 * SOON, "{:?}", askers.iter().map(has).collect::<Vec<_>>());
            std::thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed().as_secs_f64()
    };
    until(&|| askers.iter().any(has));
    let sent = (ann.host().counters("eth0").sent - before) as f64 / SIZE as f64;
    assert!(!has(&askers[3]), "over before its maker went");
    cable.set_plugged(false);
    let quick = until(&|| askers[..3].iter().all(has));
    askers[3].1.set_rate(25.0);
    let took = until(&|| askers.iter().all(has));
    let alone = SIZE as f64 * 8.0 / 25e6;
    figure(
        "four who have one link, three at 25 Mbit/s and a slow one, its maker unplugged once all is out",
        format!(
            "three done after {quick:.1} s, {:.2} x what one takes at that rate, all after {took:.1} s; its maker had sent {sent:.2} x the size",
            quick / alone
        ),
    );
    for (asker, _) in &askers {
        assert!(std::fs::read(asker.inbox().join("film.mkv")).unwrap() == std::fs::read(&film).unwrap(), "wrong bytes");
    }
    assert!(quick < alone * 3.5, "{quick:.1} s: from its maker to each by itself it takes {:.1}", alone * 4.0);
}
