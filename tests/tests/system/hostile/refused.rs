//! Messages that nobody may send, in every state: each is answered as the protocol says, and the victim is none the worse.

use super::{Scene, id, run};
use shoal_proto::{
    Hash, PieceIndex,
    codec::MAX_MESSAGE,
    manifest::{self, EntryIndex},
    message::{
        CloseCode, Commitment, Content, Decline, Fetch, FetchItem, Frame, FromReceiver, FromSender, Hello, MAX_FETCH_HAVES,
        MAX_FETCH_ITEMS, MAX_TEXT, Measure, Nonce, Offer, Platform, Progress, Request,
    },
};
use shoal_tests::{
    data::Noise,
    figure,
    hostile::{Ended, framed, tree, tree::Raw},
};
use std::time::Duration;

/// What an intruder does on one stream.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<u8>),
    /// Waits for a message; which one does not matter.
    Hear,
    Finish,
    Reset,
}

use Step::{Finish, Hear, Reset, Write};

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Is(Ended),
    Declined,
    /// The connection goes on, whatever became of the stream.
    LivesOn,
}

const VIOLATION: Outcome = Outcome::Is(Ended::Closed(CloseCode::Violation));
const NOT_HERE: Outcome = Outcome::Is(Ended::Reset(CloseCode::UnknownTransfer));

fn hello(name: &str) -> Vec<u8> {
    framed(&Request::Hello(Hello { name: name.to_owned(), platform: Platform::Linux, version: String::new() }))
}

fn text(text: &str) -> Vec<u8> {
    framed(&Request::Offer(Offer { transfer: id(7), name: "text".to_owned(), content: Content::Text(text.to_owned()) }))
}

fn fetch(items: Vec<FetchItem>) -> Vec<u8> {
    framed(&Request::Fetch(Fetch { transfer: id(8), items }))
}

/// A length, and bytes that need not have it.
fn lie(len: u32, bytes: &[u8]) -> Vec<u8> {
    [&len.to_le_bytes(), bytes].concat()
}

/// A postcard varint of 2⁶³.
const HUGE: [u8; 10] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];

