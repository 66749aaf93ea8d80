//! Two engines on loopback: one shares a folder to which the other adds.
#![allow(clippy::unwrap_used)]

use super::peers_tests::{Peer, SECOND, end, names, pair, the_share};
use crate::{
    Audience, Consent, Limits, LookError, NewShare, ShareChange, State, Transfer, Trust, store::database::Database,
    transfer::transfers::new_id,
};
use shoal_proto::{
    RelativePath, message,
    share::{Add, Place, Share, ShareId},
};
use std::{path::PathBuf, time::Duration};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A pair of which the first shares `root` as a drop box, and the second knows it.
async fn drop_box(audience: Audience) -> (Peer, Peer, Share) {
    let (owner, adder) = pair().await;
    owner.write("sub/there.txt", b"there");
    let new = NewShare {
        path: owner.place.path().join("root"),
        name: Some("Things".into()),
        audience,
        may_add: true,
        hidden: false,
        ignored: vec!["*.tmp".into()],
    };
    owner.engine.add_share(new).await.unwrap();
    owner.engine.set_trust(adder.id(), Trust::Known).await.unwrap();
    let share = the_share(&adder, &owner).await;
    assert!(share.may_add);
    (owner, adder, share)
}

impl Peer {
    fn own(&self, name: &str) -> PathBuf {
        self.place.path().join("root").join(name)
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.own(name)).ok()
    }

    /// Adds what is written in the own root, and waits for the end at both sides.
    async fn adds(&self, owner: &Self, share: &Share, folder: Option<&str>, names: &[&str]) -> (Transfer, Option<Transfer>) {
        let id = self.begins_to_add(owner, share, folder, names).await;
        let mine = self.ended(id).await;
        let theirs = owner.engine.transfers(true).await.unwrap().into_iter().find(|row| row.id == id);
        (mine, if theirs.is_some() { Some(owner.ended(id).await) } else { None })
    }

    async fn begins_to_add(&self, owner: &Self, share: &Share, folder: Option<&str>, names: &[&str]) -> message::TransferId {
        let folder = folder.map(|folder| RelativePath::parse(folder).unwrap());
        let paths = names.iter().map(|name| self.own(name)).collect();
        self.engine.add_to(owner.id(), share, folder, paths).await.unwrap().id
    }

    async fn ended(&self, id: message::TransferId) -> Transfer {
        self.row(id, "it ends", |row| row.state.is_over()).await
    }

    async fn row(&self, id: message::TransferId, what: &str, is_so: impl Fn(&Transfer) -> bool) -> Transfer {
        let find = async {
            loop {
                let rows = self.engine.transfers(true).await.unwrap();
                if let Some(row) = rows.into_iter().find(|row| row.id == id && is_so(row)) {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(30 * SECOND, find).await {
            Ok(row) => row,
            Err(_) => panic!("{what}: {:?}", self.engine.transfers(true).await),
        }
    }

    /// What is in the shared folder, with all below it.
    fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![self.place.path().join("root")];
        while let Some(folder) = left.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                found.push(path.strip_prefix(self.place.path().join("root")).unwrap().to_str().unwrap().to_owned());
                left.extend(path.is_dir().then_some(path));
            }
        }
        found.sort();
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_is_there_unasked_and_what_was_there_stays() {
    let (owner, adder, share) = drop_box(Audience::Known).await;
    adder.write("album/one.jpg", &vec![1; 700_000]);
    adder.write("album/deep/two.jpg", b"two");
    adder.write("there.txt", b"other");
    adder.write("left.tmp", b"left out");
    adder.write(".bashrc", b"hidden");
    adder.write("album/.ssh/keys", b"hidden");
    let (mine, theirs) = adder.adds(&owner, &share, Some("sub"), &["album", "there.txt", "left.tmp", ".bashrc"]).await;
    let theirs = theirs.unwrap();
    assert_eq!((mine.state, mine.files, mine.files_done, mine.files_failed), (State::Finished, 3, 3, 0), "{mine:?}");
    assert!(!theirs.awaits_answer && theirs.added_to.as_deref() == Some("Things/sub"), "{theirs:?}");
    assert_eq!(mine.added_to.as_deref(), Some("Things/sub"));
    let expected = ["sub", "sub/album", "sub/album/deep", "sub/album/deep/two.jpg", "sub/album/one.jpg"];
    let expected: Vec<_> = expected.into_iter().chain(["sub/there (2).txt", "sub/there.txt"]).collect();
    assert_eq!(owner.tree(), expected);
    assert!(owner.read("sub/there.txt").unwrap() == b"there" && owner.read("sub/there (2).txt").unwrap() == b"other");
    assert!(owner.read("sub/album/one.jpg").unwrap() == vec![1; 700_000]);
    // Those who look see it.
    super::peers_tests::indexed(&owner, 4).await;
    // What is there already, the same, is neither sent nor kept twice.
    let (mine, _) = adder.adds(&owner, &share, Some("sub"), &["album", "there.txt"]).await;
    assert_eq!((mine.state, mine.bytes_moved), (State::Finished, 0), "{mine:?}");
    assert_eq!(owner.tree(), expected);
    // And it can be fetched from there.
    let folder = Some(RelativePath::parse("sub").unwrap());
    adder.engine.fetch(owner.id(), &share, folder, names(&["there (2).txt"]), Consent::default()).await.unwrap();
    end([owner, adder]).await;
}

/// A share that only may be read says so at once; beyond that there is one answer, whatever the reason.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_adds_where_they_may_not() {
    let (owner, adder, share) = drop_box(Audience::Known).await;
    adder.write("file.txt", b"text");
    adder.write("left.tmp", b"left out");
    std::fs::create_dir(owner.own(".hidden")).unwrap();
    std::fs::create_dir(owner.place.path().join("outside")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(owner.place.path().join("outside"), owner.own("link")).unwrap();
        std::os::unix::fs::symlink("../outside", owner.own("sub/up")).unwrap();
    }
    let expected = owner.tree();
    let never = Share { id: ShareId([1; 16]), ..share.clone() };
    let mut answers = Vec::new();
    for folder in ["nothing", "sub/nothing", "sub/there.txt", ".hidden", "link", "sub/up"] {
        let (mine, theirs) = adder.adds(&owner, &share, Some(folder), &["file.txt"]).await;
        assert!(mine.state == State::Declined && theirs.is_none(), "{folder}: {mine:?} {theirs:?}");
        answers.push(mine.error.unwrap().replace(folder, "nothing"));
    }
    let (mine, _) = adder.adds(&owner, &never, Some("nothing"), &["file.txt"]).await;
    answers.push(mine.error.unwrap());
    owner.change(ShareChange { may_add: Some(false), ..ShareChange::default() }).await;
    let (mine, _) = adder.adds(&owner, &share, Some("nothing"), &["file.txt"]).await;
    answers.push(mine.error.unwrap());
    let read_only = the_share(&adder, &owner).await;
    let error = adder.engine.add_to(owner.id(), &read_only, None, vec![adder.own("file.txt")]).await.unwrap_err();
    assert!(matches!(error, LookError::ReadOnly { .. }), "{error}");
    owner.change(ShareChange { may_add: Some(true), audience: Some(Audience::Verified), ..ShareChange::default() }).await;
    let (mine, _) = adder.adds(&owner, &share, Some("nothing"), &["file.txt"]).await;
    answers.push(mine.error.unwrap());
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    owner.change(ShareChange { audience: Some(Audience::Known), ..ShareChange::default() }).await;
    // There is nothing to take.
    let (mine, _) = adder.adds(&owner, &share, None, &["left.tmp"]).await;
    assert_eq!(mine.state, State::Declined);
    assert_eq!(owner.tree(), expected);
    assert_eq!(std::fs::read_dir(owner.place.path().join("outside")).unwrap().count(), 0);
    end([owner, adder]).await;
}

