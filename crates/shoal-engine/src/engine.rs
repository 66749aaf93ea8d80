//! The engine's public face: start, ask, command, listen, stop.

use crate::{
    Config, Device, Event, Snapshot, Trust,
    bench::{Bench, Meter},
    config::DataDir,
    connection::Connection,
    discovery::{
        Discovery, MdnsState, Options, Presence,
        devices::{Devices, Found, Sighting},
        interfaces,
    },
    endpoint::Endpoint,
    error::{BenchError, ReachError, SendError, StartError, TransferError, TrustError},
    greeting::Greeting,
    identity::Identity,
    links::{IncomingRequest, Links, Reach},
    settings::Kept,
    share::{
        ask::Asker,
        calm::Calm,
        serve::{Gate, Server},
        table::Table,
        thumbnails::Thumbnails,
        views::Views,
    },
    shares::Numbered,
    store::database::Database,
    tasks,
    tickets::{self, Giver, Opener, Tickets},
    transfer::{
        Consent, Limits, Outgoing, Received, Transfer,
        entries::{EntryPage, EntryQuery},
        transfers::{Surroundings, Transfers, blocking},
    },
    verify::Comparisons,
};
use shoal_proto::{
    PeerId, display,
    message::{CloseCode, Colour, Hello, Look, Platform, TransferId},
    sas::Sas,
};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Events that a front end may leave unread before it is told to take a snapshot.
const MAX_UNREAD_EVENTS: usize = 4096;

/// Requests of peers that wait to be looked at.
const MAX_UNREAD_REQUESTS: usize = 64;

/// How a device's link begins.
const LINK_PREFIX: &str = "shoal:peer/";

/// A running peer. Clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    id: PeerId,
    pub(crate) greeting: watch::Sender<Greeting>,
    pub(crate) presence: watch::Sender<Presence>,
    pub(crate) telling_settings: Mutex<()>,
    /// mDNS was not switched off for this start.
    pub(crate) mdns: bool,
    listen: Option<IpAddr>,
    pub(crate) database: Arc<Database>,
    pub(crate) devices: Arc<Devices>,
    pub(crate) links: Arc<Links>,
    pub(crate) transfers: Arc<Transfers>,
    pub(crate) table: Arc<Table>,
    pub(crate) shares: Arc<Server>,
    pub(crate) asker: Arc<Asker>,
    pub(crate) views: Arc<Views>,
    pub(crate) searches: Numbered,
    pub(crate) watches: Numbered,
    pub(crate) making: Numbered,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) giver: Arc<Giver>,
    pub(crate) opener: Opener,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) cancel: CancellationToken,
    pub(crate) comparisons: Arc<Comparisons>,
    pub(crate) meter: Arc<Meter>,
    discovery: Discovery,
    tasks: TaskTracker,
    /// Held until the last clone is gone; dropped last.
    _data_dir: DataDir,
}

/// A stream of [`Event`]s for one front end.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
    cancel: CancellationToken,
}

impl Events {
    /// The next event; `None` once the engine is shut down.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            biased;
            event = self.receiver.recv() => match event {
                Ok(event) => Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(Event::Lagged),
                Err(broadcast::error::RecvError::Closed) => None,
            },
            () = self.cancel.cancelled() => None,
        }
    }
}

