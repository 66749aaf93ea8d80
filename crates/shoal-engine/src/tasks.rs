//! What a running engine does by itself: sorts requests, tells and keeps changes of devices, asks new ones who they are.

use crate::{
    Engine, Event,
    discovery::devices::{Change, Changes, Remembered},
    engine::Inner,
    links::IncomingRequest,
    store::database::{Database, DatabaseError, DeviceRecord},
    transfer::{offer, serve, transfers::blocking},
};
use shoal_proto::{PeerId, message::Request, share::Add};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, broadcast, mpsc};

/// Devices asked at once who they are.
const MAX_PROBES: usize = 8;

/// How often the host's own addresses are looked at.
const NETWORK_WATCH: Duration = Duration::from_secs(1);

/// How often lists of files in memory are looked at whether anybody needs them.
const EXPIRE_OUTLINES: Duration = Duration::from_secs(30);

/// The devices known from before.
pub(crate) fn remembered(database: &Database) -> Result<Vec<Remembered>, DatabaseError> {
    let records = database.devices()?;
    let known = |DeviceRecord { id, name, platform, colour, trust, addresses, accepts }| Remembered {
        id,
        name,
        platform,
        colour,
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
                let task = offer::receive_offer(transfers.clone(), connection, offer, None, send, recv);
                transfers.tasks.spawn(task);
            }
            Request::Add(Add { place, offer }) => {
                let task = offer::receive_offer(transfers.clone(), connection, offer, Some(place), send, recv);
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
            Request::Shares
            | Request::List(_)
            | Request::Search(_)
            | Request::Watch(_)
            | Request::Get(_)
            | Request::Read(_)
            | Request::Thumb(_)
            | Request::Holds(_) => {
                transfers.tasks.spawn(engine.shares.clone().answer(connection, request, send, recv));
            }
            Request::Open(open) => {
                transfers.tasks.spawn(engine.giver.clone().answer(connection, open, send));
            }
            Request::Enter(enter) => {
                transfers.tasks.spawn(engine.giver.clone().enter(connection, enter, send));
            }
            Request::Join(swarm) => {
                let task = async move { transfers.clone().swarms.join(transfers, connection, swarm, send, recv).await };
                engine.transfers.tasks.spawn_on(task, engine.links.net());
            }
            Request::Take(take) => {
                let task = async move { transfers.clone().swarms.give(transfers, connection, take, send).await };
                engine.transfers.tasks.spawn_on(task, engine.links.net());
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

/// Sendings out of shares end when the right to the share does.
pub(crate) async fn end_shared(engine: Arc<Inner>) {
    let mut rights = engine.table.rights();
    // The sender lives in the table.
    while rights.changed().await.is_ok() {
        engine.transfers.end_shared();
    }
}

/// Tells the links and front ends when this host's addresses change, and the links which of them are not to be used.
pub(crate) async fn watch_network(engine: Arc<Inner>) {
    let mut known = None;
    loop {
        let links = engine.bar_interfaces().await;
        let now: Vec<_> = links.iter().flat_map(|link| link.socket_addrs(0)).collect();
        if known.replace(now.clone()).is_some_and(|before| before != now) {
            tracing::info!("the network changed");
            engine.links.network_changed(&now);
            Engine { inner: engine.clone() }.tell_settings().await;
        }
        tokio::time::sleep(NETWORK_WATCH).await;
    }
}

impl Inner {
    /// Keeps what is to be remembered of a device.
    pub(crate) async fn remember(&self, id: PeerId) -> Result<(), DatabaseError> {
        let Some(Remembered { id, name, platform, colour, trust, accepts, addresses }) = self.devices.remembered(id) else {
            return Ok(());
        };
        let database = self.database.clone();
        let record = DeviceRecord { id, name, platform, colour, trust, addresses, accepts };
        blocking(move || database.set_device(&record)).await
    }
}
