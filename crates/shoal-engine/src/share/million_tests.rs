//! Issue 5's figures between real engines: `--ignored --nocapture long_a_million`, on whatever disk the folder for temporary files is on
//! (`TMPDIR`). Files are sparse.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use super::peers_tests::{Peer, list, search};
use crate::{Audience, NewShare, PeerFound};
use shoal_proto::share::{List, OrderBy, Page, ShareId};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const FOLDERS: u32 = 900;
const IN_FOLDER: u32 = 1000;
const IN_LARGE: u32 = 100_000;

fn make(root: &Path) {
    let fill = |folder: &str, count: u32| {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            let name = match number {
                777 => "needle in a haystack.txt".to_owned(),
                _ => format!("IMG_{:05}.jpg", number * 7 % count),
            };
            std::fs::File::create(folder.join(name)).unwrap().set_len(u64::from(number)).unwrap();
        }
    };
    (0..FOLDERS).for_each(|number| fill(&format!("album {number:03}"), IN_FOLDER));
    fill("large", IN_LARGE);
}

/// The most memory that this process had at once since it was last asked to count anew, in MiB: all engines of the test together.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Somebody who looks into the share.
struct Looker<'a> {
    asker: &'a Peer,
    owner: &'a Peer,
    share: ShareId,
}

impl Looker<'_> {
    async fn page(&self, list: List) -> Page {
        self.asker.engine.list_share(self.owner.id(), List { limit: 200, ..list }).await.unwrap()
    }

    async fn top(&self) {
        assert_eq!(self.page(list(self.share, None)).await.total, FOLDERS + 1);
    }

    async fn deep(&self) {
        self.page(List { offset: 700, ..list(self.share, Some("album 450")) }).await;
    }

    async fn large(&self, offset: u32, by: OrderBy) {
        let mut list = List { offset, ..list(self.share, Some("large")) };
        list.order.by = by;
        assert_eq!(self.page(list).await.items.len(), 200);
    }

    /// Until the first hit.
    async fn find(&self, text: &str) {
        let mut found = self.asker.engine.search_shares(vec![self.owner.id()], &search(text));
        assert!(matches!(found.recv().await.unwrap(), PeerFound::Hits { .. }), "{text}");
    }
}

/// The best and the worst of some, and that the best is within bounds: a machine that does something else at the same moment is not what is
/// measured.
async fn timed<F: Future>(what: &str, bound_ms: Option<u64>, mut work: impl FnMut() -> F) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        work().await;
        times.push(begun.elapsed());
    }
    times.sort();
    let [best, .., worst] = times[..] else { return };
    println!("{what}: {:.1} to {:.1} ms", best.as_secs_f64() * 1000.0, worst.as_secs_f64() * 1000.0);
    assert!(bound_ms.is_none_or(|bound| best < Duration::from_millis(bound)), "{what}: {best:?}");
}

async fn look(when: &str, looker: &Looker<'_>) {
    timed(&format!("{when}: top"), Some(200), || looker.top()).await;
    timed(&format!("{when}: page deep inside"), Some(50), || looker.deep()).await;
    for (by, order) in [(OrderBy::Name, "name"), (OrderBy::Size, "size"), (OrderBy::Modified, "time")] {
        for offset in [0, 50_000, 99_000] {
            timed(&format!("{when}: 100,000 by {order}, page at {offset}"), None, || looker.large(offset, by)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes a million files: minutes"]
async fn long_a_million_files_are_looked_into_by_three_peers_at_once() {
    let owner = Peer::start("owner").await;
    let askers = [Peer::start("a").await, Peer::start("b").await, Peer::start("c").await];
    let root = owner.place.path().join("root");
    let begun = Instant::now();
    make(&root);
    println!("making the files: {:.1} s", begun.elapsed().as_secs_f64());
    let address = owner.engine.addresses().first().unwrap().to_string();
    for asker in &askers {
        asker.engine.find(&address, Duration::from_secs(1)).await.unwrap();
    }
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let begun = Instant::now();
    let new = NewShare {
        path: root,
        name: Some("Things".into()),
        audience: Audience::Everyone,
        may_add: false,
        hidden: false,
        ignored: vec!["*.tmp".into()],
    };
    owner.engine.add_share(new).await.unwrap();
    let [first, ..] = &askers;
    let share = super::peers_tests::the_share(first, &owner).await.id;
    let lookers = askers.each_ref().map(|asker| Looker { asker, owner: &owner, share });
    let [one, two, three] = &lookers;
    println!("shared to listed: {:.1} ms", {
        one.top().await;
        begun.elapsed().as_secs_f64() * 1000.0
    });
    look("before the index", one).await;
    while !owner.engine.own_shares().await.iter().all(|share| share.indexed) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let index = owner.place.path().join("data/shares");
    let size: u64 = std::fs::read_dir(index).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("indexed: {:.1} s, {} MiB, peak memory {} MiB", begun.elapsed().as_secs_f64(), size >> 20, peak_mib());
    look("after", one).await;
    for text in ["needle", "99777", "jpg", "g_0", "97"] {
        timed(&format!("search {text:?}, first hits"), Some(200), || one.find(text)).await;
    }
    timed("three at once: top", Some(200), || async { tokio::join!(one.top(), two.top(), three.top()) }).await;
    timed("three at once: page deep inside", Some(50), || async { tokio::join!(one.deep(), two.deep(), three.deep()) }).await;
    for text in ["needle", "jpg", "97"] {
        let all = || async { tokio::join!(one.find(text), two.find(text), three.find(text)) };
        timed(&format!("three at once: search {text:?}, first hits"), Some(200), all).await;
    }
    assert!(peak_mib() <= 200, "{} MiB", peak_mib());

    owner.engine.shutdown().await;
    let Peer { engine, place } = owner;
    drop(engine);
    let begun = Instant::now();
    let owner = Peer::at(place, "owner").await;
    let rows = owner.engine.own_shares().await;
    let took = begun.elapsed();
    println!("ready after a second start: {:.0} ms", took.as_secs_f64() * 1000.0);
    assert!(rows.iter().all(|row| row.indexed && row.holds.files == u64::from(FOLDERS * IN_FOLDER + IN_LARGE)));
    assert!(took < Duration::from_secs(2), "{took:?}");
    println!("peak memory {} MiB", peak_mib());
    for peer in askers.into_iter().chain([owner]) {
        peer.engine.shutdown().await;
    }
}
