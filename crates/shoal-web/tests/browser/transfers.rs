//! What a browser that is in does: asks, hears, uploads, downloads.

use super::{
    Browser, Site,
    client::{self, PATIENCE},
    fake::RECEIVED,
};
use serde_json::{Value, json};
use shoal_api::{Content, Request};
use std::{path::PathBuf, sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

fn send_handles(handles: &[&Value]) -> Value {
    json!({ "request": "send", "to": ["mira"], "wait_s": 1, "content": { "kind": "handles", "handles": handles } })
}

/// The paths that the last request sent.
fn sent_paths(site: &Site) -> Vec<PathBuf> {
    // Not the newest of all: the site asks for itself, too, which transfers are live.
    let asked = site.fake.asked();
    let sent = asked.iter().rev().find_map(|request| match request {
        Request::Send { content: Content::Paths { paths }, .. } => Some(paths.clone()),
        _ => None,
    });
    sent.unwrap_or_else(|| panic!("{asked:?}"))
}

#[tokio::test]
async fn requests_are_answered_and_failures_keep_code_and_sentence() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let answer = browser.send(browser.request(json!({ "request": "pause", "transfer": "ab" }))).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "reply": "done" })));
    assert_eq!(site.fake.asked(), [Request::Pause { transfer: "ab".into() }]);
    let answer = browser.send(browser.request(json!({ "request": "find", "peer": "mira", "wait_s": 0 }))).await;
    assert_eq!((answer.status, answer.json()), (404, json!({ "code": "peer_not_found", "message": "no mira" })));
    let endless = browser.request("[".repeat(2 * 1024 * 1024));
    assert_eq!(browser.send(endless).await.status, 413);
}

#[tokio::test]
async fn a_page_that_names_a_path_is_refused() {
    let site = Site::start().await;
    let browser = site.enter().await;
    for request in [
        json!({ "request": "send", "to": ["mira"], "wait_s": 1, "content": { "kind": "paths", "paths": ["/etc/passwd"] } }),
        json!({ "request": "accept", "transfer": "ab", "into": "/etc" }),
        json!({ "request": "add_share", "path": "/etc", "for": ["everyone"] }),
        json!({ "request": "get", "peer": "mira", "path": "/s", "into": "/etc", "wait_s": 1 }),
        json!({ "request": "add_to", "peer": "mira", "path": "/s", "wait_s": 1, "content": { "kind": "handles", "handles": ["/etc"] } }),
        send_handles(&[&"/etc/passwd".into()]),
        send_handles(&[&"../..".into()]),
    ] {
        let answer = browser.send(browser.request(&request)).await;
        assert!((400..500).contains(&answer.status), "{request}: {answer:?}");
    }
    assert_eq!(site.fake.asked(), []);
}

