//! The real binary against a running Shoal that answers by rote: what it asks, what it prints, how it ends.

#![allow(clippy::unwrap_used)]

mod fake;

use fake::{Fake, offer, paths_of};
use serde_json::Value;
use shoal_api::{Content, Limits, Request, Transfer, Trust, control};
use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Longest that any command here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running Shoal and the folder it runs in.
struct Running {
    fake: Fake,
    folder: tempfile::TempDir,
    _server: control::Server,
}

async fn running(rows: Vec<Transfer>) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new(rows);
    let server = control::serve(fake.clone(), folder.path()).unwrap();
    Running { fake, folder, _server: server }
}

impl Running {
    fn spawn(&self, arguments: &[&str], input: &str) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .args(arguments)
            .env("SHOAL_DATA_DIR", self.folder.path())
            .env_remove("RUST_LOG")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let child = self.spawn(arguments, "");
        ended(child).await
    }
}

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// Standard output as JSON lines; anything else on it is an error.
    fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn events(&self) -> Vec<String> {
        self.json().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
    }
}

async fn ended(mut child: Child) -> Ended {
    let ended = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("the command does not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait_with_output().unwrap()
    });
    let Output { status, stdout, stderr } = ended.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_tells_scripts_what_happens_and_ends_with_the_contracts_code() {
    let running = running(vec![]).await;
    std::fs::write(running.folder.path().join("a.txt"), "hello").unwrap();
    for (to, code, events) in [
        ("fine", 0, &["offered", "progress", "finished"][..]),
        ("partial", 1, &["offered", "progress", "finished"]),
        ("nobody", 3, &[]),
        ("sulky", 4, &["offered", "failed"]),
        ("flaky", 5, &["offered", "interrupted"]),
        ("forged", 6, &["offered", "failed"]),
        ("full", 7, &["offered", "failed"]),
    ] {
        let ended = running.run(&["send", "a.txt", "--to", to, "--json", "--patience", "0"]).await;
        assert_eq!(ended.code, code, "{to}: {}", ended.stderr);
        assert_eq!(ended.events(), events, "{to}");
        if code == 0 {
            assert_eq!(ended.stderr, "");
        } else {
            assert!(ended.stderr.starts_with("shoal: ") && ended.stderr.lines().count() == 1, "{to}: {}", ended.stderr);
        }
    }
    let asked = running.fake.asked();
    let paths = asked.iter().find_map(paths_of).unwrap();
    assert!(paths[0].is_absolute(), "the engine's process has another working folder: {paths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_to_several_says_what_became_of_each() {
    let running = running(vec![]).await;
    std::fs::write(running.folder.path().join("a.txt"), "hello").unwrap();
    let ended = running.run(&["send", "a.txt", "--to", "Fine", "--to", "sulky", "--to", "full"]).await;
    assert_eq!(ended.code, 4, "the first that went wrong decides: {}", ended.stderr);
    assert!(ended.stdout.contains("Fine has holiday: 3 files, 9 B in under a second."), "{}", ended.stdout);
    assert_eq!(ended.stderr.matches("shoal: ").count(), 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("shoal: sulky declined holiday"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_comes_from_the_line_or_from_standard_input() {
    let running = running(vec![]).await;
    assert_eq!(running.run(&["send", "--text", "- a dash", "--to", "fine"]).await.code, 0);
    let piped = ended(running.spawn(&["send", "--text", "-", "--to", "fine"], "from a pipe\n")).await;
    assert_eq!(piped.code, 0, "{}", piped.stderr);
    assert_eq!(running.run(&["send", "--text", "", "--to", "fine"]).await.code, 2);
    let texts: Vec<String> = running
        .fake
        .asked()
        .into_iter()
        .filter_map(|request| match request {
            Request::Send { content: Content::Text { text }, .. } => Some(text),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["- a dash", "from a pipe\n"]);
}

/// An offer that nobody answered must not stay on the other screen when its sender gave up.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_withdraws_an_unanswered_offer_and_ends_with_130() {
    let running = running(vec![]).await;
    std::fs::write(running.folder.path().join("a.txt"), "hello").unwrap();
    let child = running.spawn(&["send", "a.txt", "--to", "stuck"], "");
    let began = Instant::now();
    while !running.fake.asked().iter().any(|request| paths_of(request).is_some()) {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let ended = ended(child).await;
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert!(ended.stderr.contains("holiday is no longer offered."), "{}", ended.stderr);
    assert!(running.fake.asked().contains(&Request::Cancel { transfer: "00000000aaaa".into() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn receive_answers_by_its_rule_and_ends_after_one() {
    let rows = vec![offer("11110000", "Stranger"), offer("22220000", "Mira's laptop")];
    let running = running(rows).await;
    let ended = running.run(&["receive", "--from", "mira's laptop", "--accept", "all", "--into", "in", "--once", "--json"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.events().first().map(String::as_str), Some("ready"));
    assert_eq!(ended.events().last().map(String::as_str), Some("finished"));
    let asked = running.fake.asked();
    assert!(asked.contains(&Request::Decline { transfer: "11110000".into() }), "others are declined");
    let into = asked.iter().find_map(|request| match request {
        Request::Accept { transfer, into, .. } if transfer == "22220000" => into.clone(),
        _ => None,
    });
    assert!(into.unwrap().is_absolute());

    let nobody_to_ask = running.run(&["receive"]).await;
    assert_eq!(nobody_to_ask.code, 2);
    assert!(nobody_to_ask.stderr.contains("--accept"), "{}", nobody_to_ask.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_json_for_scripts_and_tables_for_people() {
    let running = running(vec![offer("11110000aaaa", "Mira's laptop")]).await;
    for (command, fields) in [
        (&["id"][..], &["id", "name", "addresses", "link"][..]),
        (&["peers"], &["id", "name", "trust", "online", "paths", "rtt_ms"]),
        (&["verify", "mira"], &["sas_digits", "sas_emoji"]),
        (&["offers"], &["offer", "from", "name", "files", "bytes"]),
        (&["transfers", "--all"], &["transfer", "direction", "peers", "name", "state", "files", "bytes", "rate"]),
        (&["pause", "1111"], &["transfer", "state"]),
        (&["accept", "1111"], &["offer", "from"]),
        (&["decline", "1111"], &["offer", "from"]),
    ] {
        let ended = running.run(&[command, &["--json"]].concat()).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{command:?}");
        let lines = ended.json();
        assert_eq!(lines.len(), 1, "{command:?}");
        assert!(fields.iter().all(|field| lines[0].get(field).is_some()), "{command:?}: {}", lines[0]);
    }
    let bench = running.run(&["bench", "mira", "--json"]).await;
    assert!(bench.json().iter().all(|line| ["measure", "value", "unit"].iter().all(|field| line.get(field).is_some())));
    assert_eq!((bench.code, bench.json().len(), &bench.json()[2]["limit"]), (0, 3, &"network".into()));
    let table = running.run(&["bench", "mira"]).await.stdout;
    assert!(table.contains("Network, to the device  12 MB/s") && table.contains("is limited by the network."), "{table}");
    let table = running.run(&["peers"]).await.stdout;
    assert!(table.starts_with("NAME           ID        TRUST"), "{table}");
    assert!(table.contains("Mira's laptop  k7xqabcd  known  this network, 192.168.1.2:47474  1.2 ms"), "{table}");
    assert!(!table.contains('\u{1b}'), "no colours where no terminal is");
    let offers = running.run(&["offers"]).await.stdout;
    assert!(offers.contains("11110000  Mira's laptop  3      9 B   holiday"), "{offers}");
    assert_eq!(running.run(&["pause", "9999"]).await.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_not_named_stays() {
    let running = running(vec![]).await;
    let ended = running.run(&["limit", "--up", "off", "--json"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "{\"up\":null,\"down\":7000}\n"));
    assert!(running.fake.asked().contains(&Request::SetLimits { limits: Limits { up: None, down: Some(7000) } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn calling_a_device_verified_without_comparing_is_warned_about() {
    let running = running(vec![]).await;
    let ended = running.run(&["trust", "mira", "verified"]).await;
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("shoal verify"), "{}", ended.stderr);
    let set = Request::SetTrust { peer: "mira".into(), trust: Trust::Verified };
    assert!(running.fake.asked().contains(&set));
    running.run(&["verify", "mira"]).await;
    assert_eq!(running.fake.asked().iter().filter(|request| **request == set).count(), 1, "nobody said yes");
}
