//! What a peer calls itself, its files and its words comes out of the command line harmless: no control or bidi character reaches
//! a terminal, and JSON lines stay one line each.

use super::{Scene, accepted, id, offer, outcome, run, serve};
use shoal_proto::message::{Content, FromReceiver, Offer, Request};
use shoal_tests::{
    figure,
    hostile::{tree, tree::Raw},
    lab::{Peer, shoal_binary},
};
use std::process::{Command, Stdio};

const NASTY: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}gpj.exe\u{2066}\r\n\u{0}\u{8}\u{9b}31m\u{200b}\u{feff}x";

/// Characters that do something to a screen rather than show on it.
fn harmful(text: &str) -> Vec<char> {
    let bidi = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| c != '\n' && (c.is_control() || bidi(c))).collect()
}

/// What a command of the victim prints for people; not on a terminal, so without colours of its own.
fn printed(victim: &Peer, args: &[&str]) -> String {
    let mut command = Command::new(shoal_binary());
    command
        .arg("--data-dir")
        .arg(victim.home().data())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = victim.host().spawn(&mut command).wait_with_output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
#[ignore = "needs root and ip netns"]
fn what_a_peer_calls_itself_comes_out_harmless() {
    run(async {
        let scene = Scene::new("ask").await;
        let mallory = scene.intruder.clone().named(NASTY);
        let wire = mallory.greet(scene.at).await.unwrap();
        let text = Offer { transfer: id(1), name: NASTY.to_owned(), content: Content::Text(NASTY.to_owned()) };
        let mut said = wire.ask(&Request::Offer(text)).await.unwrap();
        assert_eq!(said.hear().await, Ok(FromReceiver::Asking));
        // Names that a list may hold: NUL it may not.
        let name = NASTY.replace('\u{0}', "");
        let entries = [Raw::file(&name, 1)];
        let encoded = tree::encode(&entries, 1);
        let mut files = tree::offer(id(2), &entries, &encoded);
        files.name = NASTY.to_owned();
        let mut offered = offer(&wire, &files, &encoded).await.unwrap();
        assert_eq!(offered.hear().await, Ok(FromReceiver::Asking));
        let short = mallory.id().short();

        let mut looked = 0;
        for args in [
            &["peers"][..],
            &["offers"],
            &["transfers", "--all"],
            &["send", "--text", "hi", "--wait", "0", "--to", NASTY.trim_matches('\0')],
        ] {
            let args: Vec<String> = args.iter().map(|arg| arg.replace('\0', "")).collect();
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let human = printed(&scene.victim, &args);
            assert_eq!(harmful(&human), [], "{args:?}: {human:?}");
            looked += human.len();
            if args[0] != "send" {
                assert!(human.contains("gpj.exe") || args[0] == "transfers", "{args:?} shows nothing of it: {human:?}");
            }
            // JSON escapes what is left of it, if anything; the lines are whole.
            let lines = if args[0] == "send" { Vec::new() } else { scene.victim.shoal(&args).lines };
            for line in &lines {
                assert!(line.is_object(), "{args:?}: {line}");
                for key in ["name", "peer_name"] {
                    assert_eq!(harmful(line[key].as_str().unwrap_or_default()), [], "{args:?}: {key} in {line}");
                }
            }
        }
        // Taking the text prints it.
        let kept = printed(&scene.victim, &["accept", &id(1).to_string()]);
        assert_eq!(harmful(&kept), [], "accept: {kept:?}");
        let declined = printed(&scene.victim, &["decline", &id(2).to_string()]);
        assert_eq!(harmful(&declined), [], "decline: {declined:?}");
        let trust = printed(&scene.victim, &["trust", &short, "blocked"]);
        assert_eq!(harmful(&trust), [], "trust: {trust:?}");
        let log = std::fs::read_to_string(scene.victim.home().path().join("log.txt")).unwrap();
        assert_eq!(harmful(&log), [], "the log: {log:?}");
        figure(
            "names, texts and messages on a screen",
            format!("{} bytes printed without a harmful character", looked + kept.len() + declined.len()),
        );
    });
}

/// The same for the story that `serve` tells on a terminal, and for what arrives.
#[test]
#[ignore = "needs root and ip netns"]
fn what_a_peer_sends_is_told_harmlessly() {
    run(async {
        let scene = Scene::new("all").await;
        let wire = scene.intruder.clone().named(NASTY).greet(scene.at).await.unwrap();
        let name = NASTY.replace('\u{0}', "");
        let mut stream = accepted(&wire, id(1), &[Raw::file(&name, 1)]).await;
        tokio::spawn(serve(wire.clone(), vec![b"1".to_vec()]));
        assert!(matches!(outcome(&mut stream).await, Ok(FromReceiver::Finished(progress)) if progress.files_done == 1));
        let human = printed(&scene.victim, &["transfers", "--all"]);
        assert!(human.contains("gpj.exe"), "{human:?}");
        assert_eq!(harmful(&human), [], "{human:?}");
        let log = std::fs::read_to_string(scene.victim.home().path().join("log.txt")).unwrap();
        assert_eq!(harmful(&log), [], "the log: {log:?}");
    });
}
