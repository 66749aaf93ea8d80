//! What a receiver asks, order by order.
#![allow(clippy::unwrap_used)]

use super::*;

const UNIT: u32 = 1000;

fn at(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

/// A receiver of so many units, and peers that have all of them and give.
fn receiver(units: u32, peers: u32) -> Scheduler<u32> {
    let mut scheduler = Scheduler::new(vec![UNIT; units as usize], Bits::none(units), 1);
    for peer in 0..peers {
        scheduler.handle_joined(peer, at(0));
        scheduler.handle_have(peer, 0..units);
        scheduler.handle_gives(peer, true, at(0));
    }
    scheduler
}

fn orders(scheduler: &mut Scheduler<u32>, now: Moment) -> Vec<Order<u32>> {
    std::iter::from_fn(|| scheduler.poll(now)).collect()
}

fn asked_of(orders: &[Order<u32>], of: u32) -> Vec<u32> {
    orders.iter().filter(|order| order.peer() == of).filter_map(Order::unit).collect()
}

impl<P> Order<P> {
    const fn unit(&self) -> Option<u32> {
        match self {
            Self::Ask { unit, .. } | Self::Cancel { unit, .. } => Some(*unit),
            Self::AskAny { .. } => None,
        }
    }
}

#[test]
fn two_to_eight_units_are_asked_of_a_peer_by_its_rate() {
    let mut scheduler = receiver(100, 2);
    assert_eq!(asked_of(&orders(&mut scheduler, at(0)), 0).len(), MIN_ASKED);
    let mut now = 0;
    while scheduler.have().len() < 20 {
        now += 1;
        let unit = scheduler.asked(0).next().unwrap();
        scheduler.handle_granted(0, unit, at(now));
        scheduler.handle_unit(0, unit, at(now + 1));
        orders(&mut scheduler, at(now + 1));
    }
    assert_eq!((scheduler.asked(0).count(), scheduler.asked(1).count()), (MAX_ASKED, MIN_ASKED));
}

#[test]
fn the_only_source_is_asked_for_a_unit_of_its_choice() {
    let mut scheduler = receiver(10, 1);
    assert!(orders(&mut scheduler, at(0)).iter().all(|order| matches!(order, Order::AskAny { .. })));
    scheduler.handle_granted(0, 7, at(1));
    assert_eq!(scheduler.asked(0).collect::<Vec<_>>(), [7]);
}

#[test]
fn who_sends_what_nobody_asked_for_is_told_to_stop() {
    let mut scheduler = receiver(10, 2);
    orders(&mut scheduler, at(0));
    let other = (0..10).find(|unit| scheduler.asked(0).all(|asked| asked != *unit)).unwrap();
    scheduler.handle_granted(0, other, at(1));
    assert!(orders(&mut scheduler, at(1)).contains(&Order::Cancel { peer: 0, unit: other }));
}

#[test]
fn what_is_not_selected_is_neither_asked_for_nor_missed() {
    let mut scheduler = receiver(10, 2);
    scheduler.select(0..8, false);
    let asked = orders(&mut scheduler, at(0));
    assert!(asked.iter().all(|order| order.unit().is_some_and(|unit| unit >= 8)), "{asked:?}");
    for unit in [8, 9] {
        scheduler.handle_unit(0, unit, at(1));
    }
    assert!(scheduler.is_done() && !scheduler.have().is_full());
    scheduler.select([3], true);
    assert!(!scheduler.is_done() && orders(&mut scheduler, at(2)).iter().any(|order| order.unit() == Some(3)));
}

#[test]
fn a_unit_that_a_peer_can_not_give_is_asked_of_another_and_the_peer_stays() {
    let mut scheduler = receiver(1, 2);
    let first = orders(&mut scheduler, at(0)).first().unwrap().peer();
    scheduler.handle_failed(first, 0);
    scheduler.handle_have(first, [0]);
    assert!(scheduler.asked(first).next().is_none());
    orders(&mut scheduler, at(1));
    assert_eq!(scheduler.asked(1 - first).collect::<Vec<_>>(), [0]);
}

#[test]
fn who_is_banned_stays_banned() {
    let mut scheduler = receiver(10, 2);
    scheduler.handle_banned(0);
    scheduler.handle_joined(0, at(1));
    scheduler.handle_have(0, 0..10);
    scheduler.handle_gives(0, true, at(1));
    assert!(orders(&mut scheduler, at(1)).iter().all(|order| order.peer() == 1) && scheduler.copies(3) == 1);
}

#[test]
fn who_begins_first_sends_and_the_others_are_asked_no_longer() {
    let mut scheduler = receiver(1, 3);
    let asked = orders(&mut scheduler, at(0));
    assert!(asked.len() > 1, "the idle are asked, too: {asked:?}");
    scheduler.handle_granted(1, 0, at(1));
    let ended = orders(&mut scheduler, at(1));
    assert!(!ended.is_empty() && ended.iter().all(|order| matches!(order, Order::Cancel { peer, .. } if *peer != 1)));
}

#[test]
fn who_is_silent_loses_what_was_asked_of_it_unless_bytes_come() {
    for is_alive in [false, true] {
        let mut scheduler = receiver(2, 2);
        scheduler.select([1], false);
        orders(&mut scheduler, at(0));
        scheduler.handle_granted(0, 0, at(1));
        let late = SNUB + at(100);
        if is_alive {
            scheduler.handle_bytes(0, late);
        }
        let told = orders(&mut scheduler, late);
        assert_eq!(told.contains(&Order::Cancel { peer: 0, unit: 0 }), !is_alive, "{told:?}");
    }
}
