//! Several share the same under names of their own; one fetches it from one of them, and gets it from all.
#![allow(clippy::unwrap_used)]

use super::peers_tests::{Peer, SECOND, indexed, names, the_share};
use crate::{
    Audience, Consent, Limits, State, Trust,
    swarm::{
        holders,
        looked_for::{Files, LookedFor},
    },
};
use shoal_proto::{Hash, PeerId, swarm::holdings::Holding};
use std::{collections::BTreeMap, time::Instant};

const LEN: usize = 24 << 20;

/// What each gives a second, in bytes.
const RATE: u64 = 8_000_000;

fn film() -> Vec<u8> {
    let mut bytes = vec![0; LEN];
    blake3::Hasher::new().update(b"film").finalize_xof().fill(&mut bytes);
    bytes
}

fn holding(film: &[u8]) -> Holding {
    Holding { root: Hash::of(film), size: film.len() as u64 }
}

/// An asker, and peers that share the film, the first as its owner under `film`.
async fn scene(audiences: &[Audience]) -> (Peer, Vec<Peer>) {
    let (asker, film) = (Peer::start("asker").await, film());
    let mut holders = Vec::new();
    for (number, audience) in audiences.iter().enumerate() {
        let holder = Peer::start(&format!("holder {number}")).await;
        let name = if number == 0 { "film".to_owned() } else { format!("old/copy {number} of it.mkv") };
        holder.write(&name, &film);
        holder.share(audience.clone()).await;
        holder.engine.set_limits(Limits { up: Some(RATE), down: None }).await.unwrap();
        indexed(&holder, 1).await;
        let address = holder.engine.addresses().first().unwrap().to_string();
        asker.engine.find(&address, SECOND).await.unwrap();
        holder.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
        holders.push(holder);
    }
    (asker, holders)
}

async fn holds(asker: &Peer, holder: &Peer) -> bool {
    let looked_for = LookedFor::Files(Files::test(vec![holding(&film())]));
    holders::ask(&asker.engine.inner.transfers, holder.id(), &looked_for).await.is_some()
}

/// Waits until its film is hashed.
async fn ready(asker: &Peer, holder: &Peer) {
    let begun = Instant::now();
    while !holds(asker, holder).await {
        assert!(begun.elapsed() < 20 * SECOND, "it does not say that it has the film");
        tokio::time::sleep(SECOND / 20).await;
    }
}

async fn fetch(asker: &Peer, owner: &Peer) {
    let share = the_share(asker, owner).await;
    asker.engine.fetch(owner.id(), &share, None, names(&["film"]), Consent::default()).await.unwrap();
}

fn came(asker: &Peer) -> Option<BTreeMap<PeerId, u64>> {
    let content = asker.engine.inner.transfers.swarms.all().into_iter().next()?;
    Some(content.came.lock().unwrap().clone())
}

/// Waits for the end, and returns who gave how much, as far as that was seen.
async fn finished(asker: &Peer) -> BTreeMap<PeerId, u64> {
    let (begun, mut seen) = (Instant::now(), BTreeMap::new());
    loop {
        seen = came(asker).unwrap_or(seen);
        let row = asker.engine.transfers(true).await.unwrap().into_iter().next().unwrap();
        if row.state.is_over() {
            assert_eq!((row.state, row.files_failed), (State::Finished, 0), "{row:?}");
            assert!(std::fs::read(asker.inbox().join("film")).unwrap() == film());
            return seen;
        }
        assert!(begun.elapsed() < 40 * SECOND, "{row:?} {seen:?}");
        tokio::time::sleep(SECOND / 200).await;
    }
}

async fn shut_down(peers: Vec<Peer>) {
    for peer in peers {
        peer.engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_share_under_other_names_comes_from_all_of_them() {
    let (asker, holders) = scene(&[Audience::Known, Audience::Known, Audience::Everyone]).await;
    for holder in &holders {
        ready(&asker, holder).await;
    }
    let begun = Instant::now();
    fetch(&asker, &holders[0]).await;
    let came = finished(&asker).await;
    for holder in &holders {
        let part = came.get(&holder.id()).copied().unwrap_or(0);
        assert!(part > LEN as u64 / 8, "each gave a good part: {came:?}");
    }
    let alone = LEN as f64 / RATE as f64;
    assert!(begun.elapsed().as_secs_f64() < alone * 0.7, "{:?} of {alone:.1} s alone", begun.elapsed());
    shut_down(holders).await;
    asker.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_it_with_others_only_gives_nothing() {
    let (asker, holders) = scene(&[Audience::Known, Audience::Known, Audience::Verified]).await;
    ready(&asker, &holders[0]).await;
    ready(&asker, &holders[1]).await;
    assert!(!holds(&asker, &holders[2]).await);
    fetch(&asker, &holders[0]).await;
    let came = finished(&asker).await;
    assert!(came.contains_key(&holders[1].id()) && !came.contains_key(&holders[2].id()), "{came:?}");
    assert_eq!(holders[2].engine.inner.transfers.swarms.all().len(), 0);
    shut_down(holders).await;
    asker.engine.shutdown().await;
}

/// Invariant 12, for those who take from several.
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_shares_it_no_more_gives_not_a_byte_more() {
    let (asker, holders) = scene(&[Audience::Known, Audience::Known]).await;
    for holder in &holders {
        ready(&asker, holder).await;
    }
    fetch(&asker, &holders[0]).await;
    let begun = Instant::now();
    let of_second = |asker: &Peer| came(asker).and_then(|came| came.get(&holders[1].id()).copied());
    while of_second(&asker).is_none() {
        assert!(begun.elapsed() < 20 * SECOND);
        tokio::time::sleep(SECOND / 100).await;
    }
    holders[1].engine.remove_share("things").await.unwrap();
    while !holders[1].engine.inner.transfers.swarms.all().is_empty() {
        assert!(begun.elapsed() < 20 * SECOND);
        tokio::time::sleep(SECOND / 200).await;
    }
    // What it sent before may still be on its way.
    tokio::time::sleep(SECOND / 10).await;
    let before = of_second(&asker);
    let after = finished(&asker).await.get(&holders[1].id()).copied();
    assert!(before.is_none() || before == after, "{before:?} {after:?}");
    shut_down(holders).await;
    asker.engine.shutdown().await;
}

/// Both who began it and who joined may go.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_go_away_are_made_up_for() {
    for gone in [0, 1] {
        let (asker, mut holders) = scene(&[Audience::Known, Audience::Known, Audience::Known]).await;
        for holder in &holders {
            ready(&asker, holder).await;
        }
        fetch(&asker, &holders[0]).await;
        let begun = Instant::now();
        while came(&asker).is_none_or(|came| came.len() < 3) {
            assert!(begun.elapsed() < 20 * SECOND);
            tokio::time::sleep(SECOND / 100).await;
        }
        let gone = holders.remove(gone);
        gone.engine.shutdown().await;
        finished(&asker).await;
        shut_down(holders).await;
        asker.engine.shutdown().await;
    }
}
