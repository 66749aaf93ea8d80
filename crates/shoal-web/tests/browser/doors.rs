//! Who is let in, and that all others get nothing.

use super::{Site, client};
use serde_json::json;
use shoal_web::limits::{HEAD_PATIENCE, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS, MAX_SESSIONS, MAX_STREAMS};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Targets that answer somebody who is in.
const DOORS: [(&str, &str); 7] = [
    ("GET", "/"),
    ("GET", "/assets/index-1.js"),
    ("POST", "/api/request"),
    ("GET", "/api/events"),
    ("GET", "/api/download/00000000000000000000000000000001"),
    ("GET", "/api/media/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Films/a.mp4?v=1"),
    ("GET", "/api/thumbnail/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Films/a.jpg?v=1&edge=64"),
];

/// What nobody outside may read.
const SECRETS: [&str; 4] = ["secret", "the page", "the script", "content of a file"];

fn assert_nothing_leaks(site: &Site, answer: &client::Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    assert!(SECRETS.iter().all(|secret| !answer.text().contains(secret)), "{what}: {answer:?}");
    assert_eq!(answer.header("set-cookie"), None, "{what}");
    assert_eq!(site.fake.asked(), [], "{what}");
}

#[tokio::test]
async fn the_link_opens_once_and_gives_a_strict_cookie() {
    let site = Site::start().await;
    let (token, enter) = (site.token(), |token: &str| site.bare("GET", &format!("/?token={token}")));
    for wrong in ["", "x", &token[1..], &token.to_lowercase(), &format!("{token}x"), &format!("{token}&token={token}")] {
        assert_nothing_leaks(&site, &enter(wrong).send(site.address()).await, "a wrong token");
    }
    let looking_ahead = enter(&token).header("sec-purpose", "prefetch;prerender").send(site.address()).await;
    assert_nothing_leaks(&site, &looking_ahead, "a browser that looks ahead");

    let answer = enter(&token).send(site.address()).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert_eq!((answer.status, answer.header("location")), (200, None));
    assert!(["; Path=/", "; HttpOnly", "; SameSite=Strict"].iter().all(|part| cookie.contains(part)), "{cookie}");
    assert!(!cookie.contains(&token) && !answer.text().contains(&token));
    assert!(!cookie.contains("Domain"), "it is for this host alone");

    assert_nothing_leaks(&site, &enter(&token).send(site.address()).await, "a used token");
    assert_ne!(site.token(), token, "the next browser has a link of its own");
    let again = enter(&token).header("cookie", cookie.split(';').next().unwrap()).send(site.address()).await;
    assert_eq!((again.status, again.header("set-cookie")), (200, None), "who is in may load the page again");
}

#[tokio::test]
async fn without_a_cookie_of_ours_every_door_is_shut() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let name = browser.cookie.split('=').next().unwrap();
    let cookies = [None, Some(""), Some("x"), Some(name), Some(&*format!("{name}=")), Some(&*format!("{name}={}", site.token()))]
        .map(|cookie| cookie.map(str::to_owned));
    for (method, target) in DOORS {
        for cookie in &cookies {
            let ask = browser.request(json!({ "request": "identity" })).without("cookie");
            let ask = if method == "POST" { ask } else { browser.ask(method, target).without("cookie") };
            let ask = cookie.iter().fold(ask, |ask, cookie| ask.header("cookie", cookie));
            let answer = ask.send(site.address()).await;
            assert_eq!(answer.status, 401, "{target} {cookie:?}");
            assert_nothing_leaks(&site, &answer, target);
        }
    }
    let upload = browser.upload("batch", "a.txt", b"x").without("cookie").send(site.address()).await;
    assert_nothing_leaks(&site, &upload, "upload");
    assert_eq!(site.staged(), [""; 0]);
}

