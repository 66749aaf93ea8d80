//! Swarms of real engines on loopback.
#![allow(clippy::unwrap_used)]

use super::content::Content;
use crate::{AcceptRule, Config, Engine, Limits, Outgoing, OutgoingContent, State, Transfer, stream::StreamError};
use shoal_proto::{
    Hash, PeerId, RangeSet,
    message::{CloseCode, Request},
    swarm::message::{SwarmId, Take, Want},
};
use std::{
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const MIB: usize = 1 << 20;
const SOON: Duration = Duration::from_secs(60);

struct Peer {
    engine: Engine,
    place: tempfile::TempDir,
}

impl Peer {
    async fn start(name: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        for folder in ["data", "inbox", "out"] {
            std::fs::create_dir(place.path().join(folder)).unwrap();
        }
        let mut config = Config::new(place.path().join("data"));
        config.name = Some(name.to_owned());
        config.inbox = Some(place.path().join("inbox"));
        config.accept = Some(AcceptRule::All);
        (config.listen, config.port, config.mdns) = (Some(Ipv4Addr::LOCALHOST.into()), Some(0), false);
        Self { engine: Engine::start(config).await.unwrap(), place }
    }

    fn id(&self) -> PeerId {
        self.engine.id()
    }

    /// The only transfer of a receiver.
    async fn transfer(&self) -> Option<Transfer> {
        self.engine.transfers(true).await.unwrap().into_iter().next()
    }

    async fn finished(&self) -> Transfer {
        let begun = Instant::now();
        loop {
            let row = self.transfer().await;
            if let Some(row) = row.as_ref().filter(|row| row.state.is_over()) {
                return row.clone();
            }
            assert!(begun.elapsed() < SOON, "{row:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The content that it takes or gives.
    fn content(&self) -> Option<Arc<Content>> {
        self.engine.inner.transfers.swarms.all().into_iter().next()
    }
}

/// Bytes that no two places have in common.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A folder with a film, a song, many notes, a folder in it that is empty and a file that is.
fn lay(place: &Path) {
    let folder = place.join("out/things");
    std::fs::create_dir_all(folder.join("empty")).unwrap();
    std::fs::create_dir_all(folder.join("notes")).unwrap();
    std::fs::write(folder.join("film"), noise(12 * MIB + 77, 1)).unwrap();
    std::fs::write(folder.join("song"), noise(3 * MIB, 2)).unwrap();
    std::fs::write(folder.join("nothing"), b"").unwrap();
    for number in 0..300 {
        std::fs::write(folder.join(format!("notes/{number}")), noise(3000, 100 + number)).unwrap();
    }
}

fn same(a: &Path, b: &Path) {
    let list = |root: &Path| -> Vec<_> {
        let mut all: Vec<_> = walk(root).into_iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect();
        all.sort();
        all
    };
    assert_eq!(list(a), list(b));
    for path in list(a).iter().filter(|path| a.join(path).is_file()) {
        assert!(std::fs::read(a.join(path)).unwrap() == std::fs::read(b.join(path)).unwrap(), "{}", path.display());
    }
}

fn walk(root: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(walk(&path));
        }
        all.push(path);
    }
    all
}

/// A sender and receivers that it knows.
async fn crowd(receivers: usize) -> (Peer, Vec<Peer>) {
    let sender = Peer::start("sender").await;
    lay(sender.place.path());
    let mut all = Vec::new();
    for number in 0..receivers {
        let receiver = Peer::start(&format!("receiver {number}")).await;
        let address = receiver.engine.addresses().first().unwrap().to_string();
        assert_eq!(sender.engine.find(&address, Duration::from_secs(5)).await.unwrap(), receiver.id());
        all.push(receiver);
    }
    (sender, all)
}

async fn send(sender: &Peer, to: &[Peer]) {
    let content = OutgoingContent::Paths(vec![sender.place.path().join("out/things")]);
    sender.engine.send(Outgoing { to: to.iter().map(Peer::id).collect(), content }).await.unwrap();
}

/// All have it all, and what they have is right.
async fn all_have(sender: &Peer, receivers: &[Peer]) {
    for receiver in receivers {
        let row = receiver.finished().await;
        assert_eq!((row.state, row.files_failed), (State::Finished, 0), "{row:?}");
        same(&sender.place.path().join("out/things"), &receiver.place.path().join("inbox/things"));
    }
}

async fn limit(peer: &Peer, mib: u64) {
    peer.engine.set_limits(Limits { up: Some(mib << 20), down: None }).await.unwrap();
}

async fn end(peers: impl IntoIterator<Item = Peer>) {
    for peer in peers {
        peer.engine.shutdown().await;
    }
}

/// Waits until all that a swarm has is out with others than the sender.
async fn until_all_is_out(receivers: &[Peer]) {
    let begun = Instant::now();
    loop {
        let contents: Vec<_> = receivers.iter().filter_map(Peer::content).collect();
        let out = contents.iter().map(|content| content.held()).fold(RangeSet::new(), |all, held| all.union(&held));
        if contents.first().is_some_and(|content| out.contains_range(0..content.units.len())) {
            return;
        }
        assert!(begun.elapsed() < SOON, "{out:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_of_one_offer_give_each_other_most_of_it() {
    let (sender, receivers) = crowd(4).await;
    limit(&sender, 8).await;
    send(&sender, &receivers).await;
    all_have(&sender, &receivers).await;
    let came = |receiver: &Peer| receiver.content().map(|content| content.came.lock().unwrap().clone()).unwrap_or_default();
    let from_sender: u64 = receivers.iter().filter_map(|receiver| came(receiver).get(&sender.id()).copied()).sum();
    let size: u64 = sender.engine.transfers(true).await.unwrap().first().unwrap().bytes;
    assert!(from_sender < size * 3 / 2, "the sender gave {} %", from_sender * 100 / size);
    end(receivers.into_iter().chain([sender])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_goes_once_everything_is_out_is_not_missed() {
    let (sender, receivers) = crowd(3).await;
    for peer in receivers.iter().chain([&sender]) {
        limit(peer, 4).await;
    }
    send(&sender, &receivers).await;
    until_all_is_out(&receivers).await;
    let mut at_work = 0;
    for receiver in &receivers {
        at_work += usize::from(receiver.transfer().await.is_some_and(|row| !row.state.is_over()));
    }
    sender.engine.shutdown().await;
    assert!(at_work > 0, "all had it before the sender went");
    all_have(&sender, &receivers).await;
    end(receivers).await;
}

/// One who did not hear in time what the last units have to be hears it from the others, as the sender signed it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_told_some_is_told_on_when_it_is_gone() {
    let (sender, receivers) = crowd(3).await;
    for peer in receivers.iter().chain([&sender]) {
        limit(peer, 4).await;
    }
    let deaf = receivers.first().unwrap();
    send(&sender, &receivers).await;
    let begun = Instant::now();
    loop {
        if let Some(content) = sender.content() {
            *content.mute_to.lock().unwrap() = Some(deaf.id());
            break;
        }
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    until_all_is_out(&receivers).await;
    let content = deaf.content().unwrap();
    assert!(content.known.units().len() < u64::from(content.units.len()), "it was told everything");
    sender.engine.shutdown().await;
    for receiver in &receivers {
        let row = receiver.finished().await;
        assert_eq!((row.state, row.files_failed), (State::Finished, 0), "{row:?}");
        same(&sender.place.path().join("out/things"), &receiver.place.path().join("inbox/things"));
    }
    end(receivers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_late_takes_from_all() {
    let (sender, receivers) = crowd(4).await;
    for peer in receivers.iter().chain([&sender]) {
        limit(peer, 6).await;
    }
    let (late, early) = receivers.split_last().unwrap();
    send(&sender, early).await;
    until_all_is_out(early).await;
    send(&sender, std::slice::from_ref(late)).await;
    all_have(&sender, &receivers).await;
    let came = late.content().map(|content| content.came.lock().unwrap().clone()).unwrap_or_default();
    assert!(came.len() > 1, "{came:?}");
    end(receivers.into_iter().chain([sender])).await;
}

/// Neither the sender nor anybody who has it says so, or gives any of it, to one who was not offered it.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_offered_the_same_gets_nothing() {
    let (sender, receivers) = crowd(2).await;
    limit(&sender, 4).await;
    send(&sender, &receivers).await;
    until_all_is_out(&receivers).await;
    let outsider = Peer::start("outsider").await;
    let content = receivers.first().unwrap().content().unwrap();
    let wrong = SwarmId { manifest: Hash::of(b"another"), ..content.id };
    for holder in receivers.iter().chain([&sender]) {
        let address = holder.engine.addresses().first().unwrap().to_string();
        outsider.engine.find(&address, SOON).await.unwrap();
        for swarm in [content.id, wrong] {
            let take = Take { swarm, want: Want::Unit(0) };
            for request in [Request::Join(swarm), Request::Take(take)] {
                let links = &outsider.engine.inner.transfers.links;
                let (_connection, _send, mut recv) = links.request(holder.id(), &request).await.unwrap();
                let error = recv.read_chunk(1000, true).await.unwrap_err();
                assert_eq!(StreamError::from(error).close_code(), Some(CloseCode::UnknownTransfer), "{request:?}");
            }
        }
    }
    all_have(&sender, &receivers).await;
    end(receivers.into_iter().chain([sender, outsider])).await;
}
