//! Shared files as a page's images, films and texts ask for them.

use super::{
    Browser, Site,
    client::{self, Ask, PATIENCE},
    fake::{SECRET, SHARED, SHARER, part},
};
use shoal_api::Request;
use shoal_web::limits::MAX_MEDIA;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// As an element of our page asks: with no `Origin`, and with the cookie.
fn element(browser: &Browser<'_>, target: &str, dest: &str) -> Ask {
    browser.ask("GET", target).without("origin").header("sec-fetch-dest", dest).header("sec-fetch-mode", "no-cors")
}

fn film() -> String {
    format!("/api/media/{SHARER}/Films/a%20film.mp4?v=1-2")
}

fn reads(site: &Site) -> usize {
    site.fake.asked().iter().filter(|request| matches!(request, Request::ReadShared { .. })).count()
}

#[tokio::test]
async fn a_film_is_played_from_its_middle_without_what_is_before() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let (first, last) = (SHARED / 2 + 7, SHARED / 2 + 3_000_006);
    let ask = element(&browser, &film(), "video").header("range", format!("bytes={first}-{last}"));
    let answer = browser.send(ask).await;
    assert_eq!((answer.status, answer.header("content-length")), (206, Some("3000000")));
    assert_eq!(answer.header("content-range"), Some(&*format!("bytes {first}-{last}/{SHARED}")));
    assert_eq!((answer.header("content-type"), answer.header("accept-ranges")), (Some("video/mp4"), Some("bytes")));
    assert!(answer.body == part(first, 3_000_000), "other bytes");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    let path = "/Films/a film.mp4";
    let asked = site.fake.asked();
    let right = |request: &Request| matches!(request, Request::ReadShared { peer, path: of, offset, .. } if peer == SHARER && of == path && *offset >= first);
    assert!(asked.iter().all(right), "{asked:?}");
    assert_eq!(browser.send(element(&browser, &film(), "video").header("range", format!("bytes={SHARED}-"))).await.status, 416);
}

/// A film that is paused, or on a slow way, must not fill this device's memory, nor its peer's line.
#[tokio::test]
async fn what_nobody_takes_is_not_read() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    stream.write_all(&element(&browser, &film(), "video").bytes()).await.unwrap();
    let head = client::head(&mut stream).await;
    assert!(head.contains(&format!("content-length: {SHARED}")), "{head}");
    let settled = timeout(PATIENCE, async {
        loop {
            let before = reads(&site);
            tokio::time::sleep(Duration::from_millis(500)).await;
            if reads(&site) == before {
                return before;
            }
        }
    });
    let taken = settled.await.expect("it stops reading");
    assert!(taken <= 16, "{taken} parts of 1 MiB");
    let mut some = vec![0; 20 << 20];
    timeout(PATIENCE, stream.read_exact(&mut some)).await.unwrap().unwrap();
    assert!(some == part(0, some.len() as u64) && reads(&site) > taken, "it goes on");
}

#[tokio::test]
async fn films_at_once_are_bounded_and_one_that_is_closed_makes_room() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let ask = element(&browser, &film(), "video").bytes();
    let mut open = Vec::new();
    for _ in 0..MAX_MEDIA {
        let mut stream = TcpStream::connect(site.address()).await.unwrap();
        stream.write_all(&ask).await.unwrap();
        assert!(client::head(&mut stream).await.starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
    let one = element(&browser, &film(), "video").header("range", "bytes=0-0");
    assert_eq!(browser.send(one.clone()).await.status, 429);
    open.pop();
    timeout(PATIENCE, async {
        while browser.send(one.clone()).await.status != 206 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("there is room again");
}

#[tokio::test]
async fn thumbnails_are_shown_and_kept_by_version() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let target = format!("/api/thumbnail/{SHARER}/Films/a.jpg?v=1-2&edge=128");
    let answer = browser.send(element(&browser, &target, "image")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/jpeg")));
    assert!(answer.header("cache-control").unwrap().starts_with("private"), "{answer:?}");
    assert!(matches!(&site.fake.asked()[..], [Request::Thumbnail { edge: 128, path, .. }] if path == "/Films/a.jpg"));
    let damaged = format!("/api/thumbnail/{SHARER}/Films/a.jpg?v=1-2");
    assert_eq!(browser.send(element(&browser, &damaged, "image")).await.status, 400);
}

/// What a peer shares must not become a page of ours, and one who saves it gets it under its own name.
#[tokio::test]
async fn what_cannot_be_shown_is_saved() {
    let site = Site::start().await;
    let browser = site.enter().await;
    for (name, save) in [("evil.html", ""), ("notes.txt", ""), ("a.mp4", "&save=1")] {
        let target = format!("/api/media/{SHARER}/Films/{name}?v=1{save}");
        let answer = browser.send(element(&browser, &target, "empty").header("range", "bytes=0-9")).await;
        assert_eq!((answer.status, answer.header("content-type")), (206, Some("application/octet-stream")), "{name}");
        assert_eq!(answer.header("content-disposition"), Some(&*format!("attachment; filename*=UTF-8''{name}")));
        assert!(answer.body == SECRET[..10], "{name}");
    }
}

#[tokio::test]
async fn what_is_not_to_be_had_is_said_in_words() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let gone = browser.send(element(&browser, &format!("/api/media/{SHARER}/Films/gone.mp4?v=1"), "video")).await;
    assert_eq!((gone.status, gone.json()["message"].as_str()), (504, Some("Mira's laptop does not answer")));
    for target in ["/api/media/", "/api/media/mira/Films/a", &format!("/api/media/{SHARER}/Films"), "/api/thumbnail/"] {
        assert_eq!(browser.send(element(&browser, target, "video")).await.status, 400, "{target}");
    }
    assert_eq!(browser.send(browser.ask("POST", &film())).await.status, 405);
}
