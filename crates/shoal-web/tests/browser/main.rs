//! The browser host over real HTTP: who is let in, and that all others get nothing.

#![allow(clippy::unwrap_used)]

mod client;
mod doors;
mod fake;
mod shared;
mod transfers;

use client::{Answer, Ask};
use fake::Fake;
use shoal_web::{Assets, Options, WebHost};
use std::net::SocketAddr;

const ASSETS: Assets = Assets::of(&[("index.html", b"<!doctype html>the page"), ("assets/index-1.js", b"the script")]);

/// A browser host on loopback.
struct Site {
    web: WebHost,
    fake: Fake,
    folder: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    async fn start_in(folder: tempfile::TempDir) -> Self {
        let fake = Fake::default();
        let address = "127.0.0.1:0".parse().unwrap();
        let options = Options { address, own: vec![], data_dir: folder.path().to_owned(), assets: ASSETS };
        let web = WebHost::start(fake.clone(), options).await.unwrap();
        Self { web, fake, folder }
    }

    fn address(&self) -> SocketAddr {
        self.web.address()
    }

    fn token(&self) -> String {
        self.web.link().split_once("/?token=").unwrap().1.to_owned()
    }

    /// Comes in by the link as it is now.
    async fn enter(&self) -> Browser<'_> {
        let answer = self.bare("GET", &format!("/?token={}", self.token())).send(self.address()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Browser { site: self, cookie }
    }

    /// A request that says nothing but the host.
    fn bare(&self, method: &str, target: &str) -> Ask {
        Ask::new(method, target, self.address())
    }

    /// Names of everything below the staging folder.
    fn staged(&self) -> Vec<String> {
        fn list(folder: &std::path::Path, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    list(&path, names);
                } else {
                    names.push(path.file_name().unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut names = Vec::new();
        list(self.folder.path(), &mut names);
        names.sort();
        names
    }
}

/// A browser that was let in.
struct Browser<'a> {
    site: &'a Site,
    cookie: String,
}

impl Browser<'_> {
    /// As a page of ours asks.
    fn ask(&self, method: &str, target: &str) -> Ask {
        let origin = format!("http://{}", self.site.address());
        self.site
            .bare(method, target)
            .header("cookie", &self.cookie)
            .header("origin", origin)
            .header("sec-fetch-site", "same-origin")
    }

    fn request(&self, request: impl ToString) -> Ask {
        self.ask("POST", "/api/request").header("content-type", "application/json").body(request.to_string())
    }

    fn upload(&self, batch: &str, path: &str, content: &[u8]) -> Ask {
        let encoded: String = path.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let target = format!("/api/upload?batch={batch}&path={encoded}");
        self.ask("POST", &target).header("content-type", "application/octet-stream").body(content)
    }

    async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.site.address()).await
    }
}