fn messages() -> Vec<(&'static str, Vec<Step>, Outcome)> {
    let huge_within = |kind: u8| [&[kind][..], &[0xee; 16], &HUGE].concat();
    let framed_raw = |bytes: Vec<u8>| lie(bytes.len() as u32, &bytes);
    let pieces = FetchItem::Pieces {
        entry: EntryIndex(0),
        first: PieceIndex(0),
        count: 1,
        have: vec![Hash::of(b""); MAX_FETCH_HAVES + 1],
    };
    let verify = framed(&Request::Verify(Commitment([9; 32])));
    let news = |message: &FromReceiver| vec![Write(text("hi")), Hear, Write(framed(message))];
    vec![
        ("hello a second time", vec![Write(hello("again")), Finish, Hear], Outcome::LivesOn),
        ("hello with a name too long", vec![Write(hello(&"x".repeat(65)))], VIOLATION),
        ("a length of -1", vec![Write(lie(u32::MAX, b"abc"))], VIOLATION),
        ("a length of the limit and one", vec![Write(lie(MAX_MESSAGE as u32 + 1, b""))], VIOLATION),
        ("a length of 2^31", vec![Write(lie(1 << 31, &[0; 1000]))], VIOLATION),
        ("an empty message", vec![Write(lie(0, b""))], VIOLATION),
        ("a number of 2^63 as a length, hello", vec![Write(framed_raw([&[0][..], &HUGE].concat()))], VIOLATION),
        ("a number of 2^63 as a length, offer", vec![Write(framed_raw(huge_within(1)))], VIOLATION),
        ("a number of 2^63 as a length, fetch", vec![Write(framed_raw(huge_within(2)))], VIOLATION),
        ("a message cut short", vec![Write(lie(100, &[1; 10])), Finish], VIOLATION),
        ("a length cut short", vec![Write(vec![1, 0]), Finish], VIOLATION),
        ("a message broken off", vec![Write(lie(100, &[1; 10])), Reset], Outcome::LivesOn),
        ("a stream without a request", vec![Finish], Outcome::LivesOn),
        (
            "bytes after the message in its frame",
            vec![Write(framed_raw([&framed(&Request::Again(id(1)))[4..], b"x"].concat()))],
            VIOLATION,
        ),
        (
            "a request of a later version",
            vec![Write(framed_raw(vec![200, 1, 2, 3]))],
            Outcome::Is(Ended::Reset(CloseCode::Unsupported)),
        ),
        ("a fetch without an offer", vec![Write(fetch(Vec::new())), Finish], NOT_HERE),
        (
            "a fetch of everything without an offer",
            vec![Write(fetch(vec![FetchItem::Files { first: EntryIndex(0), count: u32::MAX }; MAX_FETCH_ITEMS]))],
            NOT_HERE,
        ),
        (
            "a fetch of too many items",
            vec![Write(fetch(vec![FetchItem::Root { entry: EntryIndex(0) }; MAX_FETCH_ITEMS + 1]))],
            VIOLATION,
        ),
        ("a fetch with too many hashes", vec![Write(fetch(vec![pieces]))], VIOLATION),
        ("again for what is not here", vec![Write(framed(&Request::Again(id(9)))), Finish], NOT_HERE),
        ("a retry of what is not here", vec![Write(framed(&Request::Retry(id(9)))), Finish], NOT_HERE),
        (
            "a measurement for a stranger, filler to it",
            vec![Write(framed(&Request::Measure(Measure::FromAnswerer(u32::MAX))))],
            Outcome::Is(Ended::Reset(CloseCode::Refused)),
        ),
        (
            "a measurement for a stranger, filler from it",
            vec![Write(framed(&Request::Measure(Measure::FromOpener))), Write(vec![0; 100_000])],
            Outcome::Is(Ended::Reset(CloseCode::Refused)),
        ),
        ("a nonce that does not fit", vec![Write(verify.clone()), Hear, Write(framed(&Nonce([1; 32])))], VIOLATION),
        ("a comparison cut short", vec![Write(verify.clone()), Hear, Write(lie(32, &[1; 5])), Finish], VIOLATION),
        ("a comparison with a message of -1", vec![Write(verify), Hear, Write(lie(u32::MAX, b""))], VIOLATION),
        ("the receiver's words from the sender: accepted", news(&FromReceiver::Accepted { files: 1, bytes: 1 }), VIOLATION),
        ("the receiver's words from the sender: progress", news(&FromReceiver::Progress(Progress::default())), VIOLATION),
        ("the receiver's words from the sender: finished", news(&FromReceiver::Finished(Progress::default())), VIOLATION),
        (
            "a frame where news are due",
            vec![Write(text("hi")), Hear, Write(framed(&Frame::Root { entry: EntryIndex(0), root: Hash::of(b"") }))],
            VIOLATION,
        ),
        ("news of -1 bytes", vec![Write(text("hi")), Hear, Write(lie(u32::MAX, b""))], VIOLATION),
        ("news that are too long", vec![Write(text("hi")), Hear, Write(lie(100_000, &[0; 1000]))], VIOLATION),
        (
            "words after the last word",
            vec![Write(text("hi")), Hear, Write(framed(&FromSender::Cancelled)), Write(vec![0xff; 100]), Finish],
            Outcome::LivesOn,
        ),
        ("an offer that is left", vec![Write(text("hi")), Hear, Finish], Outcome::LivesOn),
        ("an offer that is broken off", vec![Write(text("hi")), Hear, Reset], Outcome::LivesOn),
        ("a text that is too long", vec![Write(text(&"x".repeat(MAX_TEXT + 1)))], VIOLATION),
    ]
}

