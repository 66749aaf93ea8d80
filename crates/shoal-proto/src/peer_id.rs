//! Who a device is: its public key, and the key's text form.

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::LazyLock};

/// A device's identity: its Ed25519 public key (RFC 8032), 32 bytes.
///
/// Its text form is RFC 4648 base32 in lower case without padding, 52 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId([u8; 32]);

impl PeerId {
    /// Length of the text form.
    pub const TEXT_LEN: usize = 52;

    /// The id of the device that holds the key.
    pub const fn from_public_key(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight characters of the text form: enough for a person to tell devices apart, never enough to trust one.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(8);
        text
    }
}

/// A text that is not a [`PeerId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a device id: it has {} characters of a to z and 2 to 7", PeerId::TEXT_LEN)]
pub struct ParsePeerIdError;

impl FromStr for PeerId {
    type Err = ParsePeerIdError;

    fn from_str(text: &str) -> Result<Self, ParsePeerIdError> {
        let bytes = BASE32.decode(text.to_ascii_lowercase().as_bytes()).map_err(|_| ParsePeerIdError)?;
        bytes.try_into().map(Self).map_err(|_| ParsePeerIdError)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32.encode(&self.0))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// RFC 4648 base32, lower case, no padding.
pub static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_rejects_everything_else() {
        let id = PeerId::from_public_key([7; 32]);
        let text = id.to_string();
        assert_eq!(text.len(), PeerId::TEXT_LEN);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        for wrong in ["", "abcd", &text[1..], &format!("{text}a"), &text.replace(|c: char| c.is_ascii_digit(), "1")] {
            assert_ne!(wrong.parse(), Ok(id), "{wrong}");
        }
    }
}
