//! Who is let in: a link that opens once, then a cookie. Both are 256 random bits; only their hashes are kept.

use blake3::Hash;
use data_encoding::BASE64URL_NOPAD;
use std::time::{Duration, Instant};

/// Most browsers that are let in at once.
pub const MAX_SESSIONS: usize = 16;

/// How long a browser that asks for nothing stays let in.
pub const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a link does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoEntry {
    /// It is none of ours, or was used.
    Wrong,
    /// [`MAX_SESSIONS`] browsers are in.
    Full,
}

/// The link that opens next, and the browsers that are in. Time is passed in.
#[derive(Debug)]
pub(crate) struct Sessions {
    link: Hash,
    open: Vec<Session>,
}

#[derive(Debug)]
struct Session {
    cookie: Hash,
    used: Instant,
}

/// A secret, and what is kept of it.
fn secret() -> (String, Hash) {
    let text = BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>());
    let hash = blake3::hash(text.as_bytes());
    (text, hash)
}

impl Sessions {
    /// Nobody is in; returns the token of the first link.
    pub(crate) fn new() -> (Self, String) {
        let (token, link) = secret();
        (Self { link, open: Vec::new() }, token)
    }

    /// Uses a link up. Returns the cookie's value and the token of the next link.
    pub(crate) fn enter(&mut self, token: &str, now: Instant) -> Result<(String, String), NoEntry> {
        // Hashes compare in constant time.
        if blake3::hash(token.as_bytes()) != self.link {
            return Err(NoEntry::Wrong);
        }
        self.open.retain(|session| now.saturating_duration_since(session.used) < IDLE);
        if self.open.len() >= MAX_SESSIONS {
            return Err(NoEntry::Full);
        }
        let ((value, cookie), (next, link)) = (secret(), secret());
        self.open.push(Session { cookie, used: now });
        self.link = link;
        Ok((value, next))
    }

    /// Whether one of these cookies is that of a browser that is in.
    pub(crate) fn knows<'a>(&mut self, values: impl IntoIterator<Item = &'a str>, now: Instant) -> bool {
        values.into_iter().any(|value| {
            let cookie = blake3::hash(value.as_bytes());
            let session = self.open.iter_mut().find(|session| session.cookie == cookie);
            let session = session.filter(|session| now.saturating_duration_since(session.used) < IDLE);
            session.map(|session| session.used = now).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_link_opens_once_and_the_next_one_opens_then() {
        let now = Instant::now();
        let (mut sessions, first) = Sessions::new();
        assert_eq!(sessions.enter("", now), Err(NoEntry::Wrong));
        let (cookie, second) = sessions.enter(&first, now).unwrap();
        assert_eq!(sessions.enter(&first, now), Err(NoEntry::Wrong), "used");
        let (other, _) = sessions.enter(&second, now).unwrap();
        assert_ne!(cookie, other);
        assert!(sessions.knows([cookie.as_str()], now) && sessions.knows(["x", &other], now));
        assert!(!sessions.knows([first.as_str(), &second, "", "x"], now), "a link is no cookie");
    }

    #[test]
    fn who_is_idle_for_long_makes_room_for_others() {
        let start = Instant::now();
        let (mut sessions, mut token) = Sessions::new();
        let mut cookies = Vec::new();
        for _ in 0..MAX_SESSIONS {
            let (cookie, next) = sessions.enter(&token, start).unwrap();
            cookies.push(cookie);
            token = next;
        }
        assert_eq!(sessions.enter(&token, start), Err(NoEntry::Full));
        let later = start + IDLE / 2;
        assert!(sessions.knows([cookies[0].as_str()], later));
        let much_later = start + IDLE;
        assert!(!sessions.knows([cookies[1].as_str()], much_later));
        assert!(sessions.enter(&token, much_later).is_ok(), "the link was not used up when there was no room");
        assert!(sessions.knows([cookies[0].as_str()], much_later), "who was active stays");
    }
}
