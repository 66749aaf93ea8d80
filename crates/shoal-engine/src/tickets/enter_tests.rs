//! Several have one ticket: each takes from all of them, whoever of them goes.
#![allow(clippy::unwrap_used)]

use super::tests::{Peer, SECOND, content, end};
use crate::{
    Limits, OwnTicket, State,
    stream::{StreamError, read_message},
};
use shoal_proto::{
    Hash, PeerId, RangeSet,
    codec::MAX_MESSAGE,
    message::{CloseCode, Request},
    swarm::message::{SwarmId, Take, Want},
    ticket::{EXPORTER_LABEL, Ends, Enter, Opened, Proof, Role, Secret},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const LEN: usize = 24_000_000;

/// What each gives a second, in bytes.
const RATE: u64 = 6_000_000;

/// A maker of a ticket and strangers who have it, each slow to give.
async fn circle<const N: usize>() -> (Peer, OwnTicket, [Peer; N]) {
    let maker = Peer::start("maker").await;
    std::fs::create_dir(maker.thing("deep")).unwrap();
    std::fs::write(maker.thing("deep/film.mkv"), content(1, LEN)).unwrap();
    for number in 0..100 {
        std::fs::write(maker.thing(&format!("note {number}")), content(number, 1000)).unwrap();
    }
    std::fs::write(maker.thing("nothing"), b"").unwrap();
    let own = maker.ticket().await;
    maker.engine.set_limits(Limits { up: Some(RATE), down: None }).await.unwrap();
    let mut askers = Vec::new();
    for number in 0..N {
        let asker = Peer::start(&format!("asker {number}")).await;
        asker.engine.set_limits(Limits { up: Some(RATE), down: None }).await.unwrap();
        askers.push(asker);
    }
    // In reach of each other, as devices on one network are.
    for (number, asker) in askers.iter().enumerate() {
        for other in askers.iter().skip(number + 1) {
            asker.engine.find(&other.engine.addresses().first().unwrap().to_string(), SECOND).await.unwrap();
        }
    }
    (maker, own, askers.try_into().ok().unwrap())
}

fn came(peer: &Peer) -> BTreeMap<PeerId, u64> {
    let content = peer.engine.inner.transfers.swarms.all().into_iter().next();
    content.map(|content| content.came.lock().unwrap().clone()).unwrap_or_default()
}

async fn has_all(peer: &Peer) {
    let row = peer.until("over", |row| row.state.is_over()).await;
    assert_eq!((row.state, row.files_done, row.files_failed), (State::Finished, 102, 0), "{row:?}");
    assert!(std::fs::read(peer.inbox().join("deep/film.mkv")).unwrap() == content(1, LEN));
    for number in 0..100 {
        assert!(std::fs::read(peer.inbox().join(format!("note {number}"))).unwrap() == content(number, 1000));
    }
    assert_eq!(std::fs::read(peer.inbox().join("nothing")).unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_fetch_by_one_ticket_give_each_other_most_of_it() {
    let (maker, own, askers) = circle::<3>().await;
    let begun = Instant::now();
    for asker in &askers {
        asker.get(&own.ticket).await.unwrap();
    }
    for asker in &askers {
        has_all(asker).await;
    }
    let took = begun.elapsed().as_secs_f64();
    let alone = LEN as f64 / RATE as f64;
    let from_maker: u64 = askers.iter().filter_map(|asker| came(asker).get(&maker.id()).copied()).sum();
    assert!(from_maker < LEN as u64 * 2, "its maker gave {from_maker} of {LEN} bytes in a swarm");
    assert!(took < alone * 2.5, "{took:.1} s for three, {alone:.1} s for one");
    end(askers).await;
    end([maker]).await;
}

/// And one who comes later takes from those who have it, while its maker gives next to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_all_gives_it_on() {
    let (maker, own, [first, second]) = circle::<2>().await;
    maker.engine.set_limits(Limits::default()).await.unwrap();
    first.engine.set_limits(Limits::default()).await.unwrap();
    // Those who are alone with its maker take from it alone, and have nothing to give on.
    let (one, two) = tokio::join!(first.get(&own.ticket), second.get(&own.ticket));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    has_all(&first).await;
    has_all(&second).await;
    let late = Peer::start("late").await;
    late.engine.find(&first.engine.addresses().first().unwrap().to_string(), SECOND).await.unwrap();
    maker.engine.set_limits(Limits { up: Some(500_000), down: None }).await.unwrap();
    late.get(&own.ticket).await.unwrap();
    let begun = Instant::now();
    has_all(&late).await;
    assert!(begun.elapsed() < 25 * SECOND, "from its maker alone it takes 48 s");
    end([maker, first, second, late]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maker_that_goes_once_everything_is_out_is_not_missed() {
    let (maker, own, askers) = circle::<3>().await;
    for asker in &askers {
        asker.get(&own.ticket).await.unwrap();
    }
    let begun = Instant::now();
    loop {
        let contents: Vec<_> =
            askers.iter().filter_map(|asker| asker.engine.inner.transfers.swarms.all().into_iter().next()).collect();
        let out = contents.iter().map(|content| content.held()).fold(RangeSet::new(), |all, held| all.union(&held));
        if contents.first().is_some_and(|content| out.contains_range(0..content.units.len())) {
            break;
        }
        assert!(begun.elapsed() < 30 * SECOND, "{out:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    maker.engine.shutdown().await;
    for asker in &askers {
        has_all(asker).await;
    }
    end(askers).await;
}

/// A ticket that is removed ends for those who are in the swarm, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_maker_gives_nothing_more_by_a_ticket_that_is_removed() {
    let (maker, own, askers) = circle::<2>().await;
    for asker in &askers {
        asker.get(&own.ticket).await.unwrap();
    }
    let begun = Instant::now();
    while !askers.iter().all(|asker| came(asker).contains_key(&maker.id())) {
        assert!(begun.elapsed() < 20 * SECOND);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    maker.engine.remove_ticket(own.id).await.unwrap();
    assert!(maker.engine.inner.transfers.swarms.all().is_empty());
    for asker in &askers {
        let row = asker.until("over", |row| row.state.is_over()).await;
        assert_eq!(row.state, State::Cancelled, "{row:?}");
    }
    end(askers).await;
    end([maker]).await;
}

/// Neither its maker nor those who fetch by it say that there is such a ticket, or give any of it, to one who has it not.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_ticket_gets_nothing_of_its_swarm() {
    let (maker, own, askers) = circle::<2>().await;
    for asker in &askers {
        asker.get(&own.ticket).await.unwrap();
    }
    let begun = Instant::now();
    while !askers.iter().all(|asker| came(asker).contains_key(&maker.id())) {
        assert!(begun.elapsed() < 20 * SECOND);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let outsider = Peer::start("outsider").await;
    let wrong = shoal_proto::Ticket { secret: Secret([9; 16]), ..own.ticket.clone() };
    for holder in askers.iter().chain([&maker]) {
        outsider.engine.find(&holder.engine.addresses().first().unwrap().to_string(), SECOND).await.unwrap();
        let links = &outsider.engine.inner.transfers.links;
        let connection = links.get(holder.id()).await.unwrap();
        let exporter = connection.exporter(EXPORTER_LABEL).unwrap();
        let ends = Ends { exporter, asker: outsider.id(), holder: holder.id() };
        // That of another on its own connection is none here.
        let elsewhere = Ends { exporter: [1; 32], ..ends };
        let key = own.ticket.key();
        let proofs = [
            wrong.key().proof(Role::Asker, &ends),
            key.proof(Role::Asker, &elsewhere),
            key.proof(Role::Holder, &ends),
            Proof([0; 32]),
        ];
        for proof in proofs {
            let (_send, mut recv) = connection.open_request(&Request::Enter(Enter { proof })).await.unwrap();
            let answer: Result<Opened, StreamError> = read_message(&mut recv, MAX_MESSAGE).await;
            assert_eq!(answer.unwrap_err().close_code(), Some(CloseCode::NotShared));
        }
        // Even one who knows what the swarm is called.
        let id = key.swarm(own.ticket.root);
        for swarm in [id, SwarmId { manifest: Hash::of(b"another"), ..id }] {
            for request in [Request::Join(swarm), Request::Take(Take { swarm, want: Want::Unit(0) })] {
                let (_send, mut recv) = connection.open_request(&request).await.unwrap();
                let error = recv.read_chunk(1000, true).await.unwrap_err();
                assert_eq!(StreamError::from(error).close_code(), Some(CloseCode::UnknownTransfer), "{request:?}");
            }
        }
    }
    for asker in &askers {
        has_all(asker).await;
    }
    end(askers).await;
    end([maker, outsider]).await;
}
