//! Somebody who wants out of the share: by path, by link, by name, by old ids, by what is meant for others. Not a byte comes, and not a word on
//! whether a thing is there.

use super::{Scene, as_arg, share, shared, write};
use data_encoding::BASE64;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;
use serde_json::json;
use shoal_proto::{
    message::{CloseCode, Request, TransferId},
    share::{Few, Found, Get, List, Matching, Name, Order, Page, Read, Search, ShareId, Shares, Text, Thumb, Watch},
};
use shoal_tests::{
    figure,
    hostile::{Ended, Intruder, Wire, framed},
    lab::Peer,
};
use std::{
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const TRIES: usize = 500;

/// Request kinds as they travel, for paths that no honest end can write.
const LIST: u8 = 8;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = runtime.block_on(test);
    runtime.shutdown_background();
    result
}

fn list(share: ShareId, folder: Option<&str>) -> Request {
    let folder = folder.map(|folder| shoal_proto::RelativePath::parse(folder).unwrap());
    Request::List(List { share, folder, order: Order::default(), filter: Text::default(), offset: 0, limit: 100 })
}

fn get(share: ShareId, folder: Option<&str>, name: &str, number: u64) -> Request {
    let mut transfer = [0xdd; 16];
    transfer[..8].copy_from_slice(&number.to_le_bytes());
    let folder = folder.map(|folder| shoal_proto::RelativePath::parse(folder).unwrap());
    let names = Few::try_from(vec![Name::parse(name).unwrap()]).unwrap();
    Request::Get(Get { transfer: TransferId(transfer), share, folder, names })
}

/// Looks at a file: its bytes, and its picture.
fn looks(share: ShareId, path: &str) -> [Request; 2] {
    let path = shoal_proto::RelativePath::parse(path).unwrap();
    let read = Read { share, path: path.clone(), offset: 0, len: u64::MAX };
    [Request::Read(read), Request::Thumb(Thumb { share, path, edge: 64 })]
}

/// A request as an honest end would frame it, with a path that it could not.
fn raw_list(share: ShareId, folder: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Raw<'a>(u8, [u8; 16], Option<&'a str>, u8, bool, &'a str, u32, u16);
    framed(&Raw(LIST, share.0, Some(folder), 0, false, "", 0, 100))
}

async fn id_of(wire: &Wire) -> Option<ShareId> {
    let mut stream = wire.ask(&Request::Shares).await.unwrap();
    let Shares(shares) = stream.hear().await.unwrap();
    shares.first().map(|share| share.id)
}

/// How the owner refuses; anything that it says is a failure.
async fn refused(wire: &Wire, request: &Request) -> Ended {
    wire.ask(request).await.unwrap().hear::<Page>().await.unwrap_err()
}

fn setting(ann: &Peer) {
    let (folder, outside) = (shared(ann), ann.home().path().join("outside"));
    write(&folder, "inside/file", b"shared");
    write(&folder, ".ssh/id", b"SECRET");
    write(&folder, "build/out.tmp", b"SECRET");
    write(&outside, "file", b"SECRET");
    symlink(&outside, folder.join("link")).unwrap();
    symlink(outside.join("file"), folder.join("link to a file")).unwrap();
    symlink("..", folder.join("inside/up")).unwrap();
    symlink("/", folder.join("root")).unwrap();
    share(ann, &["--for", "everyone", "--ignore", "*.tmp"]);
}

