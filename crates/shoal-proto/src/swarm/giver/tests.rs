//! What a source gives, gift by gift.
#![allow(clippy::unwrap_used)]

use super::*;

fn at(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

/// A source of so many units, peers that know it, and those of them who have a place.
fn giver(units: u32, slots: usize, peers: u32) -> Giver<u32> {
    let mut giver = Giver::new(Bits::all(units), slots, 1);
    (0..peers).for_each(|peer| giver.handle_joined(peer, at(0)));
    giver
}

fn told(giver: &mut Giver<u32>) -> Vec<(u32, bool)> {
    let gives = |gift| if let Gift::Gives { peer, gives } = gift { Some((peer, gives)) } else { None };
    std::iter::from_fn(|| giver.poll()).filter_map(gives).collect()
}

fn given(giver: &mut Giver<u32>, now: Moment) -> Option<(u32, u32)> {
    giver.give(now).map(|gift| if let Gift::Give { peer, unit, .. } = gift { (peer, unit) } else { panic!() })
}

#[test]
fn every_peer_gets_its_turn_and_then_waits() {
    let mut giver = giver(100, 1, 3);
    let mut turns = Vec::new();
    let mut unit = 0;
    for now in 0..100 {
        for (peer, gives) in told(&mut giver) {
            turns.extend(gives.then_some(peer));
        }
        unit += 1;
        giver.handle_ask(*turns.last().unwrap(), unit % 100);
        given(&mut giver, at(now));
    }
    assert_eq!(turns.get(..6).unwrap(), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_source_gives_each_unit_once_before_any_twice() {
    let mut giver = giver(12, 4, 4);
    let mut out = BTreeSet::new();
    for now in 0..12 {
        giver.handle_ask_any(now % 4, Vec::new());
        assert!(out.insert(given(&mut giver, at(u64::from(now))).unwrap().1));
    }
    giver.handle_ask_any(0, Vec::new());
    assert_eq!(given(&mut giver, at(12)), None, "it may still spread without the source");
    assert!(given(&mut giver, at(200)).is_some(), "it did not");
}

#[test]
fn nothing_is_given_while_paused() {
    let mut giver = giver(10, 4, 2);
    giver.handle_ask(0, 3);
    told(&mut giver);
    giver.set_paused(true, at(1));
    assert_eq!(told(&mut giver), [(0, false), (1, false)]);
    giver.handle_ask(0, 3);
    assert_eq!((given(&mut giver, at(2)), giver.idle_at()), (None, None));
    giver.set_paused(false, at(3));
    assert_eq!(told(&mut giver).len(), 2);
}

#[test]
fn who_misses_little_does_not_wait_for_a_turn() {
    let mut giver = giver(100, 1, 3);
    told(&mut giver);
    giver.handle_ask(0, 3);
    giver.handle_have(2, 0..95, at(0));
    assert_eq!(told(&mut giver), [(2, true)]);
}

#[test]
fn a_place_that_is_not_used_goes_to_another() {
    let mut giver = giver(100, 1, 2);
    assert_eq!(told(&mut giver), [(0, true)]);
    assert_eq!(given(&mut giver, IDLE), None);
    assert_eq!(told(&mut giver), [(1, true)]);
}

#[test]
fn what_is_lost_is_not_given() {
    let mut giver = giver(2, 1, 1);
    giver.handle_lost(0);
    giver.handle_ask(0, 0);
    giver.handle_ask(0, 1);
    assert_eq!((given(&mut giver, at(0)), given(&mut giver, at(1))), (Some((0, 1)), None));
}
