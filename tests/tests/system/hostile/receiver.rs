//! A hostile receiver: what it asks for before or beside its consent is not read, what it does not read is not heaped up, and what
//! it says of itself is taken for no more than can be.

use super::{check_figures, run};
use shoal_proto::{
    Hash, PieceIndex,
    manifest::EntryIndex,
    message::{
        CloseCode, Fetch, FetchItem, Frame, FromReceiver, MAX_FETCH_HAVES, MAX_FETCH_ITEMS, Obstacle, Offer, Progress, Request,
        TransferId,
    },
};
use shoal_tests::{
    data, figure,
    hostile::{Ended, Intruder, Stream, Wire},
    lab::{Host, Net, Peer, Process},
};
use std::time::Duration;

/// A sender, and an intruder to whom it sends.
struct Sending {
    sender: Peer,
    intruder: Intruder,
    _host: Host,
}

impl Sending {
    fn new() -> Self {
        let net = Net::new();
        let host = net.host("lone");
        let sender = Peer::at(&host).args(&["--no-mdns"]).start();
        let folder = sender.home().path().join("folder");
        data::many_files(&folder, 3000, 100, 30, 1);
        data::random_file(&folder.join("large"), 200 << 20, 2);
        let intruder = Intruder::at(&host, 50);
        Self { sender, intruder, _host: host }
    }

    /// Sends the folder; returns what the intruder sees of it.
    async fn send(&self) -> (Process, Wire, Offer, Stream) {
        let folder = self.sender.home().path().join("folder");
        let process =
            self.sender.begin(&["send", folder.to_str().unwrap(), "--to", &format!("127.0.0.1:{}", self.intruder.port())]);
        let (wire, offer, stream) = self.offered().await;
        (process, wire, offer, stream)
    }

    async fn offered(&self) -> (Wire, Offer, Stream) {
        loop {
            let wire = tokio::time::timeout(super::SOON, self.intruder.answer()).await.unwrap();
            if let Ok((Request::Offer(offer), stream)) = wire.request().await {
                return (wire, offer, stream);
            }
        }
    }
}

fn accept() -> FromReceiver {
    FromReceiver::Accepted { files: 3001, bytes: (200 << 20) + 300_000 }
}

fn fetch(transfer: TransferId, items: Vec<FetchItem>) -> Request {
    Request::Fetch(Fetch { transfer, items })
}

