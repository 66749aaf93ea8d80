//! People at browsers: `shoal serve --web` on hosts in network namespaces, and Chromium on the same hosts, moved by
//! `ui/tests/real/journeys.mjs`. What came is compared here.

mod film;
mod shared;

use serde_json::{Value, json};
use shoal_tests::{
    compare, data,
    lab::{Cable, Home, Host, Line, Net, Peer, Switch},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};

/// For a whole journey; a hang is a failure all the same.
const JOURNEY: Duration = Duration::from_secs(180);

/// Hosts that see each other, on each a peer and a Chromium.
struct Room {
    people: Vec<Peer>,
    /// Chromium as it is started on each host, and what it needs.
    programs: TempDir,
    _switch: Option<Switch>,
    _cable: Option<Cable>,
    _net: Net,
}

impl Room {
    /// The peers serve their page on loopback.
    fn new<const N: usize>(names: [&str; N]) -> Self {
        Self::with(names, &[])
    }

    /// With further arguments of `--web`.
    fn with<const N: usize>(names: [&str; N], web: &[&str]) -> Self {
        let net = Net::new();
        let (switch, hosts) = net.on_one_switch(names);
        let mut room = Self { people: vec![], programs: tempdir().unwrap(), _switch: Some(switch), _cable: None, _net: net };
        for (i, host) in hosts.iter().enumerate() {
            host.add_address("eth0", &format!("10.77.0.{}/24", i + 1));
            room.sits_at(host, web);
        }
        room
    }

    /// One person, and a peer with nobody at it, at the two ends of a cable.
    fn beside(name: &str, line: Line) -> (Self, Peer) {
        let net = Net::new();
        let [here, there] = [name, "nas"].map(|name| net.host(name));
        let cable = net.cable(&here, &there, line);
        here.add_address("eth0", "10.77.0.1/24");
        there.add_address("eth0", "10.77.0.2/24");
        let mut room = Self { people: vec![], programs: tempdir().unwrap(), _switch: None, _cable: Some(cable), _net: net };
        room.sits_at(&here, &[]);
        (room, peer(&there, &[]))
    }

    /// Somebody with a peer and a browser.
    fn sits_at(&mut self, host: &Host, web: &[&str]) {
        chromium_at(host, self.programs.path());
        self.people.push(peer(host, &[&["--web"], web].concat()));
    }

    /// Runs a journey to its end; panics with what everybody saw when it fails.
    fn journey(&self, name: &str, files: &[&Path], folder: &Path) {
        self.run(name, json!({ "files": files, "folder": folder }), |what| panic!("{name} asks for {what}"));
    }

