//! Hostile peers: everything a peer says is hostile until parsed, and memory, descriptors, tasks and disk are bounded whatever it
//! does. The intruder here bypasses our own sender and receiver; the victim is a real `shoal serve`.

mod consent;
mod content;
mod crowd;
mod liar;
mod names;
mod receiver;
mod refused;
mod screens;

use shoal_proto::{
    Hash,
    message::{Fetch, Frame, FromReceiver, Offer, Request, TransferId},
};
use shoal_tests::{
    figure,
    hostile::{Ended, Intruder, SOON, Stream, Wire, tree},
    lab::{Figures, Host, Net, Peer},
};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::fd::AsRawFd,
    path::Path,
    sync::Arc,
};

/// What a victim may grow by, whatever is done to it, in bytes.
const MAX_GROWTH: u64 = 64 << 20;
/// What it may open and start, whatever is done to it.
const MAX_DESCRIPTORS: usize = 256;
const MAX_THREADS: u64 = 128;
const PORT: u16 = 47_000;

/// A victim and an intruder on one host.
struct Scene {
    victim: Peer,
    intruder: Intruder,
    at: SocketAddr,
    before: Figures,
    host: Host,
}

impl Scene {
    /// Call it within the runtime.
    async fn new(accept: &str) -> Self {
        let net = Net::new();
        let host = net.host("lone");
        let victim = Peer::at(&host).name("victim").accept(accept).args(&["--port", &PORT.to_string(), "--no-mdns"]).start();
        let intruder = Intruder::at(&host, 1);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        // What the first connection costs once, whoever makes it, is none of the intruder's doing.
        intruder.greet(at).await.unwrap().close();
        let before = victim.figures();
        Self { victim, intruder, at, before, host }
    }

    /// The victim lives, answers, and did not grow by more than it may.
    async fn check(&self, what: &str) {
        let greeted = self.intruder.with_key(rand::random()).greet(self.at).await;
        assert!(greeted.is_ok(), "after {what} the victim answers nobody: {greeted:?}");
        check_figures(what, self.before, self.victim.figures());
    }
}

fn check_figures(what: &str, before: Figures, after: Figures) {
    let grown = after.resident_peak.saturating_sub(before.resident);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    figure(
        &format!("victim of {what}"),
        format!(
            "{:+.1} MiB at its peak ({:.1} MiB), {} descriptors, {} threads",
            mib(grown),
            mib(after.resident_peak),
            after.descriptors,
            after.threads
        ),
    );
    assert!(grown <= MAX_GROWTH, "{what}: {:.1} MiB", mib(grown));
    assert!(after.descriptors <= MAX_DESCRIPTORS, "{what}: {after:?}");
    assert!(after.threads <= MAX_THREADS, "{what}: {after:?}");
}

/// Runs a test's own tasks; what it waits for in the lab may block.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = runtime.block_on(test);
    runtime.shutdown_background();
    result
}

fn id(number: u64) -> TransferId {
    let mut bytes = [0xee; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    TransferId(bytes)
}

/// Offers files and hands over their manifest when asked; what the receiver says then is next on the stream.
async fn offer(wire: &Wire, offer: &Offer, encoded: &[u8]) -> Result<Stream, Ended> {
    let mut stream = wire.ask(&Request::Offer(offer.clone())).await?;
    let answer: FromReceiver = stream.hear().await?;
    assert_eq!(answer, FromReceiver::WantManifest);
    stream.raw(encoded).await;
    Ok(stream)
}

/// Offers files to somebody who accepts everything; returns the offer's stream.
async fn accepted(wire: &Wire, transfer: TransferId, entries: &[tree::Raw]) -> Stream {
    let encoded = tree::encode(entries, entries.len() as u64);
    let mut stream = offer(wire, &tree::offer(transfer, entries, &encoded), &encoded).await.unwrap();
    let answer: FromReceiver = stream.hear().await.unwrap();
    assert!(matches!(answer, FromReceiver::Accepted { .. }), "{answer:?}");
    stream
}

/// The next fetch of the victim.
async fn fetch(wire: &Wire) -> Result<(Fetch, Stream), Ended> {
    match wire.request().await? {
        (Request::Fetch(fetch), stream) => Ok((fetch, stream)),
        (other, _) => panic!("{other:?} where a fetch was due"),
    }
}

/// Serves what is fetched honestly, one content for each entry, until the connection is over.
async fn serve(wire: Wire, contents: Vec<Vec<u8>>) {
    while let Ok((request, mut stream)) = wire.request().await {
        let Request::Fetch(fetch) = request else { continue };
        for (entry, piece) in tree::asked(&fetch) {
            let content = &contents[entry as usize];
            match piece {
                Some(piece) => {
                    let (frame, bytes) = tree::block(entry, piece, content);
                    stream.say(&frame).await;
                    stream.raw(&bytes).await;
                }
                None => {
                    stream.say(&Frame::Root { entry: shoal_proto::manifest::EntryIndex(entry), root: Hash::of(content) }).await
                }
            }
        }
        stream.say(&Frame::End).await;
        stream.finish();
    }
}

/// What the receiver says last.
async fn outcome(stream: &mut Stream) -> Result<FromReceiver, Ended> {
    loop {
        let said: FromReceiver = stream.hear_within(SOON * 4).await?;
        if !matches!(said, FromReceiver::Progress(_) | FromReceiver::Accepted { .. } | FromReceiver::Asking) {
            return Ok(said);
        }
    }
}

/// Every file under a folder that is not a partial one, with its content, sorted by path.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![(folder.to_owned(), Arc::new(fs::File::open(folder).unwrap()))];
    while let Some((folder, open)) = folders.pop() {
        // By descriptor: a whole path may be longer than the system takes.
        let here = std::path::PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        for entry in fs::read_dir(&here).unwrap().map(Result::unwrap) {
            let (path, kind) = (folder.join(entry.file_name()), entry.file_type().unwrap());
            if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with(".shoal-") {
                folders.push((path, Arc::new(fs::File::open(entry.path()).unwrap())));
            } else if kind.is_file() {
                all.push((path, fs::read(entry.path()).unwrap()));
            }
        }
    }
    all.sort();
    all
}