fn pieces(first: u32, count: u32) -> FetchItem {
    // "folder/large" comes after the folders and files 000 to 029; its place is found by asking for pieces that only it has.
    FetchItem::Pieces { entry: EntryIndex(first), first: PieceIndex(0), count, have: Vec::new() }
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_receiver_gets_nothing_before_consent_and_no_more_than_there_is() {
    run(async {
        let sending = Sending::new();
        let (_process, mut wire, offer, mut stream) = sending.send().await;
        let before = sending.sender.figures();
        let everything = vec![FetchItem::Files { first: EntryIndex(0), count: u32::MAX }];

        let mut early = wire.ask(&fetch(offer.transfer, everything.clone())).await.unwrap();
        assert_eq!(early.ended_within(super::SOON).await, Ended::Reset(CloseCode::UnknownTransfer), "a fetch before consent");
        stream.say(&accept()).await;
        let elsewhere = sending.intruder.clone();
        let known =
            sending.sender.wait_for("consent", super::SOON, |line| line["event"] == "transfer" && line["state"] == "active");
        assert_eq!(known["peers"], serde_json::json!([elsewhere.id().to_string()]));

        let mut other = wire.ask(&fetch(TransferId([1; 16]), everything.clone())).await.unwrap();
        assert_eq!(other.ended_within(super::SOON).await, Ended::Reset(CloseCode::UnknownTransfer), "another transfer's id");

        // Out of every range: answered with nothing but the end.
        let beyond = vec![
            FetchItem::Files { first: EntryIndex(u32::MAX), count: u32::MAX },
            FetchItem::Root { entry: EntryIndex(u32::MAX) },
            FetchItem::Pieces { entry: EntryIndex(0), first: PieceIndex(u32::MAX), count: u32::MAX, have: Vec::new() },
            FetchItem::Pieces { entry: EntryIndex(9_999_999), first: PieceIndex(0), count: u32::MAX, have: vec![Hash::of(b"x")] },
        ];
        let mut nothing = wire.ask(&fetch(offer.transfer, beyond)).await.unwrap();
        assert_eq!(nothing.hear().await, Ok(Frame::End), "a fetch of what there is not");

        // Folders, over and over: nothing to send, much to look at. It must neither hang nor keep others waiting.
        let empty = vec![
            FetchItem::Pieces { entry: EntryIndex(0), first: PieceIndex(0), count: u32::MAX, have: Vec::new() };
            MAX_FETCH_ITEMS
        ];
        let mut idle = wire.ask(&fetch(offer.transfer, empty)).await.unwrap();
        assert_eq!(idle.hear().await, Ok(Frame::End), "a fetch of folders");

        for (what, items) in [
            ("too many items", vec![FetchItem::Root { entry: EntryIndex(0) }; MAX_FETCH_ITEMS + 1]),
            (
                "too many hashes",
                vec![FetchItem::Pieces {
                    entry: EntryIndex(0),
                    first: PieceIndex(0),
                    count: 1,
                    have: vec![Hash::of(b""); MAX_FETCH_HAVES + 1],
                }],
            ),
        ] {
            let mut stream = wire.ask(&fetch(offer.transfer, items)).await.unwrap();
            assert_eq!(stream.ended_within(super::SOON).await, Ended::Closed(CloseCode::Violation), "{what}");
            // The sender comes back and offers again, as after any loss.
            (wire, _, stream) = sending.offered().await;
            stream.say(&accept()).await;
        }
        check_figures("a receiver that asks too early or too much", before, sending.sender.figures());
    });
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_receiver_that_never_reads_costs_little() {
    run(async {
        let sending = Sending::new();
        let (_process, wire, offer, mut stream) = sending.send().await;
        stream.say(&accept()).await;
        let before = sending.sender.figures();
        // Every entry, so that the large file is among them whatever its number; as many streams as there may be, none read.
        let mut open = Vec::new();
        let (mut refused, mut waiting) = (0, 0);
        for _ in 0..1000 {
            let items = (0..MAX_FETCH_ITEMS as u32).map(|entry| pieces(3031 - entry, u32::MAX)).collect();
            match tokio::time::timeout(Duration::from_millis(300), wire.ask(&fetch(offer.transfer, items))).await {
                Ok(Ok(mut stream)) => {
                    match tokio::time::timeout(Duration::from_millis(5), stream.ended_within(super::SOON)).await {
                        Ok(Ended::Reset(CloseCode::TooMany)) => refused += 1,
                        _ => open.push(stream),
                    }
                }
                _ => {
                    waiting += 1;
                    if waiting > 3 {
                        break;
                    }
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        figure("fetches that are never read", format!("{} open, {refused} refused", open.len()));
        check_figures("a receiver that never reads", before, sending.sender.figures());
    });
}

#[test]
#[ignore = "needs root and ip netns"]
fn what_a_receiver_says_of_itself_is_believed_only_as_far_as_can_be() {
    run(async {
        let sending = Sending::new();
        let absurd = Progress { files_done: u32::MAX, files_failed: u32::MAX, bytes_done: u64::MAX, bytes_moved: u64::MAX };
        let (process, wire, _, mut stream) = sending.send().await;
        let before = sending.sender.figures();
        stream.say(&FromReceiver::Accepted { files: u32::MAX, bytes: u64::MAX }).await;
        assert_eq!(wire.closed_within(super::SOON).await, Ended::Closed(CloseCode::Violation), "more accepted than offered");
        drop(process);

        let (process, wire, _, mut stream) = sending.send().await;
        stream.say(&FromReceiver::WantManifest).await;
        stream.say(&FromReceiver::WantManifest).await;
        assert_eq!(wire.closed_within(super::SOON).await, Ended::Closed(CloseCode::Violation), "the list twice");
        drop(process);

        let (process, _wire, _, mut stream) = sending.send().await;
        stream.say(&accept()).await;
        for _ in 0..20_000 {
            stream.say(&FromReceiver::Progress(absurd)).await;
            stream.say(&FromReceiver::Paused(true)).await;
            stream.say(&FromReceiver::Stuck(Obstacle::NoSpace)).await;
            stream.say(&FromReceiver::Paused(false)).await;
        }
        let shown = process.wait_for("progress", super::SOON, |line| line["event"] == "progress");
        assert!(shown["bytes_done"].as_u64() <= shown["bytes"].as_u64(), "{shown}");
        drop((process, stream));

        // Finished at once, with nothing fetched: its own word for it, but not more files than there are.
        let (process, _wire, _, mut stream) = sending.send().await;
        stream.say(&FromReceiver::Finished(absurd)).await;
        let end = process.wait_for("an end", super::SOON, |line| line["event"] == "finished");
        assert!(end["files"].as_u64() <= Some(3001) && end["bytes_moved"].as_u64() < Some(u64::MAX), "{end}");
        check_figures("a receiver that boasts", before, sending.sender.figures());
    });
}
