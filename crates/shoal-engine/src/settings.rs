//! What a person can set: kept in the database, in force at once. What the command line says holds over what was kept before, until
//! it is changed again.

use crate::{
    AcceptRule, Config, Engine, Event, Limits,
    discovery::{
        Presence,
        interfaces::{self, Link},
    },
    engine::Inner,
    error::{SettingsError, TransferError},
    store::database::{Database, DatabaseError},
    transfer::transfers::blocking,
};
use shoal_proto::{
    display,
    message::{Colour, Look, Request},
};
use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Interfaces that can be switched off, at most; and the bytes of a name.
const MAX_OFF: usize = 256;
const MAX_INTERFACE_NAME: usize = 256;

/// The settings in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What others see.
    pub name: String,
    /// Where accepted files go by default.
    pub inbox: PathBuf,
    /// Who is accepted without a question.
    pub accept: AcceptRule,
    /// Announced by mDNS. Devices that this one looks at see it all the same, while they are connected.
    pub discoverable: bool,
    /// Interfaces that are up, and those that are switched off.
    pub interfaces: Vec<Interface>,
    /// Limits in force.
    pub limits: Limits,
    /// How this device looks on every screen; `None`: derived from its key.
    pub colour: Option<Colour>,
}

/// A network interface of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What the system calls it.
    pub name: String,
    /// Its addresses; none when it is down.
    pub addresses: Vec<IpAddr>,
    /// Devices are looked for on it, and connections go over it. What goes through a router is the system's to decide.
    pub used: bool,
}

/// What to set; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// What others see; empty: the host's name.
    pub name: Option<String>,
    /// Where accepted files go by default; made when it is missing.
    pub inbox: Option<PathBuf>,
    /// Who is accepted without a question.
    pub accept: Option<AcceptRule>,
    /// Announced by mDNS.
    pub discoverable: Option<bool>,
    /// The names of every interface that is not to be used.
    pub interfaces_off: Option<Vec<String>>,
    /// Index of a [`Colour`]; `Some(None)`: derived from the key.
    pub colour: Option<Option<u8>>,
}

/// What is kept across restarts and can be given anew at each start.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) colour: Option<Colour>,
    pub(crate) inbox: PathBuf,
    pub(crate) accept: AcceptRule,
    pub(crate) presence: Presence,
    pub(crate) limits: Limits,
}

impl Kept {
    pub(crate) fn load(database: &Database, config: &Config) -> Result<Self, DatabaseError> {
        if let Some(name) = &config.name {
            database.set_setting("name", Some(&display::device_name(name)))?;
        }
        if let Some(inbox) = &config.inbox {
            let inbox = std::path::absolute(inbox).unwrap_or_else(|_| inbox.clone());
            database.set_path("inbox", &inbox)?;
        }
        let rate = |text: Option<String>| text.and_then(|text| text.parse().ok());
        let accept = database.setting("accept")?.and_then(|word| rule_from(&word)).unwrap_or(AcceptRule::Ask);
        let off = database.setting("interfaces_off")?.unwrap_or_default();
        Ok(Self {
            name: database.setting("name")?.map_or_else(host_name, |name| display::device_name(&name)),
            colour: database.setting("colour")?.and_then(|index| index.parse().ok()).and_then(Colour::new),
            inbox: database.path("inbox")?.unwrap_or_else(default_inbox),
            accept: config.accept.unwrap_or(accept),
            presence: Presence {
                discoverable: database.setting("discoverable")?.as_deref() != Some("no"),
                off: off.lines().map(str::to_owned).collect(),
            },
            limits: Limits { up: rate(database.setting("limit_up")?), down: rate(database.setting("limit_down")?) },
        })
    }

    pub(crate) fn keep_limits(database: &Database, limits: Limits) -> Result<(), DatabaseError> {
        database.set_setting("limit_up", limits.up.map(|rate| rate.to_string()).as_deref())?;
        database.set_setting("limit_down", limits.down.map(|rate| rate.to_string()).as_deref())
    }
}

impl SettingsChange {
    fn keep(&self, database: &Database) -> Result<(), DatabaseError> {
        if let Some(name) = &self.name {
            database.set_setting("name", Some(name.as_str()).filter(|name| !name.is_empty()))?;
        }
        if let Some(inbox) = &self.inbox {
            database.set_path("inbox", inbox)?;
        }
        if let Some(accept) = self.accept {
            database.set_setting("accept", Some(rule_word(accept)))?;
        }
        if let Some(discoverable) = self.discoverable {
            database.set_setting("discoverable", Some(if discoverable { "yes" } else { "no" }))?;
        }
        if let Some(off) = &self.interfaces_off {
            database.set_setting("interfaces_off", Some(&off.join("\n")))?;
        }
        if let Some(colour) = self.colour {
            database.set_setting("colour", colour.map(|index| index.to_string()).as_deref())?;
        }
        Ok(())
    }

    /// As it is kept: the name as others see it, the inbox as a folder that exists.
    fn checked(mut self) -> Result<Self, SettingsError> {
        if let Some(name) = self.name.as_mut() {
            *name = if name.trim().is_empty() { String::new() } else { display::device_name(name) };
        }
        if let Some(inbox) = self.inbox.as_mut() {
            *inbox =
                usable_folder(inbox).map_err(|error| SettingsError::Inbox { inbox: inbox.clone(), reason: error.to_string() })?;
        }
        if let Some(off) = &self.interfaces_off {
            let is_name = |name: &String| !name.is_empty() && name.len() <= MAX_INTERFACE_NAME && !name.contains(['\n', '\r']);
            if off.len() > MAX_OFF || !off.iter().all(is_name) {
                return Err(SettingsError::Interfaces);
            }
        }
        if let Some(Some(index)) = self.colour {
            Colour::new(index).ok_or(SettingsError::Colour { index })?;
        }
        Ok(self)
    }
}