    /// The same with whatever the journey must know. What it asks for is done by `act`; what it found out comes back.
    fn run(&self, name: &str, mut setting: Value, mut act: impl FnMut(&str)) -> Value {
        let people = self.people.iter().map(|peer| {
            let ready = peer.ready();
            let program = self.programs.path().join(&ready.name);
            json!({ "name": ready.name, "id": ready.id, "link": ready.web, "fingerprint": ready.web_fingerprint, "program": program })
        });
        (setting["journey"], setting["people"]) = (name.into(), people.collect());
        let log = self.programs.path().join("log.txt");
        let file = fs::File::create(&log).unwrap();
        let mut node = Command::new("node");
        node.arg(script()).arg(setting.to_string()).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut child = self.people[0].host().spawn(node.env("HOME", self.programs.path()));
        let end = Instant::now() + JOURNEY;
        let mut asked = 0;
        let status = loop {
            let said = fs::read_to_string(&log).unwrap();
            for what in said
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .filter_map(|line| line.strip_prefix("ask: "))
                .skip(asked)
            {
                asked += 1;
                act(what.trim());
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let said = fs::read_to_string(&log).unwrap();
        assert!(status.success(), "{name}: {status}\n{said}");
        let found = said.lines().find_map(|line| line.strip_prefix("found: "));
        found.map(|found| serde_json::from_str(found).unwrap()).unwrap_or_default()
    }
}

fn peer(host: &Host, args: &[&str]) -> Peer {
    let home = Home::temporary();
    let own = home.path().to_str().unwrap().to_owned();
    Peer::at(host).home(home).env("HOME", &own).env("XDG_DATA_HOME", &format!("{own}/share")).args(args).start()
}

/// A program that is Chromium on a host.
fn chromium_at(host: &Host, folder: &Path) {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let path = folder.join(host.name());
    fs::write(&path, format!("#!/bin/sh\nexec ip netns exec {} {chromium} \"$@\"\n", host.namespace())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/tests/real/journeys.mjs")
}

/// A file, and a folder with a few.
fn things(bytes: u64) -> (TempDir, PathBuf, PathBuf) {
    let source = tempdir().unwrap();
    let (file, folder) = (source.path().join("film ü.bin"), source.path().join("holiday"));
    data::random_file(&file, bytes, 71);
    data::many_files(&folder, 40, 5_000, 3, 72);
    (source, file, folder)
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn what_one_browser_sends_another_accepts_and_saves() {
    let (room, (_source, file, folder)) = (Room::new(["ann", "ben"]), things(20_000_000));
    room.journey("send_and_save", &[&file], &folder);
    compare::assert_same(&file, &room.people[1].inbox().join("film ü.bin"));
    assert_eq!(compare::assert_same(&folder, &room.people[1].inbox().join("holiday")), 40);
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn what_is_dropped_in_a_browser_can_be_declined() {
    let room = Room::new(["ann", "ben"]);
    room.journey("decline", &[], Path::new(""));
    assert_eq!(fs::read_dir(room.people[1].inbox()).unwrap().count(), 0);
}

/// Either end steers, and both show it.
#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_transfer_is_paused_resumed_and_cancelled_in_browsers() {
    let (room, (_source, file, folder)) = (Room::new(["ann", "ben"]), things(200_000_000));
    room.people[0].shoal(&["limit", "--up", "1M"]).expect_code(0);
    room.journey("pause_and_cancel", &[&file], &folder);
    assert!(!room.people[1].inbox().join("film ü.bin").exists());
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_transfer_that_was_paused_in_a_browser_ends_with_the_same_bytes() {
    let (room, (_source, file, folder)) = (Room::new(["ann", "ben"]), things(20_000_000));
    room.people[0].shoal(&["limit", "--up", "4M"]).expect_code(0);
    room.journey("pause_and_finish", &[&file], &folder);
    compare::assert_same(&file, &room.people[1].inbox().join("film ü.bin"));
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_text_is_shown_as_text() {
    Room::new(["ann", "ben"]).journey("text", &[], Path::new(""));
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn three_receivers_get_the_same_files_from_one_browser() {
    let (room, (_source, file, _)) = (Room::new(["ann", "ben", "cid", "dan"]), things(5_000_000));
    room.journey("three_receivers", &[&file], Path::new(""));
    for receiver in &room.people[1..] {
        compare::assert_same(&file, &receiver.inbox().join("film ü.bin"));
    }
}

/// Send, decline, a text, comparing signs, pause and resume, with no mouse.
#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn people_at_browsers_need_no_mouse() {
    let (room, (_source, file, folder)) = (Room::new(["ann", "ben"]), things(20_000_000));
    room.people[0].shoal(&["limit", "--up", "4M"]).expect_code(0);
    room.journey("by_keyboard", &[&file], &folder);
    compare::assert_same(&file, &room.people[1].inbox().join("film ü.bin"));
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn a_folder_dropped_in_a_browser_is_sent_whole() {
    let (room, (_source, file, folder)) = (Room::new(["ann", "ben"]), things(1_000_000));
    room.journey("drop_folder", &[&file], &folder);
    compare::assert_same(&file, &room.people[1].inbox().join("film ü.bin"));
    assert_eq!(compare::assert_same(&folder, &room.people[1].inbox().join("holiday")), 40);
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn the_colour_chosen_at_one_browser_is_seen_at_another() {
    Room::new(["ann", "ben"]).journey("colour", &[], Path::new(""));
}

/// A person's browser visits other pages too.
#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn pages_of_others_get_nothing_from_a_browser_that_is_let_in() {
    Room::new(["ann"]).journey("strangers", &[], Path::new(""));
}

#[test]
#[ignore = "needs root, ip netns and Chromium"]
fn over_a_network_the_page_is_encrypted_and_its_fingerprint_was_printed() {
    Room::with(["ann"], &["10.77.0.1"]).journey("encrypted", &[], Path::new(""));
}
