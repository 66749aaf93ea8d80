//! Names that a hostile sender puts into a list: none leads out of the folder, none overwrites, and what is taken arrives whole.

use super::{Scene, files, id, offer, outcome, run, serve};
use shoal_proto::{
    Manifest, RelativePath,
    manifest::EntryIndex,
    mapping::hostile,
    message::{CloseCode, Content, Fetch, FetchItem, Frame, FromReceiver, FromSender, Progress, Request},
};
use shoal_tests::{
    figure,
    hostile::{Ended, tree, tree::Raw},
    lab::Peer,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A folder outside of the target, with a file in it, that nothing may change.
struct Canary {
    folder: PathBuf,
}

impl Canary {
    fn new(victim: &Peer) -> Self {
        let folder = victim.home().path().join("canary");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("passwd"), "untouched").unwrap();
        Self { folder }
    }

    fn check(&self, victim: &Peer, what: &str) {
        assert_eq!(files(&self.folder), [(self.folder.join("passwd"), b"untouched".to_vec())], "{what}");
        // Beside the inbox there is what the device itself made, and nothing else.
        let beside: BTreeSet<String> =
            fs::read_dir(victim.home().path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        let own: BTreeSet<String> = ["canary", "command-log.txt", "data", "inbox", "log.txt"].map(str::to_owned).into();
        assert!(beside.is_subset(&own), "{what}: {beside:?}");
    }
}

/// Each name in each place that a path has.
fn paths() -> BTreeSet<String> {
    hostile::names().into_iter().flat_map(|name| [format!("folder/{name}"), format!("{name}/file"), name]).collect()
}

#[test]
#[ignore = "needs root and ip netns"]
fn no_name_that_a_peer_sends_escapes_or_overwrites() {
    run(async {
        let scene = Scene::new("all").await;
        let (victim, inbox) = (&scene.victim, scene.victim.inbox());
        let canary = Canary::new(victim);
        let (good, bad): (Vec<String>, Vec<String>) = paths().into_iter().partition(|path| RelativePath::parse(path).is_ok());

        // Each alone: one such name makes the whole list none.
        let mut refused = 0;
        let mut wires = tokio::task::JoinSet::new();
        for (number, path) in bad.iter().enumerate() {
            let (intruder, at, path) = (scene.intruder.with_key(10_000 + number as u64), scene.at, path.clone());
            wires.spawn(async move {
                let entries = [Raw::file(&path, 1)];
                let encoded = tree::encode(&entries, 1);
                let wire = intruder.greet(at).await.unwrap();
                let mut stream = offer(&wire, &tree::offer(id(number as u64), &entries, &encoded), &encoded).await.unwrap();
                assert_eq!(stream.ended_within(super::SOON).await, Ended::Closed(CloseCode::Violation), "{path:?}");
            });
            if wires.len() >= 12 {
                wires.join_next().await.unwrap().unwrap();
                refused += 1;
            }
        }
        while let Some(done) = wires.join_next().await {
            done.unwrap();
            refused += 1;
        }
        assert_eq!(fs::read_dir(&inbox).unwrap().count(), 0);
        canary.check(victim, "names that are refused");

        // The others arrive, in lists in which no file is another's folder, into a folder full of traps.
        let mut sent = BTreeMap::<Vec<u8>, String>::new();
        let lists = lists(&good);
        let decoys = lay_decoys(&inbox, &canary.folder, &good);
        let wire = scene.intruder.greet(scene.at).await.unwrap();
        let mut failed = 0;
        for (number, list) in lists.iter().enumerate() {
            let mut contents = Vec::new();
            let entries: Vec<Raw> = list
                .iter()
                .map(|(path, is_file)| {
                    let content = if *is_file { format!("{number}: {}", path.as_str()).into_bytes() } else { Vec::new() };
                    contents.push(content.clone());
                    if !*is_file {
                        return Raw::folder(path.as_str());
                    }
                    let size = content.len() as u64;
                    sent.insert(content, path.as_str().to_owned());
                    Raw::file(path.as_str(), size)
                })
                .collect();
            let encoded = tree::encode(&entries, entries.len() as u64);
            let serving = tokio::spawn(serve(wire.clone(), contents));
            let mut stream = offer(&wire, &tree::offer(id(20_000 + number as u64), &entries, &encoded), &encoded).await.unwrap();
            let end = outcome(&mut stream).await;
            let Ok(FromReceiver::Finished(progress)) = end else { panic!("{end:?}") };
            failed += progress.files_failed;
            serving.abort();
        }
        canary.check(victim, "names that are taken");
        for (path, content) in &decoys {
            assert_eq!(fs::read(path).ok().as_ref(), Some(content), "{} was overwritten", path.display());
        }
        let arrived: BTreeMap<Vec<u8>, PathBuf> = files(&inbox).into_iter().map(|(path, content)| (content, path)).collect();
        let missing: Vec<&String> =
            sent.iter().filter(|(content, _)| !arrived.contains_key(*content)).map(|(_, path)| path).collect();
        // A folder's name that is taken by a file or a link of the victim's is no place to put files in.
        assert!(missing.len() as u32 == failed, "{failed} failed, but {} are missing: {missing:?}", missing.len());
        let blocked = |path: &str| decoy_folders().iter().any(|folder| path.starts_with(&format!("{folder}/")));
        let lost: Vec<_> = missing.iter().filter(|path| !blocked(path)).collect();
        assert!(lost.is_empty(), "{lost:?} did not arrive");
        figure(
            "hostile names over a connection",
            format!(
                "{} names in {} places: {refused} refused with their list, {} arrived under a mapped name, {failed} failed at a decoy",
                hostile::names().len(),
                good.len() + bad.len(),
                sent.len() - missing.len(),
            ),
        );
        assert_eq!(refused, bad.len());
        scene.check("hostile names").await;
    });
}

/// What arrived under a name that was mapped or shortened for this disk goes on under the name that it came with.
#[test]
#[ignore = "needs root and ip netns"]
fn every_name_goes_on_as_it_came() {
    run(async {
        let scene = Scene::new("all").await;
        let inbox = scene.victim.inbox();
        // With a folder around each list there must be room for it.
        let good: Vec<String> =
            paths().into_iter().filter(|path| RelativePath::parse(&format!("list 00/{path}")).is_ok()).collect();
        let (mut names, mut changed) = (0, 0);
        for (number, list) in lists(&good).into_iter().enumerate() {
            let top = format!("list {number}");
            let mut came: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::from([(top.clone(), None)]);
            for (path, is_file) in &list {
                came.insert(format!("{top}/{}", path.as_str()), is_file.then(|| path.as_str().into()));
            }
            let sorted: BTreeMap<RelativePath, &Option<Vec<u8>>> =
                came.iter().map(|(path, content)| (RelativePath::parse(path).unwrap(), content)).collect();
            let entries: Vec<Raw> = sorted
                .iter()
                .map(|(path, content)| match content {
                    Some(content) => Raw::file(path.as_str(), content.len() as u64),
                    None => Raw::folder(path.as_str()),
                })
                .collect();
            let contents = sorted.values().map(|content| (*content).clone().unwrap_or_default()).collect();
            let encoded = tree::encode(&entries, entries.len() as u64);
            let wire = scene.intruder.greet(scene.at).await.unwrap();
            let serving = tokio::spawn(serve(wire.clone(), contents));
            let mut stream = offer(&wire, &tree::offer(id(number as u64), &entries, &encoded), &encoded).await.unwrap();
            let end = outcome(&mut stream).await;
            assert!(matches!(end, Ok(FromReceiver::Finished(progress)) if progress.files_failed == 0), "{end:?}");
            serving.abort();
            // So that the victim has no connection to send on but one that it makes.
            wire.close();

            changed += files(&inbox.join(&top)).iter().filter(|(path, content)| !path.ends_with(as_path(content))).count();
            let went = send_on(&scene, &inbox.join(&top)).await;
            assert_eq!(went.len(), came.len());
            for ((came, content), (went, read)) in came.iter().zip(&went) {
                assert_eq!((went, read), (came, content));
            }
            names += went.len();
        }
        figure(
            "hostile names sent on",
            format!("{names} entries, {changed} files had another name on the disk, all left under their own"),
        );
        assert!(changed > 0, "nothing was mapped");
    });
}

/// A travelling path as the disk would have it, were nothing mapped.
fn as_path(travels: &[u8]) -> PathBuf {
    PathBuf::from(shoal_proto::name::to_os(std::str::from_utf8(travels).unwrap()))
}

/// Has the victim send something to the intruder; returns what it is called, with the files' content.
async fn send_on(scene: &Scene, path: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let to = format!("127.0.0.1:{}", scene.intruder.port());
    let sending = scene.victim.begin(&["send", path.to_str().unwrap(), "--to", &to]);
    let (wire, offer, mut stream) = loop {
        let wire = tokio::time::timeout(super::SOON, scene.intruder.answer()).await.unwrap();
        if let Ok((Request::Offer(offer), stream)) = wire.request().await {
            break (wire, offer, stream);
        }
    };
    let Content::Files { files, bytes, manifest_len, .. } = offer.content else { panic!("{offer:?}") };
    stream.say(&FromReceiver::WantManifest).await;
    let manifest = Manifest::decode(stream.hear_raw(manifest_len as usize).await.unwrap()).unwrap();
    stream.say(&FromReceiver::Accepted { files, bytes }).await;
    let mut found: BTreeMap<String, Option<Vec<u8>>> =
        manifest.entries().map(|(_, entry)| (entry.path.as_str().to_owned(), None)).collect();
    // All of it, empty files too, which are pieces of no bytes.
    let mut first = 0;
    while first < manifest.len() {
        let count = (manifest.len() - first).min(1000);
        let items = vec![FetchItem::Files { first: EntryIndex(first), count }];
        let mut content = loop {
            // Refused until the consent has arrived.
            let mut content = wire.ask(&Request::Fetch(Fetch { transfer: offer.transfer, items: items.clone() })).await.unwrap();
            match content.hear::<Frame>().await {
                Ok(frame) => break (frame, content),
                Err(Ended::Reset(CloseCode::UnknownTransfer)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(other) => panic!("{other:?}"),
            }
        };
        loop {
            match content.0 {
                Frame::Block { entry, len, .. } => {
                    let path = manifest.entry(entry).unwrap().path.as_str().to_owned();
                    found.insert(path, Some(content.1.hear_raw(len as usize).await.unwrap()));
                }
                Frame::End => break,
                other => panic!("{other:?}"),
            }
            content.0 = content.1.hear().await.unwrap();
        }
        first += count;
    }
    let done = Progress { files_done: files, files_failed: 0, bytes_done: bytes, bytes_moved: bytes };
    stream.say(&FromReceiver::Finished(done)).await;
    let _heard: Result<FromSender, Ended> = stream.hear().await;
    sending.wait_for("its end", super::SOON, |line| line["event"] == "finished");
    wire.close();
    found
}

/// Names that lead out, or are taken by a file, before the first list comes.
fn decoy_folders() -> [&'static str; 3] {
    ["a", "~", "C:a"]
}

/// Links that lead to the canary, and files with the very names that will come. Returns the files.
fn lay_decoys(inbox: &Path, outside: &Path, names: &[String]) -> Vec<(PathBuf, Vec<u8>)> {
    for link in decoy_folders() {
        symlink(outside, inbox.join(link)).unwrap();
    }
    symlink(outside.join("passwd"), inbox.join("$HOME")).unwrap();
    let mut decoys = Vec::new();
    for name in names.iter().filter(|name| !name.contains('/') && name.len() < 200) {
        let path = inbox.join(name);
        if decoys.len() < 100 && !path.exists() && path.symlink_metadata().is_err() && fs::write(&path, "mine").is_ok() {
            decoys.push((path, b"mine".to_vec()));
        }
    }
    decoys
}

/// Splits paths into lists that are legal: sorted, folders listed, no file that is also a folder.
fn lists(paths: &[String]) -> Vec<BTreeMap<RelativePath, bool>> {
    let mut lists: Vec<BTreeMap<RelativePath, bool>> = Vec::new();
    for path in paths {
        let path = RelativePath::parse(path).unwrap();
        let mut folders = Vec::new();
        let mut above = path.parent();
        while let Some(folder) = above {
            above = folder.parent();
            folders.push(folder);
        }
        let fits = |list: &BTreeMap<RelativePath, bool>| {
            !list.contains_key(&path) && folders.iter().all(|folder| list.get(folder).is_none_or(|is_file| !is_file))
        };
        let place = lists.iter().position(fits).unwrap_or_else(|| {
            lists.push(BTreeMap::new());
            lists.len() - 1
        });
        lists[place].insert(path, true);
        lists[place].extend(folders.into_iter().map(|folder| (folder, false)));
    }
    lists
}

/// Somebody on the victim's own machine swaps a folder for a link that leads out, over and over.
#[test]
#[ignore = "needs root and ip netns"]
fn a_folder_swapped_for_a_link_in_mid_transfer_leads_nowhere() {
    const RACE: Duration = Duration::from_secs(2);
    run(async {
        let scene = Scene::new("all").await;
        let (victim, inbox) = (&scene.victim, scene.victim.inbox());
        let canary = Canary::new(victim);
        let (over, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
        let wire = scene.intruder.greet(scene.at).await.unwrap();
        let handle = tokio::runtime::Handle::current();
        let (lists, arrived) = std::thread::scope(|scope| {
            scope.spawn(|| {
                let (folder, aside) = (inbox.join("d"), inbox.join("aside"));
                while !over.load(Ordering::Relaxed) {
                    // Either may lose against the victim, who makes the folder anew.
                    if fs::rename(&folder, &aside).is_ok() && symlink(&canary.folder, &folder).is_ok() {
                        swaps.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::sleep(Duration::from_micros(300));
                    if folder.is_symlink() {
                        let _ = fs::remove_file(&folder);
                    }
                    let _ = fs::rename(&aside, &folder);
                    let _ = fs::remove_dir_all(&aside);
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
            let transfers = async {
                let (started, mut number, mut arrived) = (Instant::now(), 0, 0);
                while started.elapsed() < RACE {
                    let mut entries = vec![Raw::folder("d"), Raw::folder("d/e")];
                    entries.extend((0..100).map(|i| Raw::file(&format!("d/e/{i:03}"), 9)));
                    let encoded = tree::encode(&entries, entries.len() as u64);
                    let content = format!("{number:09}").into_bytes();
                    let serving = tokio::spawn(serve(wire.clone(), vec![content; entries.len()]));
                    let mut stream = offer(&wire, &tree::offer(id(number), &entries, &encoded), &encoded).await.unwrap();
                    if let Ok(FromReceiver::Finished(progress)) = outcome(&mut stream).await {
                        arrived += progress.files_done;
                    }
                    number += 1;
                    serving.abort();
                }
                (number, arrived)
            };
            let result = tokio::task::block_in_place(|| handle.block_on(transfers));
            over.store(true, Ordering::Relaxed);
            result
        });
        canary.check(victim, "a folder that is swapped for a link");
        let swaps = swaps.into_inner();
        figure(
            "a folder swapped for a link",
            format!("{swaps} swaps during {lists} transfers, {arrived} files arrived, none outside"),
        );
        assert!(swaps > 20 && lists > 0, "the race was none");
        scene.check("a folder that is swapped for a link").await;
        // Nothing that it said was refused: the wire is as it was.
        assert!(wire.ask(&Request::Again(id(1))).await.is_ok());
    });
}