/// A foreign page whose name was made to mean 127.0.0.1 is of the same origin as what it asks for; its name gives it away.
#[tokio::test]
async fn a_foreign_host_is_refused_with_a_good_cookie_too() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let port = site.address().port();
    for host in
        ["evil.example".to_owned(), format!("evil.example:{port}"), format!("localhost.evil.example:{port}"), String::new()]
    {
        for (method, target) in DOORS {
            let ask =
                if method == "POST" { browser.request(json!({ "request": "identity" })) } else { browser.ask(method, target) };
            let answer = ask.with("host", &host).with("origin", format!("http://{host}")).send(site.address()).await;
            assert_nothing_leaks(&site, &answer, &host);
        }
        let entrance = site.bare("GET", &format!("/?token={}", site.token())).with("host", &host).send(site.address()).await;
        assert_nothing_leaks(&site, &entrance, &host);
    }
    // The names of loopback and the port of a tunnel are ours.
    for host in [format!("localhost:{port}"), "127.0.0.1:8080".to_owned()] {
        let ask = browser.ask("GET", "/").with("host", &host).with("origin", format!("http://{host}"));
        assert_eq!(ask.send(site.address()).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_with_a_good_cookie_too() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let other_port = format!("http://127.0.0.1:{}", site.address().port() ^ 1);
    for origin in ["http://evil.example", "null", "https://127.0.0.1", &other_port] {
        for (method, target) in DOORS {
            let ask =
                if method == "POST" { browser.request(json!({ "request": "identity" })) } else { browser.ask(method, target) };
            assert_nothing_leaks(&site, &ask.with("origin", origin).send(site.address()).await, origin);
        }
        let upload = browser.upload("batch", "a.txt", b"x").with("origin", origin).send(site.address()).await;
        assert_nothing_leaks(&site, &upload, origin);
    }
    for site_said in ["cross-site", "same-site", "none"] {
        for (method, target) in [("POST", "/api/request"), ("GET", "/api/events")] {
            let ask =
                if method == "POST" { browser.request(json!({ "request": "identity" })) } else { browser.ask(method, target) };
            assert_nothing_leaks(&site, &ask.with("sec-fetch-site", site_said).send(site.address()).await, site_said);
        }
    }
    let preflight = browser.ask("OPTIONS", "/api/request").with("origin", "http://evil.example");
    let answer = preflight.header("access-control-request-method", "POST").send(site.address()).await;
    assert!(!answer.head.to_lowercase().contains("access-control"), "{answer:?}");
    assert_nothing_leaks(&site, &answer, "a question whether another origin may ask");
    assert_eq!(site.staged(), [""; 0]);
}

/// A form needs no script and no leave of CORS, and old browsers send cookies along.
#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let body = r#"{"request":"decline","transfer":"ab","x":"="}"#;
    for form in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        // Even one that claims to come from here: a form is never how our page asks.
        let as_ours = browser.request(body).with("content-type", form);
        let foreign = as_ours.clone().with("origin", "http://evil.example").with("sec-fetch-site", "cross-site");
        let without = as_ours.clone().without("origin").without("sec-fetch-site");
        for ask in [as_ours, foreign, without] {
            assert_nothing_leaks(&site, &ask.send(site.address()).await, form);
        }
        let upload = browser.upload("batch", "a.txt", b"x").with("content-type", form).send(site.address()).await;
        assert_nothing_leaks(&site, &upload, form);
    }
    let by_get = browser.ask("GET", "/api/request?request=decline").send(site.address()).await;
    assert_nothing_leaks(&site, &by_get, "by GET");
    assert_eq!(site.staged(), [""; 0]);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_other_pages_out() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let answers = [
        browser.ask("GET", "/").send(site.address()).await,
        browser.ask("GET", "/assets/index-1.js").send(site.address()).await,
        browser.request(json!({ "request": "devices" })).send(site.address()).await,
        browser.ask("GET", "/nothing").send(site.address()).await,
        site.bare("GET", "/").send(site.address()).await,
        site.bare("GET", &format!("/?token={}", site.token())).send(site.address()).await,
    ];
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        assert!(!answer.head.to_lowercase().contains("access-control"), "{answer:?}");
    }
}

#[tokio::test]
async fn no_more_browsers_are_in_than_the_limit_says() {
    let site = Site::start().await;
    for _ in 0..MAX_SESSIONS {
        site.enter().await;
    }
    let answer = site.bare("GET", &format!("/?token={}", site.token())).send(site.address()).await;
    assert_eq!(answer.status, 429);
    assert_nothing_leaks(&site, &answer, "one too many");
}

#[tokio::test]
async fn no_more_event_streams_are_open_than_the_limit_says() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let mut open = Vec::new();
    for _ in 0..MAX_STREAMS {
        let mut stream = TcpStream::connect(site.address()).await.unwrap();
        stream.write_all(&browser.ask("GET", "/api/events").bytes()).await.unwrap();
        assert!(client::head(&mut stream).await.starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
    assert_eq!(browser.ask("GET", "/api/events").send(site.address()).await.status, 429);
    drop(open);
    while browser.ask("GET", "/").send(site.address()).await.status != 200 {}
}

#[tokio::test]
async fn heads_that_are_giant_or_never_end_are_refused_and_others_are_served_meanwhile() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let giant = browser.ask("GET", "/").header("x", "x".repeat(4 * MAX_HEAD));
    assert_eq!(giant.send(site.address()).await.status, 431);
    let many = (0..=MAX_HEADERS).fold(browser.ask("GET", "/"), |ask, n| ask.header(&format!("x{n}"), "x"));
    assert_eq!(many.send(site.address()).await.status, 431);
    let long = browser.ask("GET", &format!("/{}", "x".repeat(4 * MAX_HEAD)));
    assert!((400..500).contains(&long.send(site.address()).await.status));

    let mut endless = TcpStream::connect(site.address()).await.unwrap();
    endless.write_all(b"GET / HTTP/1.1\r\nx").await.unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(browser.ask("GET", "/").send(site.address()).await.status, 200);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(HEAD_PATIENCE * 2, tokio::io::AsyncReadExt::read_to_end(&mut endless, &mut rest)).await;
    assert!(ended.is_ok() && begun.elapsed() >= HEAD_PATIENCE / 2, "let go after {:?}", begun.elapsed());
}

#[tokio::test]
async fn connections_beyond_the_limit_are_let_go() {
    let site = Site::start().await;
    let browser = site.enter().await;
    let mut open = Vec::new();
    for _ in 0..MAX_CONNECTIONS + 8 {
        open.push(TcpStream::connect(site.address()).await.unwrap());
    }
    let mut last = open.pop().unwrap();
    let mut nothing = Vec::new();
    // Closed or reset: one that was never answered.
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut last, &mut nothing).await;
    assert_eq!(nothing, b"");
    drop(open);
    tokio::time::timeout(client::PATIENCE, async {
        loop {
            let mut stream = TcpStream::connect(site.address()).await.unwrap();
            let wrote = stream.write_all(&browser.ask("GET", "/").bytes()).await;
            let mut first = [0; 12];
            if wrote.is_ok() && tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first).await.is_ok() {
                assert_eq!(&first, b"HTTP/1.1 200");
                return;
            }
        }
    })
    .await
    .expect("served again");
}
