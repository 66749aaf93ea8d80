//! How long a refusal takes tells nothing about what is there.
#![allow(clippy::unwrap_used)]

use super::peers_tests::{Peer, end, list, names, pair, the_share};
use crate::{Audience, NewShare, Trust};
use shoal_proto::{
    RelativePath,
    message::{CloseCode, Content, Offer, Request, TransferId},
    share::{Add, Few, Get, Place, ShareId, Watch},
};
use std::time::{Duration, Instant};

/// Requests of each kind.
const EACH: usize = 300;

/// How often one has to take longer than another, at least and at most, to be as long. Of 300 alike pairs 0.5 are, give or take 0.02; a look
/// at the disk more, some 30 of 90 µs, makes it 0.9.
const ALIKE: std::ops::Range<f64> = 0.4..0.6;

/// A machine that does something else can make one kind look longer, but not again and again.
const TRIES: usize = 4;

/// How long it takes until a request is refused.
async fn refusal(asker: &Peer, owner: &Peer, request: &Request) -> Duration {
    let connection = asker.engine.inner.links.get(owner.id()).await.unwrap();
    let begun = Instant::now();
    let (_send, mut recv) = connection.open_request(request).await.unwrap();
    let code = recv.done().await.unwrap_err().close_code();
    let took = begun.elapsed();
    assert_eq!(code, Some(CloseCode::NotShared), "{request:?}");
    took
}

/// How often a duration of the one kind is longer than one of the other.
fn longer(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| one.cmp(other)));
    let won: f64 = pairs.map(|order| f64::from(order as i8 + 1) / 2.0).sum();
    won / (one.len() * other.len()) as f64
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap()
}

/// Asks for all of these, mixed, and holds each against the first.
async fn assert_alike(asker: &Peer, owner: &Peer, what: &str, kinds: &[(&str, Request)]) {
    for attempt in 1..=TRIES {
        let mut times = vec![Vec::with_capacity(EACH); kinds.len()];
        for _ in 0..EACH {
            // In no order: QUIC acknowledges every second packet at once, so in turn every second request would be the slower one.
            let mut turn: Vec<_> = kinds.iter().zip(&mut times).map(|kind| (rand::random::<u32>(), kind)).collect();
            turn.sort_by_key(|(random, _)| *random);
            for (_, ((_, request), times)) in turn {
                times.push(refusal(asker, owner, request).await);
            }
        }
        let first = times.first().unwrap();
        let rows = kinds.iter().zip(&times).map(|((kind, _), times)| (*kind, median(times), longer(times, first)));
        let rows: Vec<_> = rows.collect();
        println!("{what}: {rows:?}");
        if rows.iter().all(|(_, _, longer)| ALIKE.contains(longer)) {
            return;
        }
        assert!(attempt < TRIES, "{what}: {rows:?}");
    }
}

fn path(text: &str) -> Option<RelativePath> {
    (!text.is_empty()).then(|| RelativePath::parse(text).unwrap())
}

/// The kinds of request that name a share and a folder in it.
fn requests(share: ShareId, folder: &str) -> [(&'static str, Request); 4] {
    let transfer = TransferId([0xaa; 16]);
    let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
    let wanted = if name.is_empty() { Few::default() } else { Few::try_from(names(&[name])).unwrap() };
    let offer = Offer { transfer, name: String::new(), content: Content::Text(String::new()) };
    [
        ("list", Request::List(list(share, (!folder.is_empty()).then_some(folder)))),
        ("watch", Request::Watch(Watch { share, folder: path(folder) })),
        ("get", Request::Get(Get { transfer, share, folder: path(above), names: wanted })),
        ("add", Request::Add(Add { place: Place { share, folder: path(folder) }, offer })),
    ]
}

async fn scene() -> (Peer, Peer, ShareId) {
    let (owner, asker) = pair().await;
    for file in ["seen/file.txt", "seen/left.tmp", "seen/.hidden/file", ".hidden/file", "left.tmp/file", "file.txt"] {
        owner.write(file, b"text");
    }
    let new = NewShare {
        path: owner.place.path().join("root"),
        name: Some("Things".into()),
        audience: Audience::Known,
        may_add: true,
        hidden: false,
        ignored: vec!["*.tmp".into()],
    };
    owner.engine.add_share(new).await.unwrap();
    owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
    let share = the_share(&asker, &owner).await.id;
    super::peers_tests::indexed(&owner, 2).await;
    (owner, asker, share)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_for_others_is_refused_as_fast_as_one_that_is_not_there() {
    let (owner, asker, share) = scene().await;
    owner.engine.set_trust(asker.id(), Trust::Stranger).await.unwrap();
    let never = ShareId([1; 16]);
    for folder in ["", "seen/file.txt"] {
        for ((what, one), (_, other)) in requests(share, folder).into_iter().zip(requests(never, folder)) {
            assert_alike(&asker, &owner, &format!("{what} {folder:?}"), &[("no share", other), ("for others", one)]).await;
        }
    }
    end([owner, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_refused_as_fast_as_what_is_not_there() {
    let (owner, asker, share) = scene().await;
    for above in ["", "seen/"] {
        let of = |name: &str| requests(share, &format!("{above}{name}"));
        let kinds = of("missing").into_iter().zip(of(".hidden")).zip(of(".missing")).zip(of("left.tmp")).zip(of("gone.tmp"));
        for (((((what, missing), (_, hidden)), (_, no_hidden)), (_, left)), (_, no_left)) in kinds {
            let kinds = [
                ("missing", missing),
                ("hidden", hidden),
                ("hidden, missing", no_hidden),
                ("ignored", left),
                ("ignored, missing", no_left),
            ];
            assert_alike(&asker, &owner, &format!("{what} in {above:?}"), &kinds).await;
        }
    }
    end([owner, asker]).await;
}