/// An adder who is a stranger stays one, and one who has no text box gets none.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_for_everyone_makes_nobody_known_and_takes_no_text() {
    let (owner, adder, share) = drop_box(Audience::Everyone).await;
    owner.engine.set_trust(adder.id(), Trust::Stranger).await.unwrap();
    adder.write("file.txt", b"text");
    assert_eq!(adder.adds(&owner, &share, None, &["file.txt"]).await.0.state, State::Finished);
    let trust =
        |of: &Peer, who: &Peer| of.engine.devices().iter().find(|device| device.id == who.id()).map(|device| device.trust);
    assert_eq!((trust(&owner, &adder), trust(&adder, &owner)), (Some(Trust::Stranger), Some(Trust::Stranger)));

    let place = Place { share: share.id, folder: None };
    let offer = message::Offer { transfer: new_id(), name: "text".into(), content: message::Content::Text("hello".into()) };
    let links = &adder.engine.inner.links;
    let (connection, _send, _recv) = links.request(owner.id(), &message::Request::Add(Add { place, offer })).await.unwrap();
    tokio::time::timeout(10 * SECOND, connection.closed()).await.unwrap();
    assert_eq!(owner.engine.transfers(true).await.unwrap().len(), 1);
    end([owner, adder]).await;
}

/// Invariant 11, for those who add.
#[tokio::test(flavor = "multi_thread")]
async fn adding_ends_within_a_second_from_the_loss_of_the_right() {
    for way in ["pause", "audience", "read", "remove", "ignore", "block"] {
        let (owner, adder, share) = drop_box(Audience::Known).await;
        adder.write("large", &vec![1; 40_000_000]);
        adder.engine.set_limits(Limits { up: Some(4_000_000), down: None }).await.unwrap();
        let id = adder.begins_to_add(&owner, &share, None, &["large"]).await;
        owner.row(id, "it moves", |row| row.bytes_done > 0).await;
        let begun = std::time::Instant::now();
        match way {
            "pause" => owner.change(ShareChange { paused: Some(true), ..ShareChange::default() }).await,
            "audience" => owner.change(ShareChange { audience: Some(Audience::Verified), ..ShareChange::default() }).await,
            "read" => owner.change(ShareChange { may_add: Some(false), ..ShareChange::default() }).await,
            "ignore" => owner.change(ShareChange { ignored: Some(vec!["large".into()]), ..ShareChange::default() }).await,
            "remove" => owner.engine.remove_share("things").await.unwrap(),
            _ => owner.engine.set_trust(adder.id(), Trust::Blocked).await.unwrap(),
        }
        let theirs = owner.ended(id).await;
        assert!(begun.elapsed() < SECOND && theirs.state == State::Cancelled, "{way}: {:?} {theirs:?}", begun.elapsed());
        // Whatever becomes of it there, it does not go on, and nothing of it is left here.
        let mine = adder.row(id, "it stopped", |row| row.state != State::Active).await;
        tokio::time::sleep(SECOND).await;
        assert_eq!(owner.tree(), ["sub", "sub/there.txt"], "{way}: {mine:?}");
        end([owner, adder]).await;
    }
}