#[tokio::test]
async fn uploads_become_what_is_sent() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let large = vec![7; 3_000_000];
    let upload = async |path: &str, content: &[u8]| {
        let answer = browser.send(browser.upload("batch-1", path, content)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let file = upload("film.mkv", &large).await;
    assert_eq!((&file["name"], &file["bytes"], &file["folder"]), (&"film.mkv".into(), &3_000_000.into(), &false.into()));
    let folder = upload("holiday/day 1/ä*.jpg", b"one").await;
    assert_eq!((&folder["name"], &folder["folder"]), (&"holiday".into(), &true.into()));
    let same = upload("holiday/b", b"").await;
    assert_eq!(same["handle"], folder["handle"], "one handle for each top-level name");
    upload("holiday/empty/", b"").await;

    let answer = browser.send(browser.request(send_handles(&[&file["handle"], &folder["handle"]]))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let paths = sent_paths(&site);
    assert!(paths.iter().all(|path| path.starts_with(site.folder.path())), "{paths:?}");
    assert_eq!(std::fs::read(&paths[0]).unwrap(), large);
    assert!(paths[0].ends_with("film.mkv") && paths[1].ends_with("holiday"));
    assert!(paths[1].join("empty").is_dir() && paths[1].join("b").is_file());
    let names: Vec<_> = std::fs::read_dir(paths[1].join("day 1")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1);
}

#[tokio::test]
async fn uploads_become_what_is_added_to_a_share() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let handle = upload_one(&browser, "report.pdf").await;
    let add = json!({ "request": "add_to", "peer": "mira", "path": "/Box", "wait_s": 1,
                      "content": { "kind": "handles", "handles": [handle] } });
    assert_eq!(browser.send(browser.request(&add)).await.status, 200);
    let asked = site.fake.asked();
    let added = asked.iter().find_map(|request| match request {
        Request::AddTo { content: Content::Paths { paths }, path, .. } => Some((path.as_str(), &paths[0])),
        _ => None,
    });
    let (path, file) = added.unwrap_or_else(|| panic!("{asked:?}"));
    assert_eq!((path, std::fs::read(file).unwrap().as_slice()), ("/Box", &b"x"[..]));
}

/// Names come from whoever made the files; the folder that they land in must hold all of them.
#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let long = "x".repeat(1025);
    let deep = "a/".repeat(200) + "a";
    let refused =
        ["../a", "a/../../b", "..", ".", "/etc/passwd", "a//b", "", "/", "a/./b", "a\0b", "a/..", long.as_str(), deep.as_str()];
    for name in refused {
        let answer = browser.send(browser.upload("batch", name, b"x")).await;
        assert_eq!(answer.status, 400, "{name:?}: {answer:?}");
    }
    for batch in ["", "..", "a/b", ":0", "%2e%2e", &"x".repeat(65)] {
        assert_eq!(browser.send(browser.upload(batch, "a", b"x")).await.status, 400, "{batch:?}");
    }
    assert_eq!(site.staged(), [""; 0]);
    let before: Vec<_> = std::fs::read_dir(site.folder.path()).unwrap().collect();
    // Odd, and fine: each is one name in one folder.
    for name in ["..\\..\\a", "C:\\x", "-rf", "<img src=x onerror=alert(1)>", "*", "\u{202e}gpj.exe", "con", "...", "sent"] {
        let answer = browser.send(browser.upload("batch", name, b"x")).await;
        assert_eq!(answer.status, 200, "{name:?}: {answer:?}");
    }
    assert_eq!(std::fs::read_dir(site.folder.path()).unwrap().count(), before.len(), "nothing beside the staging folder");
    assert_eq!(site.staged().len(), 9);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_can_be_tried_again() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let whole = browser.upload("batch", "film.mkv", &[7; 100_000]).bytes();
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    stream.write_all(&whole[..whole.len() - 10]).await.unwrap();
    timeout(PATIENCE, async {
        while site.staged().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(stream);
        while !site.staged().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it goes");
    assert_eq!(browser.send(browser.upload("batch", "film.mkv", b"x")).await.status, 200);
    assert_eq!(browser.send(browser.upload("batch", "film.mkv", b"y")).await.status, 422, "it is there");
    assert_eq!(browser.send(browser.upload("batch", "film.mkv/a", b"y")).await.status, 422, "it is no folder");
    let endless = browser.upload("batch", "b", b"").with("content-length", u64::MAX / 2);
    assert_eq!(browser.send(endless).await.status, 413, "there is no room");
    let chunked = browser.upload("batch", "b", b"").without("content-length").header("transfer-encoding", "chunked");
    assert_eq!(browser.send(chunked).await.status, 400, "nobody says how long it is");
    assert_eq!(site.staged(), ["film.mkv"]);
}

#[tokio::test]
async fn what_was_not_sent_goes_at_the_next_start() {
    let site = Site::start().await;
    let browser = site.enter().await;
    upload_one(&browser, "a").await;
    let folder = site.folder;
    site.web.stop().await;
    let again = Site::start_in(folder).await;
    assert_eq!(again.staged(), [""; 0]);
}

async fn upload_one(browser: &Browser<'_>, name: &str) -> Value {
    let answer = browser.send(browser.upload("batch", name, b"x")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["handle"].clone()
}

#[tokio::test]
async fn a_stream_of_events_begins_with_a_snapshot_and_one_that_is_not_read_costs_nothing() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    stream.write_all(&browser.ask("GET", "/api/events").bytes()).await.unwrap();
    let head = client::head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");

    // Nobody reads: no more is taken from the engine than fits into what is bounded.
    let settled = timeout(PATIENCE, async {
        loop {
            let before = site.fake.taken.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
            if site.fake.taken.load(Ordering::Relaxed) == before {
                return before;
            }
        }
    });
    let taken = settled.await.expect("it stops taking");
    assert!(taken < 500, "{taken} events of 100 kB");

    let mut said = vec![0; 100_000];
    timeout(PATIENCE, stream.read_exact(&mut said)).await.unwrap().unwrap();
    let said = String::from_utf8(said).unwrap();
    let data: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert!(data[0].starts_with(r#"{"event":"snapshot""#) && data[1].starts_with(r#"{"event":"interrupted""#), "{data:?}");
}

#[tokio::test]
async fn a_received_file_is_saved_and_never_shown() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let content: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
    site.fake.content.lock().unwrap().clone_from(&content);
    let one = browser.ask("GET", &format!("/api/download/{RECEIVED}?entry=7"));
    let answer = browser.send(one.without("origin").with("sec-fetch-site", "none")).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("1000000")));
    assert!(answer.body == content, "other bytes");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
    let disposition = answer.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename*=UTF-8''%22%3E%3Cimg%20src"), "{disposition}");
    assert!(!disposition.contains("%E2%80%AE"), "no mark that turns the reading direction");
    for other in ["/api/download/", "/api/download/x", "/api/download/../../etc/passwd", "/api/download/%2e%2e"] {
        assert_eq!(browser.send(browser.ask("GET", other)).await.status, 422, "{other}");
    }
    for entry in ["8", "-1", "x", "4294967296", ""] {
        let answer = browser.send(browser.ask("GET", &format!("/api/download/{RECEIVED}?entry={entry}"))).await;
        assert!((400..500).contains(&answer.status), "{entry}");
    }
    site.fake.content.lock().unwrap().clear();
    let empty = browser.send(browser.ask("GET", &format!("/api/download/{RECEIVED}?entry=7"))).await;
    assert_eq!((empty.status, empty.header("content-length")), (200, Some("0")));
}

/// Programs that unpack on Windows take a backslash for a separator: a name must not lead out of the folder there either.
#[tokio::test]
async fn several_files_are_saved_as_an_archive_that_leads_nowhere_else() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let content = vec![b'#'; 700_000];
    site.fake.content.lock().unwrap().clone_from(&content);
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    let ask = browser.ask("GET", &format!("/api/download/{RECEIVED}")).header("connection", "close");
    stream.write_all(&ask.bytes()).await.unwrap();
    let head = client::head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains(".zip"), "{head}");
    let mut body = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut body)).await.unwrap().unwrap();
    assert_eq!(body.iter().filter(|byte| **byte == b'#').count(), 2 * content.len());
    let holds = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("a/..⧹..⧹b") && holds("a/c") && !holds("..\\"), "the names");
    assert!(body.ends_with(b"0\r\n\r\n"), "it is whole");
}
