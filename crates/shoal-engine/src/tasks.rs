//! What a running engine does by itself: sorts requests, tells and keeps changes of devices, asks new ones who they are.

use crate::{
    Config, Event, Limits,
    discovery::{
        devices::{Change, Changes, Remembered},
        interfaces,
    },
    engine::Inner,
    links::IncomingRequest,
    store::database::{Database, DatabaseError, DeviceRecord},
    transfer::{offer, serve, transfers::blocking},
};
use shoal_proto::{PeerId, display, message::Request};
use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, broadcast, mpsc};

/// Devices asked at once who they are.
const MAX_PROBES: usize = 8;

/// How often the host's own addresses are looked at.
const NETWORK_WATCH: Duration = Duration::from_secs(1);

/// How often lists of files in memory are looked at whether anybody needs them.
const EXPIRE_OUTLINES: Duration = Duration::from_secs(30);

/// What is kept across restarts and can be given anew at each start.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) inbox: PathBuf,
    pub(crate) limits: Limits,
}

impl Settings {
    pub(crate) fn load(database: &Database, config: &Config) -> Result<Self, DatabaseError> {
        if let Some(name) = &config.name {
            database.set_setting("name", Some(&display::device_name(name)))?;
        }
        if let Some(inbox) = &config.inbox {
            let inbox = std::path::absolute(inbox).unwrap_or_else(|_| inbox.clone());
            database.set_path("inbox", &inbox)?;
        }
        let name = database.setting("name")?.unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
        let rate = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Ok(Self {
            name: display::device_name(&name),
            inbox: database.path("inbox")?.unwrap_or_else(default_inbox),
            limits: Limits { up: rate(database.setting("limit_up")?), down: rate(database.setting("limit_down")?) },
        })
    }

    pub(crate) fn keep_limits(database: &Database, limits: Limits) -> Result<(), DatabaseError> {
        database.set_setting("limit_up", limits.up.map(|rate| rate.to_string()).as_deref())?;
        database.set_setting("limit_down", limits.down.map(|rate| rate.to_string()).as_deref())
    }
}

/// The platform's folder for downloads; a machine without one gets it in the home folder.
fn default_inbox() -> PathBuf {
    let user = directories::UserDirs::new();
    let downloads =
        user.as_ref().map(|dirs| dirs.download_dir().map_or_else(|| dirs.home_dir().join("Downloads"), PathBuf::from));
    downloads.unwrap_or_else(|| PathBuf::from("Downloads")).join("Shoal")
}

/// The devices known from before.
pub(crate) fn remembered(database: &Database) -> Result<Vec<Remembered>, DatabaseError> {
    let records = database.devices()?;
    let known = |DeviceRecord { id, name, platform, trust, addresses, accepts }| Remembered {
        id,
        name,
        platform,
        trust,
        accepts,
        addresses,
    };
    Ok(records.into_iter().map(known).collect())
}

/// Hands each request of a peer to whoever answers it. Their number is bounded by the streams that the links let in.
pub(crate) async fn dispatch(engine: Arc<Inner>, mut requests: mpsc::Receiver<IncomingRequest>) {
    while let Some(IncomingRequest { connection, request, send, recv }) = requests.recv().await {
        let transfers = engine.transfers.clone();
        match request {
            Request::Offer(offer) => {
                let task = offer::receive_offer(transfers.clone(), connection, offer, send, recv);
                transfers.tasks.spawn(task);
            }
            Request::Fetch(fetch) => {
                transfers.tasks.spawn_on(serve::serve(transfers.clone(), connection, fetch, send), transfers.links.net());
            }
            Request::Again(id) => {
                engine.transfers.tasks.spawn(async move { transfers.again(connection, id, send).await });
            }
            Request::Retry(id) => {
                engine.transfers.tasks.spawn(async move { transfers.retry_for_sender(connection.peer(), id, send).await });
            }
            Request::Verify(commitment) => {
                let engine = engine.clone();
                let task = async move {
                    let peer = connection.peer();
                    let trust = engine.devices.trust(peer);
                    let answer = engine.comparisons.respond(&connection, trust, commitment, send, recv);
                    let Some(answered) = engine.cancel.run_until_cancelled(answer).await else { return };
                    match answered {
                        Ok(sas) => engine.transfers.emit(Event::Verifying { peer, sas }),
                        Err(error) => tracing::debug!(%error, "a comparison was broken off"),
                    }
                };
                transfers.tasks.spawn(task);
            }
            Request::Measure(measure) => {
                let trust = engine.devices.trust(connection.peer());
                transfers.tasks.spawn(engine.meter.clone().answer(connection, trust, measure, send, recv));
            }
            // The links answer it.
            Request::Hello(_) => {}
        }
    }
}

