//! Crowds in which some give nothing.

use super::*;

/// All who are there, but for those who vanished, have all in the end.
fn finish(receivers: u32, manner: impl Fn(Peer) -> Manner) {
    let mut swarm = Swarm::new(Scene::crowd(receivers, 64, 5));
    let mut chance = Chance::new(5);
    for peer in 1..=receivers {
        match manner(peer) {
            Manner::Vanished => {
                swarm.unfinished -= 1;
                swarm.nodes[peer as usize].done = Some(Moment::ZERO);
                swarm.at(Duration::from_millis(u64::from(chance.below(400))), Event::Vanish(peer));
            }
            manner => swarm.nodes[peer as usize].manner = manner,
        }
    }
    assert!(swarm.run(Duration::from_secs(120)), "it stalls: {}", swarm.stalled());
}

#[test]
fn all_finish_though_half_of_them_choke() {
    finish(12, |peer| if peer % 2 == 0 { Manner::Chokes } else { Manner::Fair });
}

#[test]
fn all_finish_though_nobody_but_the_source_gives() {
    finish(6, |_| Manner::Chokes);
}

#[test]
fn all_finish_though_some_promise_and_give_nothing() {
    finish(12, |peer| if peer % 4 == 0 { Manner::IsSilent } else { Manner::Fair });
}

#[test]
fn all_finish_though_some_vanish_without_a_word() {
    finish(12, |peer| if peer % 4 == 0 { Manner::Vanished } else { Manner::Fair });
}
