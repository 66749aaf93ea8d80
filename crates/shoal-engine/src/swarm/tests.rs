//! Swarms of real engines on loopback.
#![allow(clippy::unwrap_used)]

use super::content::Content;
use crate::{AcceptRule, Config, Engine, Limits, Outgoing, OutgoingContent, State, Transfer};
use shoal_proto::{PeerId, swarm::message::SwarmId};
use std::{
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const MIB: usize = 1 << 20;

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
            assert!(begun.elapsed() < Duration::from_secs(60), "{row:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn swarm(&self, id: SwarmId) -> Option<Arc<Content>> {
        self.engine.inner.transfers.swarms.get(id)
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

#[tokio::test(flavor = "multi_thread")]
async fn receivers_of_one_offer_give_each_other_most_of_it() {
    let (sender, receivers) = crowd(4).await;
    sender.engine.set_limits(Limits { up: Some(8 * MIB as u64), down: None }).await.unwrap();
    let begun = Instant::now();
    send(&sender, &receivers).await;
    for receiver in &receivers {
        let row = receiver.finished().await;
        assert_eq!((row.state, row.files_failed), (State::Finished, 0), "{row:?}");
        same(&sender.place.path().join("out/things"), &receiver.place.path().join("inbox/things"));
    }
    let took = begun.elapsed();
    let of = |receiver: &Peer| {
        let transfers = &receiver.engine.inner.transfers;
        let contents = transfers.swarms.all();
        contents.iter().map(|content| content.came.lock().unwrap().clone()).next().unwrap_or_default()
    };
    let came: Vec<_> = receivers.iter().map(of).collect();
    let size = 16_u64 * MIB as u64;
    let from_sender: u64 = came.iter().filter_map(|came| came.get(&sender.id())).sum();
    println!("{took:?}, from the sender {} %: {came:?}", from_sender * 100 / size);
    assert!(from_sender < size * 2, "the sender gave {} %", from_sender * 100 / size);
    for peer in receivers.into_iter().chain([sender]) {
        peer.engine.shutdown().await;
    }
}