impl Engine {
    /// Starts a peer: takes the data folder's lock, opens the database, binds the socket, announces itself, goes on with
    /// transfers that are not over. Must be called within a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let path = config.data_dir.clone();
        let (data_dir, identity, database) = blocking(move || {
            let data_dir = DataDir::take(&path)?;
            let identity = Identity::load_or_create(&path)?;
            let database =
                Database::open(&path).map_err(|error| StartError::Database { path: path.clone(), reason: error.to_string() })?;
            Ok::<_, StartError>((data_dir, identity, Arc::new(database)))
        })
        .await?;
        let settings = Kept::load(&database, &config)
            .map_err(|error| StartError::Database { path: config.data_dir.clone(), reason: error.to_string() })?;
        let remembered = tasks::remembered(&database)
            .map_err(|error| StartError::Database { path: config.data_dir.clone(), reason: error.to_string() })?;
        let moves = Arc::new(OnceLock::<Weak<Transfers>>::new());
        let asked = moves.clone();
        let is_moving = move || asked.get().and_then(Weak::upgrade).is_some_and(|transfers| transfers.is_moving());
        let kept = database.clone();
        let hash_always = config.hash_always;
        let table = blocking(move || Table::open(kept, Calm::new(Box::new(is_moving), hash_always))).await;
        let table = table.map_err(|error| StartError::Database { path: config.data_dir.clone(), reason: error.to_string() })?;
        let tickets = Tickets::open(database.clone())
            .map_err(|error| StartError::Database { path: config.data_dir.clone(), reason: error.to_string() })?;
        let endpoint = match config.socket.clone() {
            Some(socket) => Endpoint::with_socket(&identity, socket.0)?,
            None => Endpoint::bind(&identity, config.listen, config.port)?,
        };
        let id = identity.peer_id();
        let devices = Arc::new(Devices::new(id, remembered));
        let cancel = CancellationToken::new();
        let greeting = watch::Sender::new(Greeting {
            hello: Hello { name: settings.name, platform: Platform::HERE, version: env!("CARGO_PKG_VERSION").to_owned() },
            look: Look { colour: settings.colour.map(Colour::index) },
        });
        let (incoming, requests) = mpsc::channel(MAX_UNREAD_REQUESTS);
        let reach = if config.lan_only { Reach::Local } else { Reach::Everywhere };
        // Cancelled by its own shutdown: connections outlive the tasks that write down how far they came.
        let links = Links::start(endpoint, devices.clone(), greeting.subscribe(), incoming, reach, CancellationToken::new());
        let events = broadcast::Sender::new(MAX_UNREAD_EVENTS);
        let transfers = Transfers::new(Surroundings {
            rights: Arc::new(Gate { table: table.clone(), tickets: tickets.clone(), devices: devices.clone() }),
            database: database.clone(),
            links: links.clone(),
            devices: devices.clone(),
            events: events.clone(),
            accept_rule: settings.accept,
            inbox: settings.inbox,
            cancel: cancel.clone(),
        });
        transfers.set_limits(settings.limits);
        // Set once, here.
        let _ = moves.set(Arc::downgrade(&transfers));
        let thumbnails = Thumbnails::new(config.thumbnailer.clone(), database.folder());
        let shares = Server::new(table.clone(), devices.clone(), transfers.clone(), thumbnails);
        let asker = Arc::new(Asker::new(links.clone(), devices.clone(), transfers.clone()));
        let views = Views::new(asker.clone());
        let giver = Giver::new(id, tickets.clone(), transfers.clone());
        let opener = Opener::new(id, links.clone(), devices.clone(), transfers.clone());
        let options = Options { mdns: config.mdns, loopback: false, listen: config.listen };
        let port = links.local_addr().port();
        let presence = watch::Sender::new(settings.presence);
        let discovery = Discovery::start(options, presence.subscribe(), id, port, devices.clone(), &cancel);
        let inner = Arc::new(Inner {
            id,
            greeting,
            presence,
            telling_settings: Mutex::default(),
            mdns: config.mdns,
            listen: config.listen,
            database,
            devices,
            links,
            transfers,
            table,
            shares,
            asker,
            views,
            searches: Numbered::searches(),
            watches: Numbered::watches(),
            making: Numbered::tickets(),
            tickets,
            giver,
            opener,
            events,
            cancel,
            comparisons: Comparisons::new(id),
            meter: Arc::default(),
            discovery,
            tasks: TaskTracker::new(),
            _data_dir: data_dir,
        });
        let engine = Self { inner };
        // Before anything is answered: a receiver that asks for a transfer too early would be told that there is none.
        if let Err(error) = engine.inner.transfers.restore() {
            engine.shutdown().await;
            return Err(StartError::Database { path: config.data_dir, reason: error.to_string() });
        }
        engine.inner.start_tasks(requests);
        Ok(engine)
    }

    /// This device.
    pub fn id(&self) -> PeerId {
        self.inner.id
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.inner.greeting.borrow().hello.name.clone()
    }

    /// Addresses at which others can reach it now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let port = self.inner.links.local_addr().port();
        interfaces::addresses(self.inner.listen, port, &self.inner.presence.borrow().off).unwrap_or_else(|error| {
            tracing::warn!(%error, "own addresses are not known");
            Vec::new()
        })
    }

    /// Where accepted files go by default.
    pub fn inbox(&self) -> PathBuf {
        self.inner.transfers.inbox()
    }

    /// Everything at this moment.
    pub fn snapshot(&self) -> Snapshot {
        let transfers = self.inner.transfers.live_pictures();
        Snapshot { id: self.id(), name: self.name(), devices: self.devices(), transfers }
    }

    /// Events from now on.
    pub fn events(&self) -> Events {
        Events { receiver: self.inner.events.subscribe(), cancel: self.inner.cancel.clone() }
    }

    /// Devices known and in reach.
    pub fn devices(&self) -> Vec<Device> {
        for connection in self.inner.links.connected() {
            self.inner.devices.set_rtt(connection.peer(), Some(connection.rtt()));
        }
        self.inner.devices.all()
    }

    /// The device that a name, the beginning of an id (4 characters or more), a link or `HOST:PORT` means. Waits up to `wait`
    /// for it to show up. An address is dialled to learn who is there.
    pub async fn find(&self, peer: &str, wait: Duration) -> Result<PeerId, ReachError> {
        if let Some(link) = peer.strip_prefix(LINK_PREFIX) {
            return self.add_by_link(link, peer);
        }
        let mut events = self.events();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            match self.inner.devices.find(peer) {
                Found::One(id) => return Ok(id),
                Found::Several(candidates) => {
                    let candidates = candidates.into_iter().map(|(name, id)| format!("{name} ({})", id.short())).collect();
                    return Err(ReachError::Ambiguous { name: display::shown(peer), candidates });
                }
                Found::None => {}
            }
            if let Some(addresses) = resolve(peer).await {
                return self.dial(peer, addresses).await;
            }
            // Any event may be the one that brings it.
            match tokio::time::timeout_at(deadline, events.next()).await {
                Ok(Some(_)) => {}
                Ok(None) => return Err(ReachError::ShuttingDown),
                Err(_) => return Err(ReachError::NotFound(display::shown(peer))),
            }
        }
    }

    /// Learns who is at addresses that were typed in.
    async fn dial(&self, text: &str, addresses: Vec<SocketAddr>) -> Result<PeerId, ReachError> {
        let mut last = ReachError::NotFound(display::shown(text));
        for address in addresses {
            match self.inner.links.dial_address(address).await {
                Ok(connection) => {
                    let id = Connection::peer(&connection);
                    self.inner.devices.sighting(Sighting::address(id, crate::Via::Manual, address));
                    return Ok(id);
                }
                Err(error) => last = error,
            }
        }
        Err(last.about(display::shown(text)))
    }

    /// Takes the id and the addresses of a device's link; the name in it is a hint that nobody needs.
    fn add_by_link(&self, link: &str, whole: &str) -> Result<PeerId, ReachError> {
        let (id, query) = link.split_once('?').unwrap_or((link, ""));
        let id: PeerId = id.parse().map_err(|_| ReachError::NotFound(display::shown(whole)))?;
        for address in query.split('&').filter_map(|part| part.strip_prefix("at=")).filter_map(|at| at.parse().ok()) {
            self.inner.devices.sighting(Sighting::address(id, crate::Via::Manual, address));
        }
        Ok(id)
    }

    /// Compares short authentication strings with a peer; both ends then show the same.
    pub async fn verify(&self, peer: PeerId) -> Result<Sas, TrustError> {
        let name = self.inner.devices.name(peer);
        let connection = self.inner.links.get(peer).await.map_err(|error| error.about(name))?;
        self.inner.comparisons.initiate(&connection).await
    }

    /// Sets a device's standing. Blocking closes its connections within a second.
    pub async fn set_trust(&self, peer: PeerId, trust: Trust) -> Result<(), TrustError> {
        self.inner.devices.set_trust(peer, trust);
        self.inner.table.rights_changed();
        if trust == Trust::Blocked {
            self.inner.transfers.cancel_all_of(peer);
            self.inner.links.close_peer(peer, CloseCode::Refused);
        }
        self.inner.remember(peer).await.map_err(|error| TrustError::Store(error.to_string()))
    }

    /// Lets a verified device send without asking: offers from it are accepted as long as they come to no more than `bytes` in
    /// any 24 hours. `None`: each is asked about. The allowance ends when the device is not verified any more.
    ///
    /// # Errors
    /// [`TrustError::NotVerified`].
    pub async fn set_allowance(&self, peer: PeerId, bytes: Option<u64>) -> Result<(), TrustError> {
        if !self.inner.devices.set_allowance(peer, bytes) {
            return Err(TrustError::NotVerified(self.inner.devices.name(peer)));
        }
        self.inner.remember(peer).await.map_err(|error| TrustError::Store(error.to_string()))
    }

    /// Forgets a device: its standing, addresses and connections.
    pub async fn forget(&self, peer: PeerId) -> Result<(), TrustError> {
        self.inner.transfers.cancel_all_of(peer);
        self.inner.links.close_peer(peer, CloseCode::Refused);
        self.inner.devices.forget(peer);
        self.inner.table.rights_changed();
        let database = self.inner.database.clone();
        blocking(move || database.remove_device(peer)).await.map_err(|error| TrustError::Store(error.to_string()))
    }

    /// Offers files or a text; returns at once with a transfer for each receiver, in the order of `outgoing.to`.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Vec<Transfer>, SendError> {
        self.inner.transfers.offer(outgoing).await
    }

    /// Transfers that are not over; with `all`, the ended ones too, newest first.
    pub async fn transfers(&self, all: bool) -> Result<Vec<Transfer>, TransferError> {
        self.inner.transfers.list(all).await
    }

    /// The transfer that an id or the beginning of one (4 characters or more) means.
    pub async fn find_transfer(&self, id: &str) -> Result<TransferId, TransferError> {
        self.inner.transfers.find(id).await
    }

    /// Files that a transfer brought here: an entry by its number in the offer's list, with all that is below it; `None`: all.
    ///
    /// # Errors
    /// [`TransferError::NotFound`] for one that brought nothing here, [`TransferError::NotThere`] when its folder is gone.
    pub async fn received(&self, id: TransferId, entry: Option<u32>) -> Result<Received, TransferError> {
        self.inner.transfers.received(id, entry).await
    }

    /// A page of what a transfer holds, whatever its state. A text holds nothing.
    ///
    /// # Errors
    /// [`TransferError::NotFound`], [`TransferError::NoSuchEntry`] when the folder is none, [`TransferError::Store`].
    pub async fn entries(&self, id: TransferId, query: EntryQuery) -> Result<EntryPage, TransferError> {
        self.inner.transfers.entries(id, query).await
    }

    /// Takes an ended transfer out of the history. What came stays; what came in part of a transfer that failed goes.
    ///
    /// # Errors
    /// [`TransferError::NotFound`], [`TransferError::WrongState`] when it is not over, [`TransferError::Store`].
    pub async fn forget_transfer(&self, id: TransferId) -> Result<(), TransferError> {
        self.inner.transfers.forget(id).await
    }

    /// Takes every ended transfer out of the history, as [`Engine::forget_transfer`] does.
    ///
    /// # Errors
    /// [`TransferError::Store`].
    pub async fn clear_history(&self) -> Result<(), TransferError> {
        self.inner.transfers.clear_history().await
    }

    /// Takes an offer, all or a part.
    pub async fn accept(&self, id: TransferId, consent: Consent) -> Result<(), TransferError> {
        self.inner.transfers.accept(id, consent).await
    }

    /// Turns an offer down.
    pub async fn decline(&self, id: TransferId) -> Result<(), TransferError> {
        self.inner.transfers.decline(id)
    }

    /// Pauses a transfer, on either end.
    pub async fn pause(&self, id: TransferId) -> Result<(), TransferError> {
        self.inner.transfers.pause(id)
    }

    /// Goes on with a paused or interrupted transfer now.
    pub async fn resume(&self, id: TransferId) -> Result<(), TransferError> {
        self.inner.transfers.resume(id)
    }

    /// Gives a transfer up, on either end; partial files are removed, finished ones stay.
    pub async fn cancel(&self, id: TransferId) -> Result<(), TransferError> {
        self.inner.transfers.cancel(id)
    }

    /// Tries the failed files of a transfer again, from either end; or offers one again that was declined or failed (sending end).
    pub async fn retry(&self, id: TransferId) -> Result<(), TransferError> {
        self.inner.transfers.retry(id)
    }

    /// Limits in force.
    pub fn limits(&self) -> Limits {
        self.inner.transfers.limits()
    }

    /// Measures disk and processor here, and the way to a peer; some ten seconds. One at a time.
    pub async fn bench(&self, peer: Option<PeerId>) -> Result<Bench, BenchError> {
        let _turn = self.inner.meter.ask().ok_or(BenchError::Running)?;
        let connection = match peer {
            Some(peer) => Some(self.inner.links.get(peer).await.map_err(|error| error.about(self.inner.devices.name(peer)))?),
            None => None,
        };
        let inbox = self.inbox();
        let (disk, processor) = blocking(move || crate::bench::local::measure(&inbox)).await?;
        let network = match connection {
            Some(connection) => {
                let name = self.inner.devices.name(connection.peer());
                Some(crate::bench::network::ask(&connection, &name).await?)
            }
            None => None,
        };
        Ok(Bench { disk, processor, network })
    }

    /// Ends everything: says goodbye, closes connections, keeps what resuming needs, joins every task. At most two seconds.
    pub async fn shutdown(&self) {
        self.inner.cancel.cancel();
        self.inner.transfers.shutdown().await;
        let table = self.inner.table.clone();
        blocking(move || table.shutdown()).await;
        tokio::join!(self.inner.discovery.shutdown(), self.inner.links.shutdown());
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

impl Inner {
    fn start_tasks(self: &Arc<Self>, requests: mpsc::Receiver<IncomingRequest>) {
        let until_the_end = || self.cancel.clone();
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::dispatch(self.clone(), requests)));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::tell_devices(self.clone())));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::probe(self.clone())));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::wake_transfers(self.clone())));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::watch_network(self.clone())));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::expire_outlines(self.clone())));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tasks::end_shared(self.clone())));
        self.tasks.spawn(until_the_end().run_until_cancelled_owned(tickets::watch_tickets(self.clone())));
    }

    pub(crate) fn mdns_state(&self) -> MdnsState {
        self.discovery.mdns()
    }

    pub(crate) fn listens_on_loopback(&self) -> bool {
        self.listen.is_some_and(|listen| listen.is_loopback())
    }

    pub(crate) const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }
}

/// The addresses that `HOST:PORT` means; `None`: it is no such thing.
async fn resolve(text: &str) -> Option<Vec<SocketAddr>> {
    let (_, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let found = tokio::net::lookup_host(text).await.ok()?;
    Some(found.collect())
}
