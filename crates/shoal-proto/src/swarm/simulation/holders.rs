//! One takes from several who have everything.

use super::*;

const QUARTER: f64 = RATE / 4.0;
const UNITS: u32 = 128;

fn fetch(rates: &[f64], prepare: impl FnOnce(&mut Swarm)) -> Swarm {
    let mut swarm = Swarm::new(Scene::holders(rates, UNITS, 3));
    prepare(&mut swarm);
    assert!(swarm.run(Duration::from_secs(120)), "it stalls: {}", swarm.stalled());
    swarm
}

/// What came a second, of a rate.
fn share_of(swarm: &Swarm, rate: f64) -> f64 {
    swarm.scene.bytes() / swarm.last().as_secs_f64() / rate
}

#[test]
fn several_holders_are_as_fast_as_their_sum() {
    let share = share_of(&fetch(&[QUARTER; 4], |_| {}), RATE);
    assert!(share >= 0.95, "{share:.3} of their sum");
}

#[test]
fn a_holder_that_is_twenty_times_slower_costs_at_most_a_tenth() {
    let rates = [QUARTER, QUARTER, QUARTER, QUARTER / 20.0];
    let share = share_of(&fetch(&rates, |_| {}), rates.iter().sum());
    assert!(share >= 0.9, "{share:.3} of their sum");
}

#[test]
fn a_holder_that_vanishes_half_way_leaves_no_pause() {
    let half = Duration::from_secs_f64(f64::from(UNITS) * f64::from(LENGTH) / RATE / 2.0);
    let swarm = fetch(&[QUARTER; 4], |swarm| _ = swarm.at(half, Event::Vanish(1)));
    let best = half + half * 4 / 3;
    let share = best.as_secs_f64() / swarm.last().as_secs_f64();
    assert!(share >= 0.9, "{share:.3} of what the rest can give");
    assert!(swarm.nodes[0].longest_pause < Duration::from_secs(1), "{:?}", swarm.nodes[0].longest_pause);
}

#[test]
fn a_liar_is_banned_once_and_the_rest_give_everything() {
    let swarm = fetch(&[QUARTER; 4], |swarm| {
        swarm.scene.lie = 4;
        swarm.nodes[2].manner = Manner::Lies;
    });
    assert!(swarm.banned == 1 && swarm.nodes[0].scheduler.is_banned(2), "{} bans", swarm.banned);
}

#[test]
fn who_gives_places_and_no_units_costs_little() {
    let swarm = fetch(&[QUARTER; 4], |swarm| swarm.nodes[2].manner = Manner::IsSilent);
    let share = share_of(&swarm, QUARTER * 3.0);
    assert!(share >= 0.9, "{share:.3} of what the rest can give");
}

/// What waits at the slow one is asked of the others, and no unit comes three times.
#[test]
fn few_units_come_twice() {
    let swarm = fetch(&[QUARTER, QUARTER, QUARTER, QUARTER / 20.0], |_| {});
    assert!(swarm.twice <= 4, "{} came twice", swarm.twice);
}

#[test]
fn a_receiver_that_has_a_part_takes_only_the_rest() {
    let mut scene = Scene::holders(&[QUARTER; 4], UNITS, 3);
    (0..UNITS / 2).for_each(|unit| assert!(scene.members[0].has.insert(unit)));
    let mut swarm = Swarm::new(scene);
    assert!(swarm.run(Duration::from_secs(60)));
    let sent: u64 = swarm.nodes.iter().map(|node| node.sent).sum();
    assert!(sent as f64 <= swarm.scene.bytes() * 0.55, "{sent} bytes for the second half");
}

#[test]
fn units_of_unequal_length_come_from_all_holders() {
    let mut scene = Scene::holders(&[QUARTER; 4], UNITS, 3);
    scene.lengths = (0..UNITS).map(|unit| if unit % 3 == 0 { LENGTH / 16 } else { LENGTH }).collect();
    let mut swarm = Swarm::new(scene);
    assert!(swarm.run(Duration::from_secs(60)));
    let share = share_of(&swarm, RATE);
    assert!(share >= 0.9, "{share:.3} of their sum");
}
