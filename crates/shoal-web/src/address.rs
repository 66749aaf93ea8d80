//! Where the browser host listens.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};
use tokio::net::TcpListener;

/// The TCP port that is tried first, so that a bookmark or a tunnel holds. Taken: any other, unless a port was asked for.
pub const DEFAULT_PORT: u16 = 47475;

/// An address to listen on: `IP` or `IP:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebAddress {
    /// The address; the unspecified one means all.
    pub ip: IpAddr,
    /// The port; none: [`DEFAULT_PORT`], or another when that is taken.
    pub port: Option<u16>,
}

impl Default for WebAddress {
    /// Loopback: nobody but this machine's users reaches it.
    fn default() -> Self {
        Self { ip: Ipv4Addr::LOCALHOST.into(), port: None }
    }
}

/// A text that is no [`WebAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an address as in 127.0.0.1, 0.0.0.0:47475 or [::1]:8080")]
pub struct ParseWebAddressError;

impl FromStr for WebAddress {
    type Err = ParseWebAddressError;

    fn from_str(text: &str) -> Result<Self, ParseWebAddressError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: address.ip(), port: Some(address.port()) });
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(|ip| Self { ip, port: None }).map_err(|_| ParseWebAddressError)
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.ip, self.port.unwrap_or(DEFAULT_PORT)).fmt(f)
    }
}

impl WebAddress {
    /// Listens there.
    ///
    /// # Errors
    /// What the system said of the last port that was tried.
    pub(crate) async fn listen(self) -> io::Result<TcpListener> {
        match self.port {
            Some(port) => TcpListener::bind((self.ip, port)).await,
            None => match TcpListener::bind((self.ip, DEFAULT_PORT)).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => TcpListener::bind((self.ip, 0)).await,
                bound => bound,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_has_a_port_or_not() {
        let parsed = |text: &str| text.parse::<WebAddress>().map(|address| (address.ip.to_string(), address.port));
        assert_eq!(parsed("127.0.0.1"), Ok(("127.0.0.1".into(), None)));
        assert_eq!(parsed("0.0.0.0:80"), Ok(("0.0.0.0".into(), Some(80))));
        assert_eq!(parsed("::1"), Ok(("::1".into(), None)));
        assert_eq!(parsed("[::1]"), Ok(("::1".into(), None)));
        assert_eq!(parsed("[::]:0"), Ok(("::".into(), Some(0))));
        for wrong in ["", "localhost", "1.2.3", "1.2.3.4:x", "1.2.3.4:70000", "[::1", "80", ":80"] {
            assert_eq!(parsed(wrong), Err(ParseWebAddressError), "{wrong}");
        }
    }
}