/// Turns changes of the table into events, and keeps what is to be remembered.
pub(crate) async fn tell_devices(engine: Arc<Inner>) {
    let mut kept: HashMap<PeerId, Remembered> = HashMap::new();
    loop {
        let changed = match engine.devices.changes().await {
            Changes::Rows(changes) => changes,
            Changes::All(devices) => devices.into_iter().map(Change::Row).collect(),
        };
        for change in changed {
            match change {
                Change::Row(device) => {
                    let id = device.id;
                    engine.transfers.emit(Event::Device(device));
                    let Some(now) = engine.devices.remembered(id) else { continue };
                    if kept.get(&id) != Some(&now) {
                        if let Err(error) = engine.remember(id).await {
                            tracing::error!(%error, "a device is not remembered");
                        }
                        kept.insert(id, now);
                    }
                }
                Change::Gone(id) => {
                    kept.remove(&id);
                    engine.transfers.emit(Event::DeviceGone(id));
                }
            }
        }
    }
}

/// Asks devices that were announced who they are: only what they prove is shown.
pub(crate) async fn probe(engine: Arc<Inner>) {
    let slots = Arc::new(Semaphore::new(MAX_PROBES));
    while let Ok(slot) = slots.clone().acquire_owned().await {
        let id = engine.devices.probe_wanted().await;
        let links = engine.links.clone();
        engine.tasks().spawn(async move {
            if let Err(error) = links.get(id).await {
                tracing::debug!(%error, "a device that was announced does not answer");
            }
            drop(slot);
        });
    }
}

/// Peers that come back are a reason to go on at once, not after the back-off.
pub(crate) async fn wake_transfers(engine: Arc<Inner>) {
    let mut connected = engine.links.subscribe();
    loop {
        match connected.recv().await {
            Ok(peer) => engine.transfers.wake(|of| of == peer),
            Err(broadcast::error::RecvError::Lagged(_)) => engine.transfers.wake(|_| true),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Lets go of long lists that no front end looks at any more.
pub(crate) async fn expire_outlines(engine: Arc<Inner>) {
    loop {
        tokio::time::sleep(EXPIRE_OUTLINES).await;
        engine.transfers.expire_outlines();
    }
}

/// Tells the links when this host's addresses change.
pub(crate) async fn watch_network(engine: Arc<Inner>) {
    let mut known = None;
    loop {
        let now = blocking(|| interfaces::addresses(None, 0)).await.unwrap_or_default();
        if known.replace(now.clone()).is_some_and(|before| before != now) {
            tracing::info!("the network changed");
            engine.links.network_changed(&now);
        }
        tokio::time::sleep(NETWORK_WATCH).await;
    }
}

impl Inner {
    /// Keeps what is to be remembered of a device.
    pub(crate) async fn remember(&self, id: PeerId) -> Result<(), DatabaseError> {
        let Some(Remembered { id, name, platform, trust, accepts, addresses }) = self.devices.remembered(id) else {
            return Ok(());
        };
        let database = self.database.clone();
        let record = DeviceRecord { id, name, platform, trust, addresses, accepts };
        blocking(move || database.set_device(&record)).await
    }
}
