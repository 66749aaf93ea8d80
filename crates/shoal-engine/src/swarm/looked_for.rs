//! What of a transfer is looked for at others, too: files of a fetch that anybody may share, or all that a ticket is of.

use crate::transfer::{record::Receiving, write::lock};
use shoal_proto::{
    Manifest, PeerId, Ticket,
    manifest::{EntryIndex, EntryKind},
    piece,
    swarm::{
        Units,
        holdings::{self, Holding, Holdings, MAX_HOLDINGS},
        message::SwarmId,
    },
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// Fewer bytes than this come from the sender alone.
const MIN_BYTES: u64 = 4 * 1024 * 1024;

/// What is looked for.
#[derive(Debug)]
pub(crate) enum LookedFor {
    /// Files, whoever shares them under whatever names.
    Files(Files),
    /// All of the transfer, at those who have the same ticket.
    Ticket(Box<Ticket>),
}

/// The largest files of a transfer.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) holdings: Holdings,
    /// Of each place in that list, the file of the transfer.
    entries: Vec<EntryIndex>,
}

impl LookedFor {
    /// What is still to come and was not looked for before; `None`: nothing that is worth it. Reads the disk.
    pub(crate) fn of(receiving: &Receiving, ticket: Option<&Ticket>, before: &[Arc<Self>]) -> Option<Self> {
        match ticket {
            Some(ticket) => (before.is_empty() && is_worth_it(receiving)).then(|| Self::Ticket(Box::new(ticket.clone()))),
            None => Files::of(receiving, before).map(Self::Files),
        }
    }

    /// As a content that is taken from here; `None`: it is too long.
    pub(crate) fn content(&self, receiving: &Receiving, own: PeerId) -> Option<(SwarmId, Manifest, Units)> {
        let (id, list) = match self {
            Self::Files(files) => {
                let list = holdings::manifest(&files.holdings).ok()?;
                (SwarmId { manifest: list.id(), origin: own }, list)
            }
            Self::Ticket(ticket) => (ticket.key().swarm(ticket.root), receiving.manifest.clone()),
        };
        let units = Units::of(&list)?;
        Some((id, list, units))
    }

    /// The entry of the transfer that is at a place of the content.
    pub(crate) fn entry(&self, place: EntryIndex) -> EntryIndex {
        match self {
            // Beyond the last no entry is.
            Self::Files(files) => files.entries.get(place.0 as usize).copied().unwrap_or(EntryIndex(u32::MAX)),
            Self::Ticket(_) => place,
        }
    }

    /// All of it is here, or not wanted any more.
    pub(crate) fn is_over(&self, receiving: &Receiving) -> bool {
        let plan = lock(&receiving.plan);
        match self {
            Self::Files(Files { entries, .. }) => {
                entries.iter().all(|entry| plan.settled().contains(entry.0) || !plan.wanted().contains(entry.0))
            }
            Self::Ticket(_) => plan.is_finished(),
        }
    }
}

/// It is enough, and nothing of it is here in an older version: of that the sender says what is the same, and nobody need send it.
fn is_worth_it(receiving: &Receiving) -> bool {
    let Receiving { database, target, bases, manifest, .. } = receiving;
    let mut files = manifest.entries().filter(|(_, entry)| piece::piece_count(entry.kind.size()) > 1);
    manifest.bytes() >= MIN_BYTES && !files.any(|(index, entry)| bases.find(database, target, index, &entry).is_some())
}

impl Files {
    /// These, of no transfer.
    #[cfg(test)]
    pub(crate) fn test(holdings: Vec<Holding>) -> Self {
        Self { holdings: Holdings::try_from(holdings).expect("few"), entries: Vec::new() }
    }

    fn of(receiving: &Receiving, before: &[Arc<LookedFor>]) -> Option<Self> {
        let Receiving { database, target, bases, manifest, plan, .. } = receiving;
        let (wanted, settled) = {
            let plan = lock(plan);
            (plan.wanted().clone(), plan.settled().clone())
        };
        let of_files = |looked_for: &Arc<LookedFor>| match &**looked_for {
            LookedFor::Files(files) => files.entries.clone(),
            LookedFor::Ticket(_) => Vec::new(),
        };
        let before: BTreeSet<EntryIndex> = before.iter().flat_map(of_files).collect();
        let mut seen = HashSet::new();
        let mut files: Vec<(Holding, EntryIndex)> = Vec::new();
        for (index, entry) in manifest.entries() {
            let EntryKind::File { size, root: Some(root), .. } = entry.kind else { continue };
            let is_open = wanted.contains(index.0) && !settled.contains(index.0) && !before.contains(&index);
            // Of what is here in an older version the sender says what is the same: nobody need send it.
            let is_new = || bases.find(database, target, index, &entry).is_none();
            // Of two with the same content the first: the other one comes from the sender.
            if is_open && piece::piece_count(size) > 1 && is_new() && seen.insert(root) {
                files.push((Holding { root, size }, index));
            }
        }
        files.sort_by_key(|(holding, index)| (std::cmp::Reverse(holding.size), *index));
        files.truncate(MAX_HOLDINGS);
        if files.iter().map(|(holding, _)| holding.size).sum::<u64>() < MIN_BYTES {
            return None;
        }
        let (holdings, entries): (Vec<_>, Vec<_>) = files.into_iter().unzip();
        Some(Self { holdings: Holdings::try_from(holdings).ok()?, entries })
    }
}