/// Manifests, each with the offer that it comes with.
fn manifests() -> Vec<(&'static str, Offer, Vec<u8>, Outcome)> {
    let mut all = Vec::new();
    let mut add = |what, entries: &[Raw], count: u64, outcome, change: &dyn Fn(&mut Vec<u8>, &mut Offer)| {
        let mut encoded = tree::encode(entries, count);
        let mut offer = tree::offer(id(all.len() as u64), entries, &encoded);
        change(&mut encoded, &mut offer);
        all.push((what, offer, encoded, outcome));
    };
    fn len(offer: &mut Offer, new: u32) {
        if let Content::Files { manifest_len, .. } = &mut offer.content {
            *manifest_len = new;
        }
    }
    let one = [Raw::file("a", 1)];
    let same = |_: &mut Vec<u8>, _: &mut Offer| {};
    add("a billion entries", &[], 1_000_000_000, VIOLATION, &same);
    add("2^63 entries", &[], 1 << 63, VIOLATION, &same);
    add("more entries than there are", &one, 4_000_000, VIOLATION, &same);
    add("fewer entries than there are", &[Raw::file("a", 1), Raw::file("b", 1)], 1, VIOLATION, &same);
    add("no entries", &[], 0, VIOLATION, &same);
    add("entries out of order", &[Raw::file("b", 1), Raw::file("a", 1)], 2, VIOLATION, &same);
    add("an entry twice", &[Raw::file("a", 1), Raw::file("a", 1)], 2, VIOLATION, &same);
    add("a folder twice", &[Raw::folder("a"), Raw::folder("a")], 2, VIOLATION, &same);
    add("a folder that is missing", &[Raw::file("a/b", 1)], 1, VIOLATION, &same);
    add("a file as a folder", &[Raw::file("a", 1), Raw::file("a/b", 1)], 2, VIOLATION, &same);
    add("a file of 2^63 bytes", &[Raw::file("a", 1 << 63)], 1, VIOLATION, &same);
    add(
        "sizes that overflow",
        &(0..20_000).map(|i| Raw::file(&format!("{i:05}"), 1 << 50)).collect::<Vec<_>>(),
        20_000,
        VIOLATION,
        &same,
    );
    add("another hash", &one, 1, VIOLATION, &|_, offer| {
        if let Content::Files { manifest, .. } = &mut offer.content {
            *manifest = Hash::of(b"another");
        }
    });
    add("another number of files", &one, 1, VIOLATION, &|_, offer| {
        if let Content::Files { files, .. } = &mut offer.content {
            *files = 2;
        }
    });
    add("another number of bytes", &one, 1, VIOLATION, &|_, offer| {
        if let Content::Files { bytes, .. } = &mut offer.content {
            *bytes = 0;
        }
    });
    add("a later version", &one, 1, VIOLATION, &|encoded, offer| {
        encoded[0] = 9;
        if let Content::Files { manifest, .. } = &mut offer.content {
            *manifest = Hash::of(encoded);
        }
    });
    add("a list cut short", &one, 1, VIOLATION, &|encoded, offer| {
        len(offer, encoded.len() as u32);
        encoded.truncate(4);
    });
    add("a list of no bytes", &one, 1, VIOLATION, &|encoded, offer| {
        len(offer, 0);
        encoded.clear();
    });
    add("a list that goes on", &one, 1, VIOLATION, &|encoded, _| encoded.extend_from_slice(&[0xff; 64]));
    add("a list longer than any may be", &one, 1, Outcome::Declined, &|_, offer| len(offer, manifest::MAX_ENCODED as u32 + 1));
    add("a list of -1 bytes", &one, 1, Outcome::Declined, &|_, offer| len(offer, u32::MAX));
    add("a list longer than a stranger's may be", &one, 1, Outcome::Declined, &|_, offer| {
        len(offer, manifest::MAX_ENCODED as u32)
    });
    all
}