/// A folder and a link to the outside take turns under the name of the folder that is added to.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_folder_that_becomes_a_link_while_it_is_added_to_puts_nothing_outside() {
    let (owner, adder, share) = drop_box(Audience::Known).await;
    for number in 0..300 {
        adder.write(&format!("many/{}/{number}", number % 7), format!("{number}").as_bytes());
    }
    adder.write("many/large", &vec![1; 3_000_000]);
    let outside = owner.place.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, owner.own("link")).unwrap();
    let (folder, link) = (owner.own("sub"), owner.own("link"));
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            use std::sync::atomic::Ordering;
            let mut swaps = 0;
            while !over.load(Ordering::Relaxed) || swaps % 2 == 1 {
                renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
                std::thread::sleep(Duration::from_micros(700));
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for _ in 0..20 {
                    let id = adder.begins_to_add(&owner, &share, Some("sub"), &["many"]).await;
                    // It comes, is refused, or waits for the folder to be back.
                    let _ = tokio::time::timeout(SECOND, adder.ended(id)).await;
                    let _ = adder.engine.cancel(id).await;
                }
            });
        });
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    let (mine, _) = adder.adds(&owner, &share, Some("sub"), &["many"]).await;
    assert_eq!((mine.state, mine.files_done), (State::Finished, 301), "{mine:?}");
    end([owner, adder]).await;
}

