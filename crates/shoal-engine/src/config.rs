//! What a host decides before it starts an engine.

use std::{net::IpAddr, path::PathBuf};

/// The port that Shoal tries first, so that one firewall rule serves. Taken: any other.
pub const DEFAULT_PORT: u16 = 47474;

/// How an engine is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where key, database and control socket live; made when missing. One engine at a time.
    pub data_dir: PathBuf,
    /// What others see; `None`: the name kept from before, or the host's.
    pub name: Option<String>,
    /// Where accepted files go unless a consent says otherwise; `None`: the one kept from before, or the platform's downloads.
    pub inbox: Option<PathBuf>,
    /// Who is accepted without asking.
    pub accept: AcceptRule,
    /// The address to listen on; `None`: every one, IPv4 and IPv6.
    pub listen: Option<IpAddr>,
    /// The UDP port; `None`: [`DEFAULT_PORT`], or any when that is taken. A port asked for that is taken is an error.
    pub port: Option<u16>,
    /// Announce and look for devices by mDNS.
    pub mdns: bool,
    /// Only addresses of the local network are dialled and answered.
    pub lan_only: bool,
}

impl Config {
    /// Defaults for a data folder: ask before accepting, every interface, mDNS on.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            name: None,
            inbox: None,
            accept: AcceptRule::Ask,
            listen: None,
            port: None,
            mdns: true,
            lan_only: false,
        }
    }
}

/// Who is accepted without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptRule {
    /// Nobody.
    Ask,
    /// Verified devices.
    Verified,
    /// Everybody. For drop boxes that their owner watches.
    All,
}
