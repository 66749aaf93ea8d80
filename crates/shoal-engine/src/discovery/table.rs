//! The rules of the table of devices, without lock, clock or task: time is passed in.
//!
//! What an announcement may do: add a stranger's row, change paths, ask for a probe. What only a proven key may do: give a
//! name, count as online. What only this device's owner may do: change trust. Rows of strangers are bounded and the oldest
//! go first; rows of devices that the owner knows, and of those connected, stay.

use super::devices::{Change, Changes, Found, Remembered, Sighting, printable, scope_of};
use crate::{Device, Path, Trust, Via, greeting::Greeting};
use shoal_proto::{
    PeerId,
    message::{Colour, Platform},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// Most strangers that only announcements tell of; and, apart from those, most strangers that proved a key and left.
pub(crate) const MAX_DEVICES: usize = 1024;
/// Most addresses of one device.
pub(crate) const MAX_ADDRESSES: usize = 16;
/// Most addresses of one device that are kept because they worked.
pub(crate) const MAX_REMEMBERED: usize = 4;
/// Most rows of changes that wait for a slow listener; beyond, it is told to read all.
const MAX_CHANGES: usize = 4096;
/// Fewest characters of an id that mean a device.
const MIN_ID_PREFIX: usize = 4;
/// The device with the higher id dials this much later, so that two that see each other at once make one connection.
const STAGGER: Duration = Duration::from_millis(300);
/// Least time between two probes of one device, however often its addresses change.
const BETWEEN_PROBES: Duration = Duration::from_secs(1);
/// Waits between fruitless probes; the last one repeats.
const BACK_OFF: [Duration; 5] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];

/// All rows. See the module's documentation for the rules.
#[derive(Debug)]
pub(crate) struct Table {
    own: PeerId,
    rows: HashMap<PeerId, Row>,
    /// Rows of each [`Class`] that is bounded, by age.
    bounded: [BTreeMap<u64, PeerId>; 2],
    rows_made: u64,
    changed: HashSet<PeerId>,
    too_many_changed: bool,
    probe_planned: bool,
}

#[derive(Debug)]
struct Row {
    trust: Trust,
    /// Only while it is verified.
    accepts: Option<u64>,
    /// These from a [`Greeting`] under the device's key, in this run or before.
    name: Option<String>,
    platform: Option<Platform>,
    colour: Option<Colour>,
    hints: Vec<Hint>,
    /// TLS proved the key in this run.
    proved: bool,
    connected: bool,
    rtt: Option<Duration>,
    /// Number of the row, in the order in which they were made.
    number: u64,
    sighted: Option<Instant>,
    probe_at: Option<Instant>,
    probed: Option<Instant>,
    fruitless: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hint {
    path: Path,
    link: u32,
    until: Option<Instant>,
}

/// Which bound a row counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unproved = 0,
    Proved = 1,
}

impl Row {
    fn new(number: u64) -> Self {
        Self {
            trust: Trust::Stranger,
            accepts: None,
            name: None,
            platform: None,
            colour: None,
            hints: Vec::new(),
            proved: false,
            connected: false,
            rtt: None,
            number,
            sighted: None,
            probe_at: None,
            probed: None,
            fruitless: 0,
        }
    }

    fn set_trust(&mut self, trust: Trust) {
        self.trust = trust;
        if trust != Trust::Verified {
            self.accepts = None;
        }
    }

    /// `None`: never evicted.
    fn class(&self) -> Option<Class> {
        match self {
            Row { trust: Trust::Stranger, connected: false, proved, .. } => {
                Some(if *proved { Class::Proved } else { Class::Unproved })
            }
            _ => None,
        }
    }

    fn announced(&self) -> bool {
        self.hints.iter().any(|hint| hint.path.via == Via::Mdns)
    }

    /// A stranger that neither connects nor is announced nor was typed in is nobody's business; it stays dialable for
    /// transfers that go on.
    fn is_shown(&self) -> bool {
        self.trust != Trust::Stranger || self.connected || self.hints.iter().any(|hint| hint.path.via != Via::Remembered)
    }

    fn device(&self, id: PeerId) -> Device {
        let blocked = self.trust == Trust::Blocked;
        let mut paths = self.hints.iter().map(|hint| hint.path).collect::<Vec<_>>();
        paths.sort_unstable();
        paths.dedup();
        if blocked {
            paths.clear();
        }
        Device {
            id,
            name: self.name.clone().unwrap_or_else(|| id.short()),
            platform: self.platform,
            colour: self.colour,
            trust: self.trust,
            accepts: self.accepts,
            online: !blocked && self.proved && (self.connected || self.announced()),
            paths,
            rtt: self.rtt,
        }
    }

