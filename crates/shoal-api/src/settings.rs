//! What a person can set.

use crate::rows::Limits;
use serde::{Deserialize, Deserializer, Serialize};
use shoal_engine::{self as engine, Colour};
use std::path::PathBuf;
use ts_rs::TS;

/// Who is accepted without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Accept {
    /// Nobody.
    Ask,
    /// Verified devices.
    Verified,
    /// Everybody.
    All,
}

impl From<engine::AcceptRule> for Accept {
    fn from(rule: engine::AcceptRule) -> Self {
        match rule {
            engine::AcceptRule::Ask => Self::Ask,
            engine::AcceptRule::Verified => Self::Verified,
            engine::AcceptRule::All => Self::All,
        }
    }
}

impl From<Accept> for engine::AcceptRule {
    fn from(accept: Accept) -> Self {
        match accept {
            Accept::Ask => Self::Ask,
            Accept::Verified => Self::Verified,
            Accept::All => Self::All,
        }
    }
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Settings {
    /// What others see.
    pub name: String,
    /// Where accepted files go by default.
    #[ts(type = "string")]
    pub inbox: PathBuf,
    /// Who is accepted without a question.
    pub accept: Accept,
    /// Announced on the network, so that others find this device by themselves. Not while `shoal serve --no-mdns` runs. Devices that
    /// this one looks at see it all the same, while they are connected.
    pub discoverable: bool,
    /// The host's network interfaces, those that are up or switched off here.
    pub interfaces: Vec<Interface>,
    /// Limits in force.
    pub limits: Limits,
    /// How this device looks on every screen: index of the palette, 0 to 11; null: derived from its key.
    #[serde(default)]
    pub colour: Option<u8>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Interface {
    /// What the system calls it.
    pub name: String,
    /// Its addresses, without ports; none when it is down.
    pub addresses: Vec<String>,
    /// Devices are looked for and talked to on it.
    pub used: bool,
}

/// What changes; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingsChange {
    /// What others see; empty: the host's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// Where accepted files go by default. Names a path: [`crate::Request::names_a_path`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub inbox: Option<PathBuf>,
    /// Who is accepted without a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub accept: Option<Accept>,
    /// Announced on the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub discoverable: Option<bool>,
    /// Names of the interfaces that are not used, all of them; every other one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub interfaces_off: Option<Vec<String>>,
    /// Index of the palette, 0 to 11; null: derived from the key.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number | null")]
    pub colour: Option<Option<u8>>,
}

/// Tells null from what is left out.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u8>>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

impl From<engine::Settings> for Settings {
    fn from(settings: engine::Settings) -> Self {
        Self {
            name: settings.name,
            inbox: settings.inbox,
            accept: settings.accept.into(),
            discoverable: settings.discoverable,
            interfaces: settings.interfaces.into_iter().map(Into::into).collect(),
            limits: settings.limits.into(),
            colour: settings.colour.map(Colour::index),
        }
    }
}

impl From<engine::Interface> for Interface {
    fn from(interface: engine::Interface) -> Self {
        let addresses = interface.addresses.iter().map(ToString::to_string).collect();
        Self { name: interface.name, addresses, used: interface.used }
    }
}

impl From<SettingsChange> for engine::SettingsChange {
    fn from(change: SettingsChange) -> Self {
        let SettingsChange { name, inbox, accept, discoverable, interfaces_off, colour } = change;
        Self { name, inbox, accept: accept.map(Into::into), discoverable, interfaces_off, colour }
    }
}