#[test]
#[ignore = "needs root and ip netns"]
fn five_hundred_ways_out_of_a_share_lead_nowhere() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    setting(ann);
    let at = *ann.ready().addresses.iter().find(|address| address.is_ipv4()).unwrap();
    run(async {
        let intruder = Intruder::at(ben.host(), 1);
        let wire = intruder.greet(at).await.unwrap();
        let share = id_of(&wire).await.unwrap();
        let expected = Ended::Reset(CloseCode::NotShared);
        let hidden = [
            "nothing",
            "link",
            "link/file",
            "link to a file",
            "inside/up",
            "inside/up/inside",
            "inside/up/.ssh",
            "root",
            "root/etc",
            "root/etc/passwd",
            ".ssh",
            ".ssh/id",
            "build/out.tmp",
            "inside/file/x",
            "inside/File",
            "...",
            "..\\..",
            "~",
            "%2e%2e",
            "C:",
            "inside\u{2215}file",
            "．．",
            "inside/..．",
            "\u{202e}",
            "con",
            "a:b",
            ".. ",
            " ..",
            "-rf",
        ];
        let mut tries = 0;
        for path in hidden {
            assert_eq!(refused(&wire, &list(share, Some(path))).await, expected, "{path:?}");
            let (folder, name) = path.rsplit_once('/').map_or((None, path), |(folder, name)| (Some(folder), name));
            assert_eq!(refused(&wire, &get(share, folder, name, tries)).await, expected, "{path:?}");
            let watch = Watch { share, folder: Some(shoal_proto::RelativePath::parse(path).unwrap()) };
            assert_eq!(refused(&wire, &Request::Watch(watch)).await, expected, "{path:?}");
            for request in looks(share, path) {
                assert_eq!(refused(&wire, &request).await, expected, "{request:?}");
            }
            tries += 5;
        }
        // Paths that cannot be written are a violation, on a connection that ends with it.
        for path in
            ["..", "../outside", "inside/../..", "/etc", "", "inside//file", "a/./b", "a\0b", "\u{10ff2e}\u{10ff2e}", "inside/"]
        {
            let wire = intruder.greet(at).await.unwrap();
            let mut stream = wire.open().await.unwrap();
            stream.raw(&raw_list(share, path)).await;
            stream.finish();
            assert_eq!(stream.ended_within(Duration::from_secs(5)).await, Ended::Closed(CloseCode::Violation), "{path:?}");
            tries += 1;
        }
        // Ids that were guessed.
        let mut guesses = share;
        while tries < TRIES as u64 {
            guesses.0[tries as usize % 16] ^= 1 << (tries % 8);
            if guesses != share {
                assert_eq!(refused(&wire, &list(guesses, None)).await, expected);
                for request in looks(guesses, "inside/file") {
                    assert_eq!(refused(&wire, &request).await, expected);
                }
            }
            tries += 1;
        }
        // What is meant for others, and ids from before.
        ann.shoal(&["share", "change", "things", "--for", ben.id()]).expect_code(0);
        assert_eq!(refused(&wire, &list(share, None)).await, expected);
        for request in looks(share, "inside/file") {
            assert_eq!(refused(&wire, &request).await, expected);
        }
        assert_eq!(id_of(&wire).await, None);
        ann.shoal(&["share", "remove", "things"]).expect_code(0);
        ann.shoal(&["share", "add", as_arg(&shared(ann)), "--name", "things", "--for", "everyone"]).expect_code(0);
        assert_eq!(refused(&wire, &list(share, None)).await, expected, "an old id");
        let share = id_of(&wire).await.unwrap();
        let search = Search {
            text: Text::new("id").unwrap(),
            matching: Matching::Anywhere,
            share: Some(share),
            kind: None,
            min_size: None,
            max_size: None,
            since: None,
            until: None,
            limit: 100,
        };
        let mut stream = wire.ask(&Request::Search(search)).await.unwrap();
        while let Found::Hits { hits, .. } = stream.hear().await.unwrap() {
            assert!(hits.iter().all(|hit| !hit.path.as_str().starts_with('.')), "{hits:?}");
        }
        figure("attempts to reach outside of a share", tries);
    });
}

/// A folder and a link to the outside take turns under one name while it is listed and fetched.
#[test]
#[ignore = "needs root and ip netns"]
fn a_folder_that_is_swapped_for_a_link_while_it_is_read_shows_nothing_of_the_outside() {
    let scene = Scene::new(["ann", "ben"]);
    let [ann, ben] = &scene.peers;
    setting(ann);
    let (folder, outside) = (shared(ann), ann.home().path().join("outside"));
    for number in 0..50 {
        write(&folder, &format!("swapped/{number}"), b"shared");
        write(&outside, &format!("{number}"), b"SECRET");
        write(&outside, &format!("secret {number}"), b"SECRET");
    }
    symlink(&outside, folder.join("other")).unwrap();
    let at = *ann.ready().addresses.iter().find(|address| address.is_ipv4()).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let swap = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, folder.join("swapped"), CWD, folder.join("other"), RenameFlags::EXCHANGE).unwrap();
                thread::sleep(Duration::from_micros(200));
            }
        });
        run(async {
            let wire = Intruder::at(ben.host(), 1).greet(at).await.unwrap();
            let share = id_of(&wire).await.unwrap();
            let mut seen = 0;
            for _ in 0..TRIES {
                let mut stream = wire.ask(&list(share, Some("swapped"))).await.unwrap();
                match stream.hear::<Page>().await {
                    Ok(page) => {
                        assert!(page.items.iter().all(|item| !item.name.as_str().starts_with("secret")), "{page:?}");
                        seen += 1;
                    }
                    Err(ended) => assert_eq!(ended, Ended::Reset(CloseCode::NotShared)),
                }
            }
            assert!(seen > 0);
        });
        let mut read = 0;
        for number in 0..TRIES {
            let path = format!("/things/swapped/{}", number % 50);
            let asked =
                json!({ "request": "read_shared", "peer": ann.id(), "path": path, "offset": 0, "len": 100, "wait_s": 10 });
            match ben.ask(&asked) {
                Ok(reply) => {
                    assert_eq!(reply["data"], BASE64.encode(b"shared"), "{reply}");
                    read += 1;
                }
                Err(failure) => assert_eq!(failure["code"], "declined", "{failure}"),
            }
        }
        assert!(read > 0);
        for number in 0..5 {
            let into = ben.home().path().join(format!("got {number}"));
            ben.shoal(&["get", &super::place(ann, "swapped"), "--into", as_arg(&into)]);
            assert!(!holds_secret(&into));
        }
        over.store(true, Ordering::Relaxed);
        swap.join().unwrap();
    });
}

fn holds_secret(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            holds_secret(&path)
        } else {
            std::fs::read(&path).is_ok_and(|bytes| bytes.windows(6).any(|part| part == b"SECRET"))
        }
    })
}