    fn add(&mut self, hint: Hint) {
        self.hints.retain(|old| old.path != hint.path || old.link != hint.link);
        self.hints.push(hint);
        if self.hints.len() > MAX_ADDRESSES {
            // The oldest that was only announced: a flood of addresses displaces none that worked or was typed in.
            let oldest = self.hints.iter().position(|hint| hint.path.via == Via::Mdns).unwrap_or(0);
            self.hints.remove(oldest);
        }
    }

    fn worked_at(&mut self, address: SocketAddr) {
        let path = Path { via: Via::Remembered, address };
        let is_old = |hint: &Hint| hint.path.via == Via::Remembered && hint.path != path;
        if self.hints.iter().filter(|hint| is_old(hint)).count() >= MAX_REMEMBERED
            && let Some(oldest) = self.hints.iter().position(is_old)
        {
            self.hints.remove(oldest);
        }
        self.add(Hint { path, link: 0, until: None });
    }

    /// Asks for a probe after `delay`, from the start of the back-off.
    fn want_probe(&mut self, delay: Duration, now: Instant) {
        if self.trust == Trust::Blocked || self.connected {
            return;
        }
        self.fruitless = 0;
        let at = self.probed.map_or(now, |last| now.max(last + BETWEEN_PROBES)) + delay;
        self.probe_at = Some(self.probe_at.map_or(at, |planned| planned.min(at)));
    }
}

impl Table {
    pub(crate) fn new(own: PeerId, remembered: impl IntoIterator<Item = Remembered>, now: Instant) -> Self {
        let bounded = [BTreeMap::new(), BTreeMap::new()];
        let mut table = Self {
            own,
            rows: HashMap::new(),
            bounded,
            rows_made: 0,
            changed: HashSet::new(),
            too_many_changed: false,
            probe_planned: false,
        };
        for kept in remembered {
            let stagger = table.stagger(kept.id);
            table.edit(kept.id, |row| {
                row.accepts = kept.accepts;
                row.set_trust(kept.trust);
                row.name = kept.name.as_deref().and_then(printable);
                row.platform = kept.platform;
                row.colour = kept.colour;
                kept.addresses.iter().rev().for_each(|&address| row.worked_at(address));
                if !row.hints.is_empty() {
                    row.want_probe(stagger, now);
                }
            });
        }
        table
    }

    pub(crate) fn trust(&self, id: PeerId) -> Trust {
        self.rows.get(&id).map_or(Trust::Stranger, |row| row.trust)
    }

    pub(crate) fn allowance(&self, id: PeerId) -> Option<u64> {
        self.rows.get(&id)?.accepts
    }

    pub(crate) fn set_allowance(&mut self, id: PeerId, bytes: Option<u64>) -> bool {
        let is_verified = self.trust(id) == Trust::Verified;
        if is_verified {
            self.edit_known(id, |row| row.accepts = bytes);
        }
        is_verified
    }

