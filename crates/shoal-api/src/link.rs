//! A link that adds a device: `shoal:peer/<id>?at=ip:port&at=…&name=…`.
//!
//! The id is what counts: whoever answers at an address must prove that key. The name is a hint for a screen.
//! Everything outside the unreserved characters of RFC 3986 §2.3 (and `:`, `[`, `]` in addresses) is percent-encoded.

use shoal_engine::PeerId;
use std::{fmt, net::SocketAddr, str::FromStr};

/// How every link to a device begins.
const PREFIX: &str = "shoal:peer/";

/// Most addresses that are read from one link; a device has a handful.
const MAX_ADDRESSES: usize = 16;

/// Longest link that is read, in bytes.
const MAX_LEN: usize = 4096;

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerLink {
    /// The device.
    pub id: PeerId,
    /// Where it may be reached.
    pub addresses: Vec<SocketAddr>,
    /// What it calls itself; from whoever wrote the link, so not safe to print.
    pub name: Option<String>,
}

impl PeerLink {
    /// Whether a text means to be a link.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }
}

/// A text that is not a [`PeerLink`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the link is damaged: copy all of it, from shoal:peer/ on")]
pub struct ParsePeerLinkError;

impl fmt::Display for PeerLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.id)?;
        let addresses = self.addresses.iter().map(|address| ("at", address.to_string(), b":[]".as_slice()));
        let name = self.name.iter().map(|name| ("name", name.clone(), b"".as_slice()));
        for (index, (key, value, also_plain)) in addresses.chain(name).enumerate() {
            write!(f, "{}{key}=", if index == 0 { '?' } else { '&' })?;
            for byte in value.bytes() {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(byte))?,
                    _ if also_plain.contains(&byte) => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "%{byte:02X}")?,
                }
            }
        }
        Ok(())
    }
}

impl FromStr for PeerLink {
    type Err = ParsePeerLinkError;

    fn from_str(text: &str) -> Result<Self, ParsePeerLinkError> {
        let rest = text.strip_prefix(PREFIX).filter(|_| text.len() <= MAX_LEN).ok_or(ParsePeerLinkError)?;
        let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut link = Self { id: id.parse().map_err(|_| ParsePeerLinkError)?, addresses: Vec::new(), name: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(ParsePeerLinkError)?;
            let value = decoded(value).ok_or(ParsePeerLinkError)?;
            match key {
                "at" if link.addresses.len() < MAX_ADDRESSES => {
                    link.addresses.push(value.parse().map_err(|_| ParsePeerLinkError)?);
                }
                "name" => link.name = Some(value),
                // Later versions may add keys; too many addresses are left alone.
                _ => {}
            }
        }
        Ok(link)
    }
}

/// Undoes percent-encoding; `None` when it is damaged or no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next()?)? << 4 | hex(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn link() -> PeerLink {
        PeerLink {
            id: PeerId::from_public_key([9; 32]),
            addresses: vec!["192.168.1.7:47474".parse().unwrap(), "[fe80::1%3]:47474".parse().unwrap()],
            name: Some("Mira's laptop & Ünï 🐟 100%".into()),
        }
    }

    #[test]
    fn a_link_round_trips_whatever_the_name_holds() {
        let text = link().to_string();
        assert!(text.is_ascii() && !text.contains(' '), "{text}");
        assert!(text.starts_with("shoal:peer/"), "{text}");
        assert!(text.contains("?at=192.168.1.7:47474&at=[fe80::1%253]:47474&name=Mira%27s"), "{text}");
        assert_eq!(text.parse(), Ok(link()));
    }

    #[test]
    fn unknown_keys_are_left_alone_and_damage_is_an_error() {
        let id = link().id;
        assert_eq!(format!("shoal:peer/{id}?later=1").parse(), Ok(PeerLink { id, addresses: vec![], name: None }));
        let damaged = ["shoal:peer/", "shoal:peer/abc", "shoal:peer/{id}?at", "shoal:peer/{id}?at=x", "shoal:peer/{id}?name=%f"];
        for text in damaged.map(|text| text.replace("{id}", &id.to_string())) {
            assert_eq!(text.parse::<PeerLink>(), Err(ParsePeerLinkError), "{text}");
        }
        let endless = format!("shoal:peer/{id}?name={}", "a".repeat(MAX_LEN));
        assert_eq!(endless.parse::<PeerLink>(), Err(ParsePeerLinkError));
        let many = format!("shoal:peer/{id}?{}", "at=1.2.3.4:5&".repeat(100));
        assert_eq!(many.parse::<PeerLink>().unwrap().addresses.len(), MAX_ADDRESSES);
    }
}