#[test]
#[ignore = "needs root and ip netns"]
fn messages_that_nobody_may_send_are_refused() {
    run(async {
        let scene = Scene::new("ask").await;
        // These two take their time; they wait while the others are at it.
        let wire = scene.intruder.with_key(90).greet(scene.at).await.unwrap();
        let left = tokio::spawn(async move { wire.open().await.unwrap().half_open_within(Duration::from_secs(25)).await });
        let wire = scene.intruder.with_key(91).greet(scene.at).await.unwrap();
        let drip = tokio::spawn(async move {
            let entries: Vec<Raw> = (0..1000).map(|i| Raw::file(&format!("{i:04}"), 1)).collect();
            let encoded = tree::encode(&entries, 1000);
            let mut stream = super::offer(&wire, &tree::offer(id(91), &entries, &encoded), &[]).await.unwrap();
            for byte in encoded.chunks(1) {
                stream.raw(byte).await;
                if !wire.is_open() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            stream.ended_within(Duration::from_secs(1)).await
        });

        let no_hello = scene.intruder.with_key(92).dial(scene.at).await.unwrap();
        let mut stream = no_hello.ask(&Request::Again(id(1))).await.unwrap();
        assert_eq!(stream.ended_within(super::SOON).await, Ended::Closed(CloseCode::Violation), "no hello");

        let (mut closed, mut all) = (0, 0);
        for (what, steps, expected) in messages() {
            let wire = scene.intruder.with_key(100 + all).greet(scene.at).await.unwrap();
            let mut stream = wire.open().await.unwrap();
            take(&mut stream, &steps).await;
            let wait = if expected == Outcome::LivesOn { Duration::from_millis(50) } else { super::SOON };
            let ended = stream.ended_within(wait).await;
            match expected {
                Outcome::LivesOn => assert!(wire.is_open(), "{what}: {ended:?}"),
                _ => assert_eq!(Outcome::Is(ended), expected, "{what}"),
            }
            closed += u32::from(!wire.is_open());
            all += 1;
            wire.close();
        }
        for (what, offer, encoded, expected) in manifests() {
            let wire = scene.intruder.with_key(100 + all).greet(scene.at).await.unwrap();
            let mut stream = wire.ask(&Request::Offer(offer)).await.unwrap();
            let answer = stream.hear().await;
            if expected == Outcome::Declined {
                assert_eq!(answer, Ok(FromReceiver::Declined(Decline::NotAllowed)), "{what}");
            } else {
                // A list of no bytes may be refused before it was asked for.
                let refused = matches!(answer, Err(Ended::Closed(_) | Ended::Reset(_)));
                assert!(refused || answer == Ok(FromReceiver::WantManifest), "{what}: {answer:?}");
                stream.raw(&encoded).await;
                stream.finish();
                assert_eq!(Outcome::Is(stream.ended_within(super::SOON).await), expected, "{what}");
            }
            closed += u32::from(!wire.is_open());
            all += 1;
            wire.close();
        }
        assert_eq!(left.await.unwrap(), Ended::Reset(CloseCode::Violation), "a stream that is opened and left");
        assert_eq!(drip.await.unwrap(), Ended::Closed(CloseCode::Violation), "a list that drips");
        figure("messages that nobody may send", format!("{} refused or ignored, {closed} of them with a close", all + 3));
        let offers = scene.victim.shoal(&["offers"]).expect_code(0).lines;
        assert_eq!(offers, Vec::<serde_json::Value>::new(), "an offer stayed");
        scene.check("messages that nobody may send").await;
    });
}

#[test]
#[ignore = "needs root and ip netns"]
fn messages_in_any_order_do_no_harm() {
    const SEEDS: u64 = 400;
    run(async {
        let scene = Scene::new("all").await;
        let mut tasks = tokio::task::JoinSet::new();
        let mut ends = std::collections::BTreeMap::<String, u32>::new();
        for seed in 0..SEEDS {
            let (intruder, at) = (scene.intruder.with_key(1000 + seed), scene.at);
            tasks.spawn(async move { anything(intruder, at, seed).await });
            if tasks.len() >= 12 {
                *ends.entry(format!("{:?}", tasks.join_next().await.unwrap().unwrap())).or_default() += 1;
            }
        }
        while let Some(end) = tasks.join_next().await {
            *ends.entry(format!("{:?}", end.unwrap())).or_default() += 1;
        }
        figure("random sequences of messages", format!("{SEEDS} seeds: {ends:?}"));
        assert!(!ends.contains_key("Broken"), "{ends:?}");
        scene.check("random sequences of messages").await;
        assert_eq!(super::files(&scene.victim.inbox()), Vec::new(), "nothing was served, so nothing may be there");
    });
}

/// Up to twenty streams of random steps, some left open, some cut.
async fn anything(intruder: shoal_tests::hostile::Intruder, at: std::net::SocketAddr, seed: u64) -> Ended {
    let mut noise = Noise::new(seed);
    let Ok(wire) = intruder.greet(at).await else { return Ended::Silent };
    let pool: Vec<Vec<Step>> = messages().into_iter().map(|(_, steps, _)| steps).collect();
    let lists = manifests();
    let mut left = Vec::new();
    for _ in 0..noise.below(20) + 1 {
        let opened = tokio::time::timeout(Duration::from_millis(200), wire.open()).await;
        let Ok(Ok(mut stream)) = opened else { break };
        let mut steps = pool[noise.below(pool.len() as u64) as usize].clone();
        if noise.below(3) == 0 {
            let (_, offer, encoded, _) = &lists[noise.below(lists.len() as u64) as usize];
            steps = vec![Write(framed(&Request::Offer(offer.clone()))), Write(encoded.clone())];
        }
        if noise.below(3) == 0 {
            // Another's continuation.
            steps.extend(pool[noise.below(pool.len() as u64) as usize].clone());
        }
        if let Some(Write(bytes)) = steps.first_mut()
            && noise.below(3) == 0
            && !bytes.is_empty()
        {
            let at = noise.below(bytes.len() as u64) as usize;
            bytes[at] ^= noise.number() as u8;
        }
        steps.retain(|step| !matches!(step, Hear));
        take(&mut stream, &steps).await;
        left.push(stream);
    }
    let ended = wire.closed_within(Duration::from_millis(100)).await;
    wire.close();
    ended
}

async fn take(stream: &mut shoal_tests::hostile::Stream, steps: &[Step]) {
    for step in steps {
        match step {
            Write(bytes) => stream.raw(bytes).await,
            Hear => stream.skip_message().await,
            Finish => stream.finish(),
            Reset => stream.reset(0),
        }
    }
}
