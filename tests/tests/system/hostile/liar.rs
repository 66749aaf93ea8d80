//! A hostile member of a swarm: it says that it has everything, and gives what is not what it should be.

use super::run;
use shoal_proto::{
    Manifest, PieceIndex,
    message::{Content, Frame, FromReceiver, FromSender, Offer, Request},
    piece,
    share::Few,
    swarm::{
        Unit, Units,
        message::{FromGiver, FromTaker, Given, Take, Want},
    },
};
use shoal_tests::{
    data, figure,
    hostile::{Intruder, Stream, Wire},
    lab::{Net, Peer},
};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const PORT: u16 = 47_100;
const SIZE: u64 = 24 * 1024 * 1024;

/// One unit in so many is a lie.
const ONE_IN: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Bytes that are not those of the hash before them.
    Bytes,
    /// A hash that is not the piece's, of bytes that are its.
    Hash,
}

/// A receiver of the offer, who knows its content.
struct Liar {
    lie: Lie,
    source: PathBuf,
    units: OnceLock<Units>,
    /// Lies told, and units given in all.
    lies: AtomicU32,
    given: AtomicU32,
}

impl Liar {
    async fn take_part(self: Arc<Self>, wire: Wire) {
        while let Ok((request, stream)) = wire.request().await {
            let this = self.clone();
            tokio::spawn(async move {
                match request {
                    Request::Offer(offer) => this.accept(offer, stream).await,
                    Request::Join(_) => this.boast(stream).await,
                    Request::Take(take) => this.give(take, stream).await,
                    _ => {}
                }
            });
        }
    }

    async fn accept(&self, offer: Offer, mut stream: Stream) {
        let Content::Files { files, bytes, manifest_len, .. } = offer.content else { panic!("{offer:?}") };
        stream.say(&FromReceiver::WantManifest).await;
        let encoded = stream.hear_raw(manifest_len as usize).await.unwrap();
        let manifest = Manifest::decode(encoded).unwrap();
        self.units.set(Units::of(&manifest).unwrap()).unwrap();
        stream.say(&FromReceiver::Accepted { files, bytes }).await;
        while stream.hear_within::<FromSender>(Duration::from_secs(120)).await.is_ok() {}
    }

    async fn boast(&self, mut stream: Stream) {
        let Some(units) = self.units.get() else { return };
        stream.say(&FromGiver::Have(Few::try_from(vec![(0, units.len())]).unwrap())).await;
        stream.say(&FromGiver::Gives(true)).await;
        while stream.hear_within::<FromTaker>(Duration::from_secs(120)).await.is_ok() {}
    }

    async fn give(&self, take: Take, mut stream: Stream) {
        let (Some(units), Want::Unit(number)) = (self.units.get(), take.want) else { return };
        let Some(Unit::Piece { entry, piece, bytes: len }) = units.get(number) else { return };
        let range = piece::piece_range(SIZE, piece).unwrap();
        let all = fs::read(&self.source).unwrap();
        let mut bytes = all[range.start as usize..range.end as usize].to_vec();
        let mut hash = piece::hash_piece(SIZE, piece, &bytes);
        let given = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        if given.is_multiple_of(ONE_IN) {
            self.lies.fetch_add(1, Ordering::Relaxed);
            match self.lie {
                Lie::Bytes => bytes[100_000] ^= 1,
                Lie::Hash => hash = piece::hash_piece(SIZE, PieceIndex(piece.0 ^ 1), &bytes),
            }
        }
        stream.say(&Given(number)).await;
        stream.say(&Frame::Block { entry, piece, hash, len }).await;
        stream.raw(&bytes).await;
        stream.say(&Frame::End).await;
        stream.finish();
        // So that what was written is not dropped with the stream.
        let _ = stream.ended_within(Duration::from_secs(5)).await;
    }
}

fn among_liars(lie: Lie) {
    run(async {
        let net = Net::new();
        let host = net.host("lone");
        let start = |port: u16| Peer::at(&host).accept("all").args(&["--no-mdns", "--port", &port.to_string()]).start();
        let (sender, receivers) = (start(PORT), [PORT + 1, PORT + 2].map(start));
        sender.shoal(&["limit", "--up", "4M"]).expect_code(0);
        let source = sender.home().path().join("image.bin");
        data::random_file(&source, SIZE, 3);
        let intruder = Intruder::at(&host, 900);
        let liar = Arc::new(Liar {
            lie,
            source: source.clone(),
            units: OnceLock::new(),
            lies: AtomicU32::new(0),
            given: AtomicU32::new(0),
        });
        let (answering, taking_part) = (intruder.clone(), liar.clone());
        let listening = tokio::spawn(async move {
            loop {
                let wire = answering.answer().await;
                tokio::spawn(taking_part.clone().take_part(wire));
            }
        });

        let mut args = vec!["send".to_owned(), source.to_str().unwrap().to_owned()];
        for port in [PORT + 1, PORT + 2, intruder.port()] {
            args.extend(["--to".to_owned(), format!("127.0.0.1:{port}")]);
        }
        let begun = Instant::now();
        let _sending = sender.begin(&args.iter().map(String::as_str).collect::<Vec<_>>());
        for receiver in &receivers {
            let arrived = receiver.inbox().join("image.bin");
            while !arrived.exists() {
                assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "{} units, {} lies",
                    liar.given.load(Ordering::Relaxed),
                    liar.lies.load(Ordering::Relaxed)
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(fs::read(&arrived).unwrap() == fs::read(&source).unwrap(), "wrong bytes");
        }
        let (given, lies) = (liar.given.load(Ordering::Relaxed), liar.lies.load(Ordering::Relaxed));
        figure(
            "a liar in a swarm",
            format!("{lie:?}: gave {given} units, {lies} of them wrong; all done after {:.1} s", begun.elapsed().as_secs_f64()),
        );
        assert!(lies > 0, "nobody asked the liar often enough: {given}");
        // Each of the two is told at most one, and what was under way then.
        assert!(lies <= 4, "{lies} lies were taken");
        listening.abort();
    });
}

#[test]
#[ignore = "needs root and ip netns"]
fn who_gives_wrong_bytes_is_found_and_done_without() {
    among_liars(Lie::Bytes);
}

#[test]
#[ignore = "needs root and ip netns"]
fn who_gives_wrong_hashes_is_found_and_done_without() {
    among_liars(Lie::Hash);
}
