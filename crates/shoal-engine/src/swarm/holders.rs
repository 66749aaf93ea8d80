//! Files of a fetch that others share, too: looked for at everybody in reach by what they are, and taken from all who have them. Nobody is
//! the origin here: hashes of pieces count once they make the root that the sender told.

use super::{content::Content, known::Known};
use crate::{
    stream::{RecvStream, read_message},
    transfer::{live::Live, record::Receiving, transfers::Transfers, transfers::blocking, write::lock},
};
use shoal_proto::{
    Hash, Manifest, PeerId,
    codec::MAX_MESSAGE,
    manifest::{EntryIndex, EntryKind},
    message::Request,
    piece,
    swarm::{
        Unit, Units,
        holdings::{self, Held, Holding, Holdings, MAX_HOLDINGS},
        message::SwarmId,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// Fewer bytes than this come from the sender alone.
const MIN_BYTES: u64 = 4 * 1024 * 1024;

/// Peers that are asked, at most.
const MAX_HOLDERS: usize = 32;

/// How long an answer may take: the holder looks at its disk.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Everybody in reach is asked again so often, as long as nobody has anything.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The list of files is looked at so often before it is there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Files that are looked for, and which of the transfer they are.
#[derive(Debug)]
pub(crate) struct LookedFor {
    pub(crate) holdings: Holdings,
    /// Of each place in that list, the file of the transfer.
    entries: Vec<EntryIndex>,
}

impl LookedFor {
    /// The largest files that are still to come and were not looked for before; `None`: there are none that are worth it. Reads the disk.
    pub(crate) fn of(receiving: &Receiving, before: &BTreeSet<EntryIndex>) -> Option<Self> {
        let Receiving { database, target, bases, manifest, plan, .. } = receiving;
        let (wanted, settled) = {
            let plan = lock(plan);
            (plan.wanted().clone(), plan.settled().clone())
        };
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

    /// The list as a content that is taken from here; `None`: it is too long.
    pub(crate) fn content(&self, own: PeerId) -> Option<(SwarmId, Manifest, Units)> {
        let list = holdings::manifest(&self.holdings).ok()?;
        let units = Units::of(&list)?;
        Some((SwarmId { manifest: list.id(), origin: own }, list, units))
    }

    /// The file of the transfer at a place of the list.
    pub(crate) fn entry(&self, place: EntryIndex) -> EntryIndex {
        // Beyond the last no entry is.
        self.entries.get(place.0 as usize).copied().unwrap_or(EntryIndex(u32::MAX))
    }

    /// All that are looked for.
    pub(crate) fn entries(&self) -> &[EntryIndex] {
        &self.entries
    }

    /// All of them are here, or not wanted any more.
    pub(crate) fn is_over(&self, receiving: &Receiving) -> bool {
        let plan = lock(&receiving.plan);
        self.entries.iter().all(|entry| plan.settled().contains(entry.0) || !plan.wanted().contains(entry.0))
    }
}

/// Who may have something of it: everybody in reach that this device would talk to.
pub(crate) fn candidates(transfers: &Transfers) -> Vec<PeerId> {
    let connected: BTreeSet<PeerId> = transfers.links.connected().iter().map(|connection| connection.peer()).collect();
    let others = transfers.devices.all().into_iter().map(|device| device.id);
    let in_reach = others.filter(|peer| !connected.contains(peer) && !transfers.devices.candidates(*peer).is_empty());
    let known = connected.iter().copied().chain(in_reach.collect::<Vec<_>>());
    known.filter(|peer| *peer != transfers.links.id()).take(MAX_HOLDERS).collect()
}

/// Asks a peer; it gives what it has for as long as the stream is kept. `None`: it has nothing, or is not there.
pub(crate) async fn ask(transfers: &Transfers, peer: PeerId, holdings: &Holdings) -> Option<RecvStream> {
    let (_, mut send, mut recv) = transfers.links.request(peer, &Request::Holds(holdings.clone())).await.ok()?;
    send.finish();
    match tokio::time::timeout(ANSWER_WAIT, read_message::<Held>(&mut recv, MAX_MESSAGE)).await {
        Ok(Ok(Held(places))) => (!places.is_empty()).then_some(recv),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "holds nothing of what is looked for");
            None
        }
        Err(_) => None,
    }
}

/// Waits until somebody besides the sender has something of what is fetched; for ever if that is not to be expected.
pub(crate) async fn until_found(transfers: &Arc<Transfers>, live: &Live) {
    let receiving = loop {
        let there = live.row().receiving.upgrade();
        match there {
            Some(receiving) => break receiving,
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    };
    let looked_for = blocking(move || LookedFor::of(&receiving, &BTreeSet::new())).await;
    let Some(looked_for) = looked_for.map(Arc::new) else { return std::future::pending().await };
    loop {
        let mut asked = JoinSet::new();
        for peer in candidates(transfers).into_iter().filter(|peer| *peer != live.peer) {
            let (transfers, looked_for) = (transfers.clone(), looked_for.clone());
            asked.spawn(async move { ask(&transfers, peer, &looked_for.holdings).await.is_some() });
        }
        while let Some(answered) = asked.join_next().await {
            if answered.unwrap_or(false) {
                return;
            }
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// What holders say that the pieces of files are.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// Of a file at a place of the list as one of them says it, until it is all there.
    told: BTreeMap<(PeerId, u32), Vec<Option<Hash>>>,
}

/// Pieces that do not make the file that was looked for.
#[derive(Debug)]
pub(crate) struct NotTheFile;

impl Layers {
    /// Takes the hash of a unit. Once a file's hashes are all there and make its root they are known, whoever told them.
    ///
    /// # Errors
    /// They make another file, or there is no such unit: who says so lies.
    pub(crate) fn take(&mut self, content: &Content, peer: PeerId, unit: u32, hashes: &[Hash]) -> Result<(), NotTheFile> {
        let Content { known, manifest, units, .. } = content;
        if known.knows(unit) {
            return Ok(());
        }
        let Some(Unit::Piece { entry, piece, .. }) = units.get(unit) else { return Err(NotTheFile) };
        let Some(EntryKind::File { size, root: Some(root), .. }) = manifest.entry(entry).map(|entry| entry.kind) else {
            return Err(NotTheFile);
        };
        let layer = self.told.entry((peer, entry.0)).or_insert_with(|| vec![None; piece::piece_count(size) as usize]);
        let (Some(place), [hash]) = (layer.get_mut(piece.0 as usize), hashes) else { return Err(NotTheFile) };
        *place = Some(*hash);
        let Some(whole) = layer.iter().copied().collect::<Option<Vec<Hash>>>() else { return Ok(()) };
        self.told.retain(|(of, place), _| *place != entry.0 || *of != peer);
        if piece::fold(size, &whole) != Some(root) {
            return Err(NotTheFile);
        }
        self.told.retain(|(_, place), _| *place != entry.0);
        learn(known, manifest, units, entry, &whole);
        Ok(())
    }

    /// Nothing more comes from this one.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.told.retain(|(of, _), _| *of != peer);
    }
}

fn learn(known: &Known, manifest: &Manifest, units: &Units, entry: EntryIndex, layer: &[Hash]) {
    for (unit, hash) in units.of_entry(entry).zip(layer) {
        known.learn(manifest, units, unit, &[*hash]);
    }
}