/// What was moved away gets no more files, and what was begun goes on when the folder is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_moved_away_gets_no_more() {
    let (owner, adder, share) = drop_box(Audience::Known).await;
    adder.write("large", &vec![1; 8_000_000]);
    adder.engine.set_limits(Limits { up: Some(4_000_000), down: None }).await.unwrap();
    let id = adder.begins_to_add(&owner, &share, Some("sub"), &["large"]).await;
    owner.row(id, "it moves", |row| row.bytes_done > 0).await;
    let away = owner.place.path().join("away");
    std::fs::rename(owner.own("sub"), &away).unwrap();
    std::fs::create_dir(owner.own("sub")).unwrap();
    owner.row(id, "it is stuck", |row| row.state == State::Interrupted).await;
    assert!(!away.join("large").exists());
    std::fs::remove_dir_all(owner.own("sub")).unwrap();
    std::fs::rename(&away, owner.own("sub")).unwrap();
    assert_eq!(owner.ended(id).await.state, State::Finished);
    assert!(owner.read("sub/large").unwrap() == vec![1; 8_000_000]);
    end([owner, adder]).await;
}

/// Restarts count here as kills do in the system tests: what is recorded is gone on with, by whoever may still.
#[tokio::test(flavor = "multi_thread")]
async fn adding_goes_on_after_a_restart_only_with_the_right_to() {
    for keeps_right in [true, false] {
        let (owner, adder, share) = drop_box(Audience::Known).await;
        adder.write("large", &vec![1; 8_000_000]);
        adder.engine.set_limits(Limits { up: Some(4_000_000), down: None }).await.unwrap();
        let id = adder.begins_to_add(&owner, &share, None, &["large"]).await;
        owner.row(id, "it moves", |row| row.bytes_done > 1_000_000).await;
        adder.engine.shutdown().await;
        let Peer { engine, place } = owner;
        if !keeps_right {
            engine.change_share("things", ShareChange { may_add: Some(false), ..ShareChange::default() }).await.unwrap();
        }
        engine.shutdown().await;
        drop(engine);
        let owner = Peer::at(place, "owner").await;
        let Peer { engine, place } = adder;
        drop(engine);
        let adder = Peer::at(place, "adder").await;
        adder.engine.set_limits(Limits::default()).await.unwrap();
        let address = owner.engine.addresses().first().unwrap().to_string();
        adder.engine.find(&address, SECOND).await.unwrap();
        let (mine, theirs) = (adder.ended(id).await, owner.ended(id).await);
        if keeps_right {
            assert!(mine.state == State::Finished && theirs.bytes_moved < 9_000_000, "{mine:?} {theirs:?}");
            assert!(owner.read("large").unwrap() == vec![1; 8_000_000]);
        } else {
            assert_eq!((mine.state, theirs.state), (State::Declined, State::Cancelled), "{mine:?} {theirs:?}");
        }
        assert!(owner.tree().iter().all(|path| !path.contains(".shoal-")), "{:?}", owner.tree());
        end([owner, adder]).await;
    }
}

/// What nobody comes back for has an end, and before it has, nobody is dialled for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_of_a_share_ends_when_its_peer_stays_away() {
    let (owner, adder, share) = drop_box(Audience::Known).await;
    owner.write("large", &vec![1; 20_000_000]);
    adder.write("added", &vec![1; 20_000_000]);
    adder.engine.set_limits(Limits { up: Some(2_000_000), down: Some(2_000_000) }).await.unwrap();
    let fetched = adder.engine.fetch(owner.id(), &share, None, names(&["large"]), Consent::default()).await.unwrap().id;
    let added = adder.begins_to_add(&owner, &share, None, &["added"]).await;
    for id in [fetched, added] {
        owner.row(id, "it moves", |row| row.bytes_done > 0).await;
    }
    adder.engine.shutdown().await;
    let Peer { mut engine, mut place } = owner;
    for (days, is_over) in [(6, false), (8, true)] {
        engine.shutdown().await;
        drop(engine);
        let database = Database::open(&place.path().join("data")).unwrap();
        for id in [fetched, added] {
            let mut record = database.transfer(id).unwrap().unwrap();
            record.enter(State::Interrupted);
            record.changed -= days * DAY;
            database.update_transfer(&record).unwrap();
        }
        drop(database);
        let again = Peer::at(place, "owner").await;
        for id in [fetched, added] {
            if is_over {
                let row = again.ended(id).await;
                assert!(row.state == State::Cancelled && row.error.as_ref().unwrap().contains("did not come back"), "{row:?}");
            } else {
                tokio::time::sleep(SECOND / 2).await;
                again.row(id, "it waits", |row| row.state == State::Interrupted).await;
            }
        }
        Peer { engine, place } = again;
    }
    assert!(!place.path().join("root/added").exists());
    engine.shutdown().await;
}
