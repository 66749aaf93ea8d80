#![allow(clippy::unwrap_used)]

use super::*;
use crate::story::tests::row;

fn followed() -> Followed {
    Followed::new(row(), false, Instant::now())
}

fn id() -> String {
    row().transfer
}

fn failed(state: State, code: Code) -> Event {
    Event::Failed { transfer: id(), error: "no".into(), code, state }
}

fn finished(files_failed: u32) -> Event {
    Event::Finished { transfer: id(), files: 3, bytes: 9, bytes_moved: 9, seconds: 1.0, files_failed }
}

fn code_after(event: &Event) -> Option<Code> {
    let mut one = followed();
    assert_eq!(one.heard(event, Instant::now()).len(), 1, "scripts hear of it");
    one.end.unwrap().err().map(|failure| failure.code)
}

#[test]
fn each_end_has_its_code() {
    assert_eq!(code_after(&finished(0)), None);
    assert_eq!(code_after(&finished(2)), Some(Code::Failed));
    assert_eq!(code_after(&failed(State::Declined, Code::Declined)), Some(Code::Declined));
    assert_eq!(code_after(&failed(State::Failed, Code::NoSpace)), Some(Code::NoSpace));
    assert_eq!(code_after(&failed(State::Failed, Code::VerificationFailed)), Some(Code::VerificationFailed));
    assert_eq!(code_after(&failed(State::Cancelled, Code::Failed)), Some(Code::Failed));
}

#[test]
fn what_is_said_of_other_transfers_is_not_ours() {
    let mut one = followed();
    let other = Event::Interrupted { transfer: "other".into(), reason: "x".into() };
    assert!(one.heard(&other, Instant::now()).is_empty());
    assert!(one.interrupted.is_none() && one.end.is_none());
}

#[test]
fn an_interruption_ends_the_command_only_when_it_lasts() {
    let patience = Duration::from_secs(30);
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    let interrupted = Event::Interrupted { transfer: id(), reason: "asleep".into() };
    let mut one = followed();
    one.heard(&interrupted, after(0));
    one.give_up(patience, after(29));
    assert_eq!(one.end, None);
    // It went on in between: the clock starts anew.
    one.heard(&Event::Transfer(row()), after(29));
    assert_eq!(one.gives_up_at(patience), None);
    one.heard(&interrupted, after(100));
    one.heard(&interrupted, after(120));
    one.give_up(patience, after(129));
    assert_eq!(one.end, None);
    one.give_up(patience, after(131));
    let failure = one.end.unwrap().unwrap_err();
    assert_eq!(failure.code, Code::Interrupted);
    assert!(failure.message.contains("asleep") && failure.message.contains("shoal resume abababab"), "{failure}");
}

/// A front end that lagged may have missed the end itself.
#[test]
fn an_end_that_was_missed_is_taken_from_the_snapshot() {
    let snapshot = |state| {
        Event::Snapshot(Snapshot {
            identity: shoal_api::Identity {
                id: "i".into(),
                name: "n".into(),
                addresses: vec![],
                link: "l".into(),
                inbox: "/".into(),
            },
            devices: vec![],
            transfers: vec![Transfer { state, ..row() }],
            limits: shoal_api::Limits::default(),
        })
    };
    let mut one = followed();
    assert!(one.heard(&snapshot(State::Active), Instant::now()).is_empty());
    assert!(matches!(one.heard(&snapshot(State::Finished), Instant::now()).as_slice(), [Event::Finished { .. }]));
    assert_eq!(one.end, Some(Ok(())));
    assert!(one.heard(&finished(0), Instant::now()).is_empty(), "an end is told once");

    let mut one = followed();
    one.heard(&snapshot(State::Declined), Instant::now());
    assert_eq!(one.end.unwrap().unwrap_err().code, Code::Declined);
}

#[test]
fn an_engine_that_goes_away_leaves_something_to_resume() {
    let mut one = followed();
    one.engine_is_gone();
    assert_eq!(one.end.unwrap().unwrap_err().code, Code::Interrupted);
}
