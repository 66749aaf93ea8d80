//! Watches that tell what they hear as events, and what a person would be warned of.
#![allow(clippy::unwrap_used)]

use super::peers_tests::{Peer, SECOND, end, list, pair, the_share};
use crate::{Access, Audience, Event, Events, Rights, Risk, ShareChange, ShareError};
use shoal_proto::share::Watch;

/// The next event about a watch: its number, and the revision or how it ended.
async fn news(events: &mut Events) -> (u64, Result<u64, bool>) {
    let next = async {
        loop {
            match events.next().await.unwrap() {
                Event::FolderChanged { watch, revision } => return (watch, Ok(revision)),
                Event::WatchEnded { watch, gone } => return (watch, Err(gone)),
                _ => {}
            }
        }
    };
    tokio::time::timeout(10 * SECOND, next).await.unwrap()
}

async fn top_watched() -> (Peer, Peer, Watch, Events) {
    let (owner, asker) = pair().await;
    owner.write("file.txt", b"text");
    owner.share(Audience::Everyone).await;
    let watch = Watch { share: the_share(&asker, &owner).await.id, folder: None };
    let events = asker.engine.events();
    (owner, asker, watch, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_each_change_under_the_revision_of_the_pages() {
    let (owner, asker, watch, mut events) = top_watched().await;
    let number = asker.engine.begin_watch(owner.id(), watch.clone()).await.unwrap();
    let (of, first) = news(&mut events).await;
    assert!(of == number && first.is_ok());
    owner.write("new.txt", b"new");
    // The disk's state comes first and the index's follows; the last one told is that of the pages.
    loop {
        let (_, told) = news(&mut events).await;
        let page = asker.engine.list_share(owner.id(), list(watch.share, None)).await.unwrap();
        if told.unwrap() == page.revision && page.total == 2 {
            break;
        }
    }
    asker.engine.stop_watch(number);
    while news(&mut events).await != (number, Err(false)) {}
    end([owner, asker]).await;
}

/// A front end says something else to a person when a folder is not shared any more than when its device is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_ends_tells_a_right_that_is_lost_from_a_device_that_is() {
    let (owner, asker, watch, mut events) = top_watched().await;
    asker.engine.begin_watch(owner.id(), watch.clone()).await.unwrap();
    owner.change(ShareChange { paused: Some(true), ..ShareChange::default() }).await;
    while news(&mut events).await.1 != Err(true) {}
    assert!(asker.engine.begin_watch(owner.id(), watch.clone()).await.is_err(), "nothing is begun that cannot be");
    owner.change(ShareChange { paused: Some(false), ..ShareChange::default() }).await;
    asker.engine.begin_watch(owner.id(), watch).await.unwrap();
    owner.engine.shutdown().await;
    loop {
        match news(&mut events).await.1 {
            Ok(_) => {}
            Err(gone) => break assert!(!gone),
        }
    }
    asker.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_of_too_many_watches_ends() {
    let (owner, asker, watch, mut events) = top_watched().await;
    let inner = &asker.engine.inner;
    let numbers: Vec<_> = (0..64).map(|_| inner.watches.begin()).collect();
    let (_, oldest) = numbers.first().unwrap();
    assert!(!oldest.is_cancelled());
    let number = asker.engine.begin_watch(owner.id(), watch).await.unwrap();
    assert!(oldest.is_cancelled() && numbers.iter().skip(1).all(|(_, token)| !token.is_cancelled()));
    owner.engine.remove_share("things").await.unwrap();
    while news(&mut events).await != (number, Err(true)) {}
    // One that ended by itself leaves its place.
    inner.watches.begin();
    assert!(numbers.iter().skip(1).all(|(_, token)| !token.is_cancelled()));
    end([owner, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn risks_are_told_before_a_folder_is_shared_as_they_are_after() {
    let owner = Peer::start("owner").await;
    let rights = |audience| Rights { audience, access: Access::ReadAndAdd, paused: false };
    let root = owner.place.path().join("root");
    std::fs::create_dir(root.join(".ssh")).unwrap();
    let told = owner.engine.share_risks(root.clone(), rights(Audience::Everyone), true).await.unwrap();
    assert_eq!(told, [Risk::Keys, Risk::StrangersAdd]);
    #[cfg(unix)]
    {
        // Where a link leads is what is shared.
        std::os::unix::fs::symlink(root.join(".ssh"), root.join("plain")).unwrap();
        let told = owner.engine.share_risks(root.join("plain"), rights(Audience::Known), false).await.unwrap();
        assert_eq!(told, [Risk::Keys]);
    }
    for folder in ["data", "root/nothing"] {
        let error = owner.engine.share_risks(owner.place.path().join(folder), rights(Audience::Known), false).await.unwrap_err();
        assert!(matches!(error, ShareError::Folder { .. }), "{error}");
    }
    owner.engine.shutdown().await;
}
