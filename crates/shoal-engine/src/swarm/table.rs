//! Which contents are given from here, and who takes which offer: several who were offered the same become a swarm.

use super::{
    content::{Content, Source},
    converse,
};
use crate::{
    connection::Connection,
    stream::{RecvStream, SendStream},
    transfer::{
        live::{Control, Live},
        reader::Reader,
        send::roots,
        sent::Sent,
        transfers::Transfers,
    },
};
use shoal_proto::{
    Hash, Manifest, PeerId, Ticket,
    message::{CloseCode, TransferId},
    share::Few,
    swarm::{
        Units,
        message::{Mate, SwarmId, Take},
    },
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Less than this goes to each receiver by itself.
const MIN_BYTES: u64 = 4 * 1024 * 1024;

/// What was received whole is given on to the others of its swarm for so long, and so many of them at once.
const LINGER: Duration = Duration::from_secs(60 * 60);
const MAX_LINGERING: usize = 16;

/// All swarms of an engine.
#[derive(Debug, Default)]
pub(crate) struct Swarms {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    contents: HashMap<SwarmId, Arc<Content>>,
    /// Received whole, the oldest first.
    lingering: VecDeque<(SwarmId, Instant)>,
    /// Those who took what is offered from here, by the hash of its manifest.
    groups: HashMap<Hash, Group>,
}

#[derive(Debug)]
struct Group {
    members: HashMap<TransferId, Member>,
    swarming: watch::Sender<bool>,
}

#[derive(Debug)]
struct Member {
    mate: Mate,
    control: watch::Receiver<Control>,
    sent: Arc<Mutex<Sent>>,
    /// It took what it was offered: nothing goes to it before.
    accepted: bool,
    /// It has all that it wants, and goes on giving.
    over: bool,
}

impl Group {
    fn takers(&self) -> usize {
        self.members.values().filter(|member| !member.over).count()
    }
}

impl Swarms {
    /// Somebody is offered this. Returns whether others are, too, which may change; `None`: it is not for swarms.
    pub(crate) fn expect(
        &self,
        transfers: &Transfers,
        live: &Live,
        connection: &Connection,
        manifest: &Manifest,
    ) -> Option<watch::Receiver<bool>> {
        self.put(transfers, live, connection, manifest, false)
    }

    /// Who was offered this took it, and may have it from now on. Returns as much.
    pub(crate) fn enter(
        &self,
        transfers: &Transfers,
        live: &Live,
        connection: &Connection,
        manifest: &Manifest,
    ) -> Option<watch::Receiver<bool>> {
        self.put(transfers, live, connection, manifest, true)
    }

    fn put(
        &self,
        transfers: &Transfers,
        live: &Live,
        connection: &Connection,
        manifest: &Manifest,
        accepted: bool,
    ) -> Option<watch::Receiver<bool>> {
        if !live.row().record.is_for_a_person() || manifest.bytes() < MIN_BYTES {
            return None;
        }
        let addresses = Few::try_from(vec![connection.remote_address()]).unwrap_or_default();
        let (control, sent) = (live.control.subscribe(), live.row().sent.clone());
        let member = Member { mate: Mate { id: connection.peer(), addresses }, control, sent, accepted, over: false };
        let id = SwarmId { manifest: manifest.id(), origin: transfers.links.id() };
        let mut table = self.table();
        let Table { contents, groups, .. } = &mut *table;
        let group =
            groups.entry(id.manifest).or_insert_with(|| Group { members: HashMap::new(), swarming: watch::Sender::new(false) });
        group.members.insert(live.id, member);
        let swarming = group.swarming.subscribe();
        let is_new = !contents.contains_key(&id);
        if is_new {
            // Those who have not answered yet count: who takes it first need not begin another way.
            let others = group.members.values().filter(|member| !member.over && member.mate.id != connection.peer()).count();
            let units = if others > 0 { Units::of(manifest) } else { None };
            if let Some(units) = units {
                let sources = roots(&live.row().record);
                let reader = Reader::new(manifest.clone(), sources, transfers.database.clone(), Arc::default()).telling();
                let all = std::iter::once(0..units.len()).collect();
                let content =
                    Content::new(id, manifest.clone(), units, all, Source::Offered(Mutex::new(reader)), None, transfers);
                contents.insert(id, content);
            }
        }
        if let Some(content) = contents.get(&id) {
            for member in group.members.values().filter(|member| member.accepted) {
                content.admit(member.mate.clone(), member.control.clone(), Some(member.sent.clone()));
            }
            group.swarming.send_replace(true);
        }
        Some(swarming)
    }

    /// A receiver's transfer is over. One that has everything goes on giving to the others.
    pub(crate) fn leave(&self, live: &Live, origin: PeerId, has_all: bool) {
        let mut table = self.table();
        let of = |(manifest, group): (&Hash, &Group)| group.members.contains_key(&live.id).then_some(*manifest);
        let Some(manifest) = table.groups.iter().find_map(of) else { return };
        let id = SwarmId { manifest, origin };
        let Some(group) = table.groups.get_mut(&manifest) else { return };
        let gone = match group.members.get_mut(&live.id) {
            Some(member) if has_all => {
                member.over = true;
                None
            }
            _ => group.members.remove(&live.id).map(|member| member.mate.id),
        };
        if group.takers() == 0 {
            table.groups.remove(&manifest);
            table.remove(id);
        } else if let Some(gone) = gone
            && let Some(content) = table.contents.get(&id)
        {
            content.dismiss(gone);
        }
    }

    /// What is received from now on is given on.
    pub(crate) fn begin(&self, content: Arc<Content>) {
        let mut table = self.table();
        table.remove(content.id);
        table.contents.insert(content.id, content);
    }

    /// Receiving ended before all was there: nothing is given on.
    pub(crate) fn end(&self, content: &Content) {
        let mut table = self.table();
        // Another may have begun in its place.
        if table.contents.get(&content.id).is_some_and(|current| std::ptr::eq(&**current, content)) {
            table.remove(content.id);
        }
    }

    /// All was received: it is given on for a while.
    pub(crate) fn linger(&self, content: &Content) {
        let mut table = self.table();
        table.lingering.push_back((content.id, Instant::now()));
        while let Some((oldest, since)) = table.lingering.front().copied() {
            if table.lingering.len() <= MAX_LINGERING && since.elapsed() < LINGER {
                break;
            }
            table.remove(oldest);
        }
    }

    /// Answers a [`shoal_proto::message::Request::Join`].
    pub(crate) async fn join(
        &self,
        transfers: Arc<Transfers>,
        connection: Connection,
        id: SwarmId,
        mut send: SendStream,
        recv: RecvStream,
    ) {
        match self.get(id) {
            Some(content) => converse::join(transfers, content, connection, send, recv).await,
            None => send.refuse(CloseCode::UnknownTransfer),
        }
    }

    /// Answers a [`Take`].
    pub(crate) async fn give(&self, transfers: Arc<Transfers>, connection: Connection, take: Take, mut send: SendStream) {
        match self.get(take.swarm) {
            Some(content) => converse::give(transfers, content, connection, take, send).await,
            None => send.refuse(CloseCode::UnknownTransfer),
        }
    }

    /// What is given from here as this.
    pub(crate) fn get(&self, id: SwarmId) -> Option<Arc<Content>> {
        self.table().contents.get(&id).cloned()
    }

    /// What is given from here of a ticket that fits.
    pub(crate) fn of_ticket(&self, fits: impl Fn(&Ticket) -> bool) -> Option<Arc<Content>> {
        let table = self.table();
        let mut found = None;
        // All are looked at: the time says nothing.
        for content in table.contents.values().filter(|content| content.ticket.as_ref().is_some_and(&fits)) {
            found = Some(content.clone());
        }
        found
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<Arc<Content>> {
        self.table().contents.values().cloned().collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remove(&mut self, id: SwarmId) {
        self.lingering.retain(|(of, _)| *of != id);
        if let Some(content) = self.contents.remove(&id) {
            content.closed.cancel();
        }
    }
}