impl Engine {
    /// The settings in force.
    pub async fn settings(&self) -> Settings {
        let presence = self.inner.presence.borrow().clone();
        let links = blocking(|| interfaces::links(false)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the interfaces cannot be listed");
            Vec::new()
        });
        Settings {
            name: self.name(),
            inbox: self.inbox(),
            accept: self.inner.transfers.accept_rule(),
            discoverable: presence.discoverable && self.inner.mdns,
            interfaces: listed(links, presence.off),
            limits: self.limits(),
            colour: self.inner.greeting.borrow().look.colour(),
        }
    }

    /// Changes settings, and tells every front end. Connections over interfaces that are switched off are closed; transfers on them go
    /// on another way, if there is one. Devices in reach are told a new name and colour.
    ///
    /// # Errors
    /// [`SettingsError`]; nothing is changed then.
    pub async fn set_settings(&self, change: SettingsChange) -> Result<(), SettingsError> {
        let database = self.inner.database.clone();
        let change = blocking(move || {
            let change = change.checked()?;
            change.keep(&database).map_err(|error| SettingsError::Store(error.to_string()))?;
            Ok(change)
        })
        .await?;
        if let Some(inbox) = change.inbox {
            self.inner.transfers.set_inbox(inbox);
        }
        if let Some(accept) = change.accept {
            self.inner.transfers.set_accept_rule(accept);
        }
        let name = change.name.map(|name| if name.is_empty() { host_name() } else { name });
        self.inner.introduce_as(name, change.colour.map(|colour| Look { colour }));
        self.inner.presence.send_if_modified(|presence| {
            let before = presence.clone();
            presence.discoverable = change.discoverable.unwrap_or(presence.discoverable);
            if let Some(off) = change.interfaces_off {
                presence.off = off.into_iter().collect();
            }
            *presence != before
        });
        self.inner.bar_interfaces().await;
        self.tell_settings().await;
        Ok(())
    }

    /// Sets limits, and tells every front end; kept across restarts.
    ///
    /// # Errors
    /// [`TransferError::Store`]; they are in force all the same, until the end of this run.
    pub async fn set_limits(&self, limits: Limits) -> Result<(), TransferError> {
        self.inner.transfers.set_limits(limits);
        let database = self.inner.database.clone();
        let kept = blocking(move || Kept::keep_limits(&database, limits)).await;
        self.tell_settings().await;
        kept.map_err(|error| TransferError::Store(error.to_string()))
    }

    /// One at a time, so that the last that is heard is what is in force.
    pub(crate) async fn tell_settings(&self) {
        let _turn = self.inner.telling_settings.lock().await;
        let settings = self.settings().await;
        self.inner.transfers.emit(Event::Settings(settings));
    }
}

impl Inner {
    /// Tells every device in reach the name and look; `None` stays.
    fn introduce_as(self: &Arc<Self>, name: Option<String>, look: Option<Look>) {
        let is_new = self.greeting.send_if_modified(|greeting| {
            let before = greeting.clone();
            greeting.hello.name = name.unwrap_or_else(|| before.hello.name.clone());
            greeting.look = look.unwrap_or(before.look);
            *greeting != before
        });
        if !is_new {
            return;
        }
        for device in self.devices.all().into_iter().filter(|device| device.online) {
            let (links, own) = (self.links.clone(), self.greeting.borrow().clone());
            let tell = async move {
                let said = match links.request(device.id, &Request::Hello(own.hello.clone())).await {
                    Ok((_, mut send, _answer)) => own.end(&mut send).await.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = said {
                    tracing::debug!(error, "a device hears of the new name and colour when it is back");
                }
            };
            self.tasks().spawn(self.cancel.clone().run_until_cancelled_owned(tell));
        }
    }

    /// Lets nothing through interfaces that are switched off, as they are now; the interfaces that are up.
    pub(crate) async fn bar_interfaces(&self) -> Vec<Link> {
        let links = blocking(|| interfaces::links(false)).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the interfaces cannot be listed");
            Vec::new()
        });
        self.links.bar(interfaces::Barred::new(&links, &self.presence.borrow().off));
        links
    }
}

/// Interfaces with whether they are used; those that are off and down as well.
fn listed(links: Vec<Link>, mut off: BTreeSet<String>) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::with_capacity(links.len());
    for link in links {
        let used = !off.remove(&link.name);
        let addresses = link.addresses.iter().map(|own| own.address).collect();
        interfaces.push(Interface { name: link.name, addresses, used });
    }
    interfaces.extend(off.into_iter().map(|name| Interface { name, addresses: Vec::new(), used: false }));
    interfaces
}

fn usable_folder(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

fn host_name() -> String {
    display::device_name(&gethostname::gethostname().to_string_lossy())
}

/// The platform's folder for downloads; a machine without one gets it in the home folder.
fn default_inbox() -> PathBuf {
    let user = directories::UserDirs::new();
    let downloads =
        user.as_ref().map(|dirs| dirs.download_dir().map_or_else(|| dirs.home_dir().join("Downloads"), PathBuf::from));
    downloads.unwrap_or_else(|| PathBuf::from("Downloads")).join("Shoal")
}

const fn rule_word(rule: AcceptRule) -> &'static str {
    match rule {
        AcceptRule::Ask => "ask",
        AcceptRule::Verified => "verified",
        AcceptRule::All => "all",
    }
}

fn rule_from(word: &str) -> Option<AcceptRule> {
    [AcceptRule::Ask, AcceptRule::Verified, AcceptRule::All].into_iter().find(|rule| rule_word(*rule) == word)
}

#[cfg(test)]
mod tests;
