//! Which requests come from our own pages: the checks that need no session.
//!
//! - `Host` must be the address that the connection came to, or a name of loopback: a page of somebody else's whose name was made to
//!   mean this machine (DNS rebinding) says its own name there. The port is free, so that a tunnel (`ssh -L`) may have another.
//! - `Origin` must be that host, where a browser says it, and be said where something changes.
//! - `Sec-Fetch-Site` must be ours, where a browser says it. Another port of this machine is another origin, and refused.
//!
//! Browsers let no page set these three.

use hyper::{
    HeaderMap, Method, Uri,
    header::{HOST, HeaderName, ORIGIN},
};
use std::net::IpAddr;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// The connection that a request came by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The own address that it came to.
    pub(crate) local: IpAddr,
    /// It is encrypted.
    pub(crate) tls: bool,
}

/// What a request is for, which says how much it must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Coming in by a link, which may be clicked in a mail: only the host is checked.
    Entrance,
    /// A file of the UI, a download, or a shared file that the page shows: from our page, or from the address bar.
    Page,
    /// Asking from a script.
    Script,
}

/// Whether a request may be answered at all.
pub(crate) fn is_ours(arrival: Arrival, purpose: Purpose, method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    // A proxy's form of request names a second host.
    let Some(host) = one(headers, &HOST).filter(|host| uri.authority().is_none() && is_own_host(arrival.local, host)) else {
        return false;
    };
    if purpose == Purpose::Entrance {
        return !headers.contains_key(PURPOSE);
    }
    let own_origin = format!("{}://{host}", if arrival.tls { "https" } else { "http" });
    let origin = match (headers.contains_key(ORIGIN), one(headers, &ORIGIN)) {
        (false, _) => *method == Method::GET,
        (true, said) => said.is_some_and(|said| said.eq_ignore_ascii_case(&own_origin)),
    };
    let site = match (headers.contains_key(FETCH_SITE), one(headers, &FETCH_SITE)) {
        (false, _) => true,
        (true, said) => said == Some("same-origin") || (said == Some("none") && purpose == Purpose::Page),
    };
    origin && site
}

/// The value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_own_host(local: IpAddr, host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colon is one of an address in brackets.
        Some((_, rest)) if rest.ends_with(']') => (host, None),
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return false;
    }
    let local = local.to_canonical();
    if name.eq_ignore_ascii_case("localhost") {
        return local.is_loopback();
    }
    let literal = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => name.parse().ok().map(IpAddr::V4),
    };
    let literal = literal.map(|address| address.to_canonical());
    literal.is_some_and(|address| address == local || (address.is_loopback() && local.is_loopback()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOOPBACK: &str = "127.0.0.1";

    fn asked(local: &str, purpose: Purpose, method: Method, uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let local: IpAddr = local.parse().unwrap();
        is_ours(Arrival { local, tls: !local.is_loopback() }, purpose, &method, &uri.parse().unwrap(), &map)
    }

    /// A name that somebody else owns can be made to mean this machine; an address cannot.
    #[test]
    fn only_own_addresses_and_names_of_loopback_are_hosts() {
        let host = |local: &str, host: &str| asked(local, Purpose::Page, Method::GET, "/", &[("host", host)]);
        for own in ["127.0.0.1", "127.0.0.1:47475", "localhost:8080", "LocalHost", "[::1]:47475"] {
            assert!(host(LOOPBACK, own), "{own}");
        }
        for own in ["192.168.1.7:47475", "192.168.1.7"] {
            assert!(host("192.168.1.7", own) && host("::ffff:192.168.1.7", own), "{own}");
        }
        assert!(host("fd00::7", "[fd00::7]:47475") && host("fd00::7", "[fd00::7]"));
        let foreign = [
            "evil.example",
            "evil.example:47475",
            "localhost.evil.example",
            "evil.localhost:1",
            "127.0.0.1.evil.example",
            "127.0.0.1:x",
            "127.0.0.1:",
            "127.0.0.1:1:2",
            "192.168.1.7",
            "2130706433",
            "127.1",
            "::1",
            "[::1",
            "::1]:5",
            "user@127.0.0.1",
            "",
            ":47475",
        ];
        for foreign in foreign {
            assert!(!host(LOOPBACK, foreign), "{foreign}");
        }
        for foreign in ["192.168.1.8", "localhost", "127.0.0.1", "nas"] {
            assert!(!host("192.168.1.7", foreign), "{foreign}");
        }
        assert!(!asked(LOOPBACK, Purpose::Page, Method::GET, "/", &[]), "none");
        assert!(!asked(LOOPBACK, Purpose::Page, Method::GET, "/", &[("host", LOOPBACK), ("host", LOOPBACK)]), "two");
        assert!(!asked(LOOPBACK, Purpose::Page, Method::GET, "http://evil.example/", &[("host", LOOPBACK)]), "as to a proxy");
    }

    #[test]
    fn what_changes_something_says_that_it_comes_from_here() {
        let post = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = [("host", "127.0.0.1:5")].iter().chain(headers).copied().collect();
            asked(LOOPBACK, Purpose::Script, Method::POST, "/api/request", &headers)
        };
        assert!(post(&[("origin", "http://127.0.0.1:5")]));
        assert!(post(&[("origin", "http://127.0.0.1:5"), ("sec-fetch-site", "same-origin")]));
        let foreign = ["http://127.0.0.1:6", "https://127.0.0.1:5", "http://localhost:5", "null", "", "http://evil.example"];
        assert!(foreign.into_iter().all(|origin| !post(&[("origin", origin)])));
        assert!(!post(&[]), "no origin");
        assert!(!post(&[("origin", "http://127.0.0.1:5"), ("origin", "http://127.0.0.1:5")]), "two");
        for site in ["cross-site", "same-site", "none", "x"] {
            assert!(!post(&[("origin", "http://127.0.0.1:5"), ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn a_page_of_somebody_else_loads_nothing_from_here() {
        let get = |purpose, headers: &[(&str, &str)]| {
            let headers: Vec<_> = [("host", "127.0.0.1:5")].iter().chain(headers).copied().collect();
            asked(LOOPBACK, purpose, Method::GET, "/", &headers)
        };
        assert!(get(Purpose::Page, &[("sec-fetch-site", "none")]), "the address bar");
        assert!(!get(Purpose::Script, &[("sec-fetch-site", "none")]), "an event stream is asked for by a script");
        assert!(get(Purpose::Script, &[]) && get(Purpose::Script, &[("sec-fetch-site", "same-origin")]));
        for purpose in [Purpose::Page, Purpose::Script] {
            assert!(!get(purpose, &[("sec-fetch-site", "cross-site")]) && !get(purpose, &[("sec-fetch-site", "same-site")]));
            assert!(!get(purpose, &[("origin", "http://evil.example")]) && !get(purpose, &[("origin", "null")]));
        }
        assert!(get(Purpose::Entrance, &[("sec-fetch-site", "cross-site")]), "a link in a mail");
        assert!(!get(Purpose::Entrance, &[("sec-purpose", "prefetch")]), "looking ahead would use the link up");
    }
}