    pub(crate) fn candidates(&self, id: PeerId) -> Vec<SocketAddr> {
        let hints = self.rows.get(&id).map(|row| row.hints.as_slice()).unwrap_or_default();
        let mut addresses = Vec::new();
        for via in [Via::Mdns, Via::Remembered, Via::Manual] {
            // The latest first: it is what the device said last, or where it was last.
            let of_kind = hints.iter().rev().filter(|hint| hint.path.via == via).map(|hint| hint.path.address);
            let (v6, v4) = of_kind.partition::<Vec<_>, _>(SocketAddr::is_ipv6);
            let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
            while v6.len() + v4.len() > 0 {
                for address in [v6.next(), v4.next()].into_iter().flatten() {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
            }
        }
        addresses
    }

    pub(crate) fn proved(&mut self, id: PeerId, greeting: &Greeting, address: SocketAddr) {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let address = match (address, scope_of(address)) {
            (SocketAddr::V6(mut v6), Some(scope)) => {
                v6.set_scope_id(scope);
                v6.into()
            }
            (other, _) => other,
        };
        self.edit(id, |row| {
            row.name = printable(&greeting.hello.name);
            row.platform = Some(greeting.hello.platform);
            row.colour = greeting.look.colour();
            row.proved = true;
            row.connected = true;
            row.worked_at(address);
            row.probe_at = None;
            row.fruitless = 0;
        });
    }

    pub(crate) fn disconnected(&mut self, id: PeerId, now: Instant) {
        self.edit_known(id, |row| {
            row.connected = false;
            row.rtt = None;
            // Nothing will announce its return: look for it soon, then ever more rarely.
            if !row.announced() && row.trust != Trust::Stranger && row.trust != Trust::Blocked {
                row.fruitless = 1;
                row.probe_at = Some(now + BACK_OFF[0]);
            }
        });
    }

    pub(crate) fn sighting(&mut self, sighting: Sighting, now: Instant) {
        match sighting {
            Sighting::Seen { id, .. } if id == self.own => {}
            Sighting::Seen { id, paths, link, until } => {
                let stagger = self.stagger(id);
                self.edit(id, |row| {
                    let is_new = |path: &Path| !row.hints.iter().any(|hint| hint.path == *path);
                    let news = paths.iter().any(is_new);
                    row.hints.retain(|hint| hint.link != link || !paths.iter().any(|path| path.via == hint.path.via));
                    paths.into_iter().take(MAX_ADDRESSES).for_each(|path| row.add(Hint { path, link, until }));
                    row.sighted = Some(now);
                    if news {
                        row.want_probe(stagger, now);
                    }
                });
            }
            Sighting::Gone { id, via } => self.edit_known(id, |row| row.hints.retain(|hint| hint.path.via != via)),
            Sighting::LinkGone { link } => self.retain_hints(|hint| hint.path.via != Via::Mdns || hint.link != link),
        }
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.retain_hints(|hint| hint.until.is_none_or(|until| until > now));
    }

    pub(crate) fn set_trust(&mut self, id: PeerId, trust: Trust, now: Instant) {
        let stagger = self.stagger(id);
        self.edit(id, |row| {
            let unblocked = row.trust == Trust::Blocked && trust != Trust::Blocked;
            row.set_trust(trust);
            if trust == Trust::Blocked {
                row.probe_at = None;
            } else if unblocked && !row.hints.is_empty() {
                row.want_probe(stagger, now);
            }
        });
    }

    pub(crate) fn forget(&mut self, id: PeerId, now: Instant) {
        let stagger = self.stagger(id);
        self.edit_known(id, |row| {
            row.set_trust(Trust::Stranger);
            row.hints.retain(|hint| hint.path.via == Via::Mdns);
            if !row.connected {
                row.name = None;
                row.platform = None;
                row.colour = None;
                row.proved = false;
                row.probe_at = None;
                if row.announced() {
                    row.want_probe(stagger, now);
                }
            }
        });
    }

    pub(crate) fn set_rtt(&mut self, id: PeerId, rtt: Option<Duration>) {
        self.edit_known(id, |row| row.rtt = rtt.filter(|_| row.connected));
    }

    pub(crate) fn all(&self) -> Vec<Device> {
        let mut devices = self.rows.iter().filter(|(_, row)| row.is_shown()).map(|(&id, row)| row.device(id)).collect::<Vec<_>>();
        devices.sort_unstable_by_key(|device| device.id);
        devices
    }

    pub(crate) fn get(&self, id: PeerId) -> Option<Device> {
        self.rows.get(&id).map(|row| row.device(id))
    }

    pub(crate) fn find(&self, text: &str) -> Found {
        let (wanted, prefix) = (text.to_lowercase(), text.to_ascii_lowercase());
        let mut fits = Vec::new();
        for (&id, row) in &self.rows {
            let named = row.name.as_ref().is_some_and(|name| name.to_lowercase() == wanted);
            let by_id = text.len() >= MIN_ID_PREFIX && id.to_string().starts_with(&prefix);
            if named || by_id {
                fits.push((row.trust, row.name.clone().unwrap_or_else(|| id.short()), id));
            }
        }
        fits.sort_unstable();
        let rank = |trust| match trust {
            Trust::Known | Trust::Verified => 2,
            Trust::Stranger => 1,
            Trust::Blocked => 0,
        };
        let best = fits.iter().map(|&(trust, ..)| rank(trust)).max();
        fits.retain(|&(trust, ..)| Some(rank(trust)) == best);
        match &fits[..] {
            [] => Found::None,
            [(_, _, id)] => Found::One(*id),
            _ => Found::Several(fits.into_iter().map(|(_, name, id)| (name, id)).collect()),
        }
    }

    pub(crate) fn remembered(&self, id: PeerId) -> Option<Remembered> {
        let row = self.rows.get(&id).filter(|row| row.trust != Trust::Stranger)?;
        let worked = row.hints.iter().rev().filter(|hint| hint.path.via == Via::Remembered).map(|hint| hint.path.address);
        let addresses = worked.filter(|&address| scope_of(address).is_none()).collect();
        let Row { platform, colour, trust, accepts, .. } = *row;
        Some(Remembered { id, name: row.name.clone(), platform, colour, trust, accepts, addresses })
    }

    /// The device to dial now; the next try for it is put off as if this one were fruitless. Those tried least come first,
    /// and of those the one seen last: an old flood does not keep somebody real waiting.
    pub(crate) fn next_to_probe(&mut self, now: Instant) -> Option<PeerId> {
        let due = self.rows.iter_mut().filter(|(_, row)| row.probe_at.is_some_and(|at| at <= now));
        let (&id, row) = due.min_by_key(|(_, row)| (row.fruitless, row.trust == Trust::Stranger, Reverse(row.sighted)))?;
        let wait = BACK_OFF.get(row.fruitless).or(BACK_OFF.last()).copied().unwrap_or(BETWEEN_PROBES);
        row.fruitless = (row.fruitless + 1).min(BACK_OFF.len());
        row.probed = Some(now);
        row.probe_at = Some(now + wait);
        Some(id)
    }

    /// When [`Self::next_to_probe`] has somebody next.
    pub(crate) fn next_probe_at(&self) -> Option<Instant> {
        self.rows.values().filter_map(|row| row.probe_at).min()
    }

    /// Whether a probe was planned or moved since the last call.
    pub(crate) fn take_probe_planned(&mut self) -> bool {
        std::mem::take(&mut self.probe_planned)
    }

    pub(crate) fn has_changes(&self) -> bool {
        self.too_many_changed || !self.changed.is_empty()
    }

    /// What changed since the last call; `None`: nothing.
    pub(crate) fn take_changes(&mut self) -> Option<Changes> {
        let changed = std::mem::take(&mut self.changed);
        if std::mem::take(&mut self.too_many_changed) {
            return Some(Changes::All(self.all()));
        }
        let row = |id| match self.rows.get(&id).filter(|row| row.is_shown()) {
            Some(row) => Change::Row(row.device(id)),
            None => Change::Gone(id),
        };
        (!changed.is_empty()).then(|| Changes::Rows(changed.into_iter().map(row).collect()))
    }

    fn stagger(&self, id: PeerId) -> Duration {
        if self.own > id { STAGGER } else { Duration::ZERO }
    }

    fn edit_known(&mut self, id: PeerId, edit: impl FnOnce(&mut Row)) {
        if self.rows.contains_key(&id) {
            self.edit(id, edit);
        }
    }

    /// The one place where rows change: keeps bounds, drops rows that say nothing any more, notes what listeners would see.
    fn edit(&mut self, id: PeerId, edit: impl FnOnce(&mut Row)) {
        if id == self.own {
            return;
        }
        let rows_made = &mut self.rows_made;
        let row = self.rows.entry(id).or_insert_with(|| {
            *rows_made += 1;
            Row::new(*rows_made)
        });
        let before = row.is_shown().then(|| row.device(id));
        let (class_before, probe_before) = (row.class(), row.probe_at);
        edit(row);
        self.probe_planned |= row.probe_at.is_some() && row.probe_at != probe_before;
        let (number, class) = (row.number, row.class());
        let after = row.is_shown().then(|| row.device(id));
        let empty = class.is_some() && row.hints.is_empty();
        if let Some(class) = class_before {
            self.bounded[class as usize].remove(&number);
        }
        if empty {
            self.rows.remove(&id);
        } else if let Some(class) = class {
            self.bounded[class as usize].insert(number, id);
            self.evict(class);
        }
        if before != after {
            self.note(id);
        }
    }

    fn evict(&mut self, class: Class) {
        let bounded = &mut self.bounded[class as usize];
        if bounded.len() > MAX_DEVICES
            && let Some((_, oldest)) = bounded.pop_first()
            && let Some(row) = self.rows.remove(&oldest)
            && row.is_shown()
        {
            self.note(oldest);
        }
    }

    fn note(&mut self, id: PeerId) {
        if self.changed.len() < MAX_CHANGES {
            self.changed.insert(id);
        } else {
            self.changed.clear();
            self.too_many_changed = true;
        }
    }

    fn retain_hints(&mut self, keep: impl Fn(&Hint) -> bool) {
        let touched = |row: &Row| row.hints.iter().any(|hint| !keep(hint));
        let ids = self.rows.iter().filter(|(_, row)| touched(row)).map(|(&id, _)| id).collect::<Vec<_>>();
        for id in ids {
            self.edit_known(id, |row| row.hints.retain(&keep));
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
