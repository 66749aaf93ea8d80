//! Two engines on loopback: one shares, the other looks in.
#![allow(clippy::unwrap_used)]

use crate::{Audience, Config, Consent, Engine, Limits, NewShare, PeerFound, ShareChange, State, Transfer, Trust};
use shoal_proto::{
    PeerId, RelativePath,
    share::{Holds, ItemKind, List, Matching, Name, Order, Search, Share, ShareId, Text, Watch},
};
use std::{
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// An engine with folders for its data, for what comes, and to share.
pub(super) struct Peer {
    pub(super) engine: Engine,
    pub(super) place: tempfile::TempDir,
}

impl Peer {
    pub(super) async fn start(name: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        for folder in ["data", "inbox", "root"] {
            std::fs::create_dir(place.path().join(folder)).unwrap();
        }
        Self::at(place, name).await
    }

    /// With what is there from before.
    pub(super) async fn at(place: tempfile::TempDir, name: &str) -> Self {
        let mut config = Config::new(place.path().join("data"));
        config.name = Some(name.to_owned());
        config.inbox = Some(place.path().join("inbox"));
        (config.listen, config.port, config.mdns) = (Some(Ipv4Addr::LOCALHOST.into()), Some(0), false);
        config.hash_always = true;
        Self { engine: Engine::start(config).await.unwrap(), place }
    }

    pub(super) fn id(&self) -> PeerId {
        self.engine.id()
    }

    pub(super) fn inbox(&self) -> PathBuf {
        self.place.path().join("inbox")
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.place.path().join("root").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(super) async fn share(&self, audience: Audience) {
        let path = self.place.path().join("root");
        let new = NewShare {
            path,
            name: Some("Things".into()),
            audience,
            may_add: false,
            hidden: false,
            ignored: vec!["*.tmp".into()],
        };
        self.engine.add_share(new).await.unwrap();
    }

    pub(super) async fn change(&self, change: ShareChange) {
        self.engine.change_share("things", change).await.unwrap();
    }

    /// The only transfer there is, once it is as wanted.
    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Transfer) -> bool) -> (Transfer, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(row) = self.engine.transfers(true).await.unwrap().into_iter().next().filter(&is_so) {
                return (row, begun.elapsed());
            }
            assert!(begun.elapsed() < 30 * SECOND, "{what}: {:?}", self.engine.transfers(true).await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Two peers, of which the second has the other's address.
pub(super) async fn pair() -> (Peer, Peer) {
    let (owner, asker) = (Peer::start("owner").await, Peer::start("asker").await);
    let address = owner.engine.addresses().first().unwrap().to_string();
    assert_eq!(asker.engine.find(&address, SECOND).await.unwrap(), owner.id());
    (owner, asker)
}

pub(super) async fn end(peers: [Peer; 2]) {
    for peer in peers {
        peer.engine.shutdown().await;
    }
}

pub(super) fn list(share: ShareId, folder: Option<&str>) -> List {
    let folder = folder.map(|folder| RelativePath::parse(folder).unwrap());
    List { share, folder, order: Order::default(), filter: Text::default(), offset: 0, limit: 100 }
}

pub(super) fn search(text: &str) -> Search {
    Search {
        text: Text::new(text).unwrap(),
        matching: Matching::Anywhere,
        share: None,
        kind: None,
        min_size: None,
        max_size: None,
        since: None,
        until: None,
        limit: 1000,
    }
}

async fn found(asker: &Peer, owner: &Peer, text: &str) -> (Vec<String>, bool) {
    let mut found = asker.engine.search_shares(vec![owner.id()], &search(text));
    let mut paths = Vec::new();
    loop {
        match found.recv().await.unwrap() {
            PeerFound::Hits { share, hits, .. } => {
                paths.extend(hits.iter().map(|hit| format!("{share}/{}", hit.path.as_str())));
            }
            PeerFound::End { complete, .. } => {
                paths.sort();
                return (paths, complete);
            }
        }
    }
}

pub(super) async fn the_share(asker: &Peer, owner: &Peer) -> Share {
    asker.engine.share_of(owner.id(), "things").await.unwrap()
}

pub(super) fn names(list: &[&str]) -> Vec<Name> {
    list.iter().map(|name| Name::parse(name).unwrap()).collect()
}

pub(super) async fn indexed(owner: &Peer, files: u64) {
    let begun = Instant::now();
    while !owner.engine.own_shares().await.iter().all(|share| share.indexed && share.holds.files == files) {
        assert!(begun.elapsed() < 30 * SECOND, "{:?}", owner.engine.own_shares().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_lists_searches_and_fetches_what_is_shared_with_it() {
    let (owner, asker) = pair().await;
    owner.write("album/one.jpg", b"first");
    owner.write("album/sub/two.jpg", &vec![7; 700_000]);
    owner.write("album/left.tmp", b"left out");
    owner.write("notes.txt", b"hello");
    owner.share(Audience::Known).await;
    owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
    let share = the_share(&asker, &owner).await;
    assert!(share.name.as_str() == "Things" && !share.may_add);
    let page = asker.engine.list_share(owner.id(), list(share.id, None)).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["album", "notes.txt"]);
    indexed(&owner, 3).await;
    let page = asker.engine.list_share(owner.id(), list(share.id, None)).await.unwrap();
    assert_eq!(page.items.first().unwrap().kind, ItemKind::Folder(Some(Holds { files: 2, bytes: 700_005 })));
    assert_eq!(
        found(&asker, &owner, "JPG").await,
        (vec!["Things/album/one.jpg".into(), "Things/album/sub/two.jpg".into()], true)
    );
    assert_eq!(found(&asker, &owner, "left").await, (vec![], true));

    let got = asker.engine.fetch(owner.id(), &share, None, names(&["album", "notes.txt"]), Consent::default()).await.unwrap();
    assert!(got.fetched && got.files == 3);
    let (row, _) = asker.until("it is here", |row| row.state.is_over()).await;
    assert_eq!((row.state, row.files_done, row.files_failed), (State::Finished, 3, 0), "{row:?}");
    let read = |name: &str| std::fs::read(asker.inbox().join(name)).unwrap();
    assert!(read("album/one.jpg") == b"first" && read("album/sub/two.jpg") == vec![7; 700_000] && read("notes.txt") == b"hello");
    assert!(!asker.inbox().join("album/left.tmp").exists());

    // What is there already is not sent again.
    let folder = RelativePath::parse("album").unwrap();
    asker.engine.fetch(owner.id(), &share, Some(folder), Vec::new(), Consent::default()).await.unwrap();
    let (row, _) = asker.until("nothing moved", |row| row.files == 2 && row.state.is_over()).await;
    assert_eq!((row.state, row.bytes_moved), (State::Finished, 0), "{row:?}");
    end([owner, asker]).await;
}

/// The index follows another pattern only when everything was read again; here it never is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_from_now_on_is_found_no_more() {
    let (owner, asker) = pair().await;
    for name in ["diary/today.txt", "diary.txt", "notes.txt"] {
        owner.write(name, b"text");
    }
    owner.share(Audience::Known).await;
    owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
    indexed(&owner, 3).await;
    assert_eq!(found(&asker, &owner, "t").await.0.len(), 3);
    owner.engine.inner.table.shutdown();
    owner.change(ShareChange { ignored: Some(vec!["diary*".into()]), ..ShareChange::default() }).await;
    assert_eq!(found(&asker, &owner, "t").await.0, ["Things/notes.txt"]);
    assert_eq!(found(&asker, &owner, "diary").await.0, [""; 0]);
    end([owner, asker]).await;
}

/// Same answer whether a share is for others, paused, removed, or never was; and who is served by a share for everyone stays a stranger.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_is_not_for_a_peer_is_as_one_that_is_not_there() {
    let (owner, asker) = pair().await;
    owner.write("file.txt", b"text");
    owner.share(Audience::Everyone).await;
    let share = the_share(&asker, &owner).await;
    asker.engine.fetch(owner.id(), &share, None, names(&["file.txt"]), Consent::default()).await.unwrap();
    asker.until("it is here", |row| row.state == State::Finished).await;
    let trust = owner.engine.devices().iter().find(|device| device.id == asker.id()).map(|device| device.trust);
    assert_eq!(trust, Some(Trust::Stranger));

    owner.change(ShareChange { audience: Some(Audience::Verified), ..ShareChange::default() }).await;
    assert!(asker.engine.shares_of(owner.id()).await.unwrap().is_empty());
    let never = Share { id: ShareId([1; 16]), ..share.clone() };
    let mut answers = Vec::new();
    for share in [&share, &never] {
        let peer = owner.id();
        let watch = Watch { share: share.id, folder: None };
        answers.push((
            asker.engine.list_share(peer, list(share.id, None)).await.unwrap_err().to_string(),
            asker.engine.list_share(peer, list(share.id, Some("file.txt"))).await.unwrap_err().to_string(),
            asker.engine.watch_share(peer, watch).await.unwrap_err().to_string(),
            asker.engine.fetch(peer, share, None, names(&["file.txt"]), Consent::default()).await.unwrap_err().to_string(),
        ));
        let only = Search { share: Some(share.id), ..search("file") };
        let mut found = asker.engine.search_shares(vec![peer], &only);
        assert!(matches!(found.recv().await, Some(PeerFound::End { complete: false, .. })));
    }
    assert_eq!(answers.first(), answers.last());
    assert_eq!(found(&asker, &owner, "file").await, (vec![], true));
    end([owner, asker]).await;
}

/// Invariant 12, for those who look on: every way to lose a right ends the stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_within_a_second_from_the_loss_of_the_right() {
    let (owner, asker) = pair().await;
    owner.write("file.txt", b"text");
    owner.share(Audience::Known).await;
    for way in ["audience", "pause", "trust", "remove", "block"] {
        owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
        let share = the_share(&asker, &owner).await;
        let mut changes = asker.engine.watch_share(owner.id(), Watch { share: share.id, folder: None }).await.unwrap();
        assert!(changes.recv().await.is_some());
        // A change that takes no right ends nothing.
        owner.change(ShareChange { may_add: Some(way == "pause"), ..ShareChange::default() }).await;
        owner.write(&format!("{way}.txt"), b"new");
        assert!(tokio::time::timeout(SECOND, changes.recv()).await.unwrap().is_some(), "{way}: a change is told within a second");
        let back = match way {
            "audience" => {
                owner.change(ShareChange { audience: Some(Audience::Verified), ..ShareChange::default() }).await;
                ShareChange { audience: Some(Audience::Known), ..ShareChange::default() }
            }
            "pause" => {
                owner.change(ShareChange { paused: Some(true), ..ShareChange::default() }).await;
                ShareChange { paused: Some(false), ..ShareChange::default() }
            }
            "trust" => {
                owner.engine.set_trust(asker.id(), Trust::Stranger).await.unwrap();
                ShareChange::default()
            }
            "remove" => {
                owner.engine.remove_share("things").await.unwrap();
                owner.share(Audience::Known).await;
                ShareChange::default()
            }
            _ => {
                owner.engine.set_trust(asker.id(), Trust::Blocked).await.unwrap();
                ShareChange::default()
            }
        };
        let over = async { while changes.recv().await.is_some() {} };
        assert!(tokio::time::timeout(SECOND, over).await.is_ok(), "{way}");
        owner.change(back).await;
    }
    end([owner, asker]).await;
}

/// Invariant 12, for those who fetch.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_ends_within_a_second_from_the_loss_of_the_right() {
    for way in ["pause", "audience", "remove", "ignore", "block"] {
        let (owner, asker) = pair().await;
        owner.write("large", &vec![1; 40_000_000]);
        owner.share(Audience::Known).await;
        owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
        asker.engine.set_limits(Limits { up: None, down: Some(4_000_000) }).await.unwrap();
        let share = the_share(&asker, &owner).await;
        asker.engine.fetch(owner.id(), &share, None, names(&["large"]), Consent::default()).await.unwrap();
        asker.until("it moves", |row| row.bytes_done > 0).await;
        match way {
            "pause" => owner.change(ShareChange { paused: Some(true), ..ShareChange::default() }).await,
            "audience" => owner.change(ShareChange { audience: Some(Audience::Verified), ..ShareChange::default() }).await,
            "ignore" => owner.change(ShareChange { ignored: Some(vec!["large".into()]), ..ShareChange::default() }).await,
            "remove" => owner.engine.remove_share("things").await.unwrap(),
            _ => owner.engine.set_trust(asker.id(), Trust::Blocked).await.unwrap(),
        }
        let (row, took) = asker.until("it stopped", |row| row.state != State::Active).await;
        assert!(took < SECOND && row.bytes_done < 40_000_000, "{way}: {took:?} {row:?}");
        let moved = row.bytes_moved;
        tokio::time::sleep(SECOND).await;
        assert_eq!(asker.until("still", |_| true).await.0.bytes_moved, moved, "{way}: not a byte more");
        end([owner, asker]).await;
    }
}

/// What changed at the owner is noticed: a file is one version whole, or not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_rewritten_while_it_is_fetched_is_never_a_mix() {
    let (owner, asker) = pair().await;
    owner.write("large", &vec![1; 12_000_000]);
    owner.write("other", b"stays");
    owner.share(Audience::Known).await;
    owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
    asker.engine.set_limits(Limits { up: None, down: Some(4_000_000) }).await.unwrap();
    let share = the_share(&asker, &owner).await;
    asker.engine.fetch(owner.id(), &share, None, names(&["large", "other"]), Consent::default()).await.unwrap();
    asker.until("it moves", |row| row.bytes_done > 1_000_000).await;
    owner.write("large", &vec![2; 12_000_000]);
    let (row, _) = asker.until("it is over", |row| row.state.is_over()).await;
    assert_eq!((row.state, row.files_done, row.files_failed), (State::Finished, 1, 1), "{row:?}");
    assert!(!asker.inbox().join("large").exists() && std::fs::read(asker.inbox().join("other")).unwrap() == b"stays");
    asker.engine.set_limits(Limits::default()).await.unwrap();
    asker.engine.fetch(owner.id(), &share, None, names(&["large"]), Consent::default()).await.unwrap();
    asker.until("the new one is here", |row| row.files == 1 && row.state == State::Finished).await;
    assert!(std::fs::read(asker.inbox().join("large")).unwrap() == vec![2; 12_000_000]);
    end([owner, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_goes_on_after_the_connection_was_lost() {
    let (owner, asker) = pair().await;
    owner.write("large", &vec![3; 12_000_000]);
    owner.share(Audience::Known).await;
    owner.engine.set_trust(asker.id(), Trust::Known).await.unwrap();
    asker.engine.set_limits(Limits { up: None, down: Some(4_000_000) }).await.unwrap();
    let share = the_share(&asker, &owner).await;
    asker.engine.fetch(owner.id(), &share, None, names(&["large"]), Consent::default()).await.unwrap();
    asker.until("it moves", |row| row.bytes_done > 1_000_000).await;
    asker.engine.inner.links.close_peer(owner.id(), shoal_proto::message::CloseCode::Done);
    asker.engine.set_limits(Limits::default()).await.unwrap();
    let (row, _) = asker.until("it is here", |row| row.state == State::Finished).await;
    assert!(row.fetched && std::fs::read(asker.inbox().join("large")).unwrap() == vec![3; 12_000_000]);
    end([owner, asker]).await;
}

/// By whatever path, nothing outside is reached, and the answer says nothing of what is there.
#[tokio::test(flavor = "multi_thread")]
#[cfg(unix)]
async fn no_path_leads_out_of_a_share() {
    use crate::LookError;
    use std::path::Path;

    let (owner, asker) = pair().await;
    let root = owner.place.path().join("root");
    owner.write("inside/file.txt", b"text");
    owner.write(".hidden/secret", b"secret");
    let link = |name: &str, to: &Path| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
    link("out", &owner.place.path().join("data"));
    link("key", &owner.place.path().join("data/key"));
    link("inside/up", Path::new("../.."));
    owner.share(Audience::Everyone).await;
    let share = the_share(&asker, &owner).await;
    let expected = asker.engine.list_share(owner.id(), list(share.id, Some("nothing"))).await.unwrap_err();
    let same =
        |error: LookError, path: &str| assert_eq!(error.to_string().replace(path, "nothing"), expected.to_string(), "{path}");
    for path in
        ["out", "key", "inside/up", "inside/up/data", "out/shares", ".hidden", "inside/file.txt", "inside/file.txt/x", "a.tmp"]
    {
        same(asker.engine.list_share(owner.id(), list(share.id, Some(path))).await.unwrap_err(), path);
        let (folder, name) = path.rsplit_once('/').map_or((None, path), |(folder, name)| (Some(folder), name));
        if path == "inside/file.txt" {
            continue;
        }
        let folder = folder.map(|folder| RelativePath::parse(folder).unwrap());
        let got = asker.engine.fetch(owner.id(), &share, folder, names(&[name]), Consent::default()).await;
        assert!(matches!(got, Err(LookError::NotShared { .. })), "{path}: {got:?}");
    }
    // A folder that becomes a link after it was listed: what is behind it is not read.
    asker.engine.fetch(owner.id(), &share, None, names(&["inside"]), Consent::default()).await.unwrap();
    asker.until("it is here", |row| row.state == State::Finished).await;
    assert!(!asker.inbox().join("inside/up").exists());
    assert_eq!(found(&asker, &owner, "secret").await.0, [""; 0]);
    end([owner, asker]).await;
}
