//! A running Shoal that answers by rote over a real control socket: what a device is called decides what becomes of a transfer.

use shoal_api::{
    Bench, Bottleneck, Code, Content, Device, DevicePath, Direction, Event, Failure, Identity, Limit, Limits, Measure, Reply,
    Request, Sas, State, Transfer, Trust, Via,
    control::{Backend, EventSource},
};
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

/// The engine that is none.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    events: broadcast::Sender<Event>,
    state: Arc<Mutex<Remembered>>,
}

/// What it was asked, and what it shows.
#[derive(Debug, Default)]
struct Remembered {
    asked: Vec<Request>,
    rows: Vec<Transfer>,
    limits: Limits,
}

#[derive(Debug)]
pub(crate) struct Told(broadcast::Receiver<Event>);

impl EventSource for Told {
    async fn next(&mut self) -> Option<Event> {
        self.0.recv().await.ok()
    }
}

impl Fake {
    /// Shows these transfers.
    pub(crate) fn new(rows: Vec<Transfer>) -> Self {
        let state = Remembered { rows, limits: Limits { up: Some(5000), down: Some(7000) }, ..Remembered::default() };
        Self { events: broadcast::channel(64).0, state: Arc::new(Mutex::new(state)) }
    }

    /// Everything that it was asked to change.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.state.lock().unwrap().asked.clone()
    }

    fn tell(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    fn finish(&self, id: &str, files_failed: u32) {
        let transfer = id.to_owned();
        self.tell(Event::Progress { transfer, bytes_done: 1, bytes: 9, files_done: 0, files: 3, rate: 5, eta_s: None });
        let transfer = id.to_owned();
        self.tell(Event::Finished { transfer, files: 3 - files_failed, bytes: 9, bytes_moved: 9, seconds: 0.5, files_failed });
    }

    fn fail(&self, id: &str, error: &str, code: Code, state: State) {
        self.tell(Event::Failed { transfer: id.to_owned(), error: error.to_owned(), code, state });
    }

    fn send(&self, to: &[String]) -> Result<Reply, Failure> {
        let mut rows = Vec::new();
        for (index, name) in to.iter().enumerate() {
            let id = format!("{index}0000000aaaa");
            match name.as_str() {
                "nobody" => return Err(Failure::new(Code::PeerNotFound, "no device called nobody is near")),
                "stuck" => {}
                "sulky" => self.fail(&id, "sulky declined holiday", Code::Declined, State::Declined),
                "full" => self.fail(&id, "full has 1 kB free and holiday needs 9 kB", Code::NoSpace, State::Failed),
                "forged" => self.fail(&id, "what came to forged was not what was sent", Code::VerificationFailed, State::Failed),
                "flaky" => self.tell(Event::Interrupted { transfer: id.clone(), reason: "asleep".into() }),
                "partial" => self.finish(&id, 2),
                _ => self.finish(&id, 0),
            }
            rows.push(row(&id, name, Direction::Send));
        }
        Ok(Reply::Transfers { transfers: rows })
    }
}

impl Backend for Fake {
    type Events = Told;

    async fn handle(&self, request: Request) -> Result<Reply, Failure> {
        let mut state = self.state.lock().unwrap();
        state.asked.push(request.clone());
        match request {
            Request::Identity => Ok(Reply::Identity(Identity {
                id: "me".into(),
                name: "Tern".into(),
                addresses: vec!["127.0.0.1:1".into()],
                link: "shoal:peer/me?at=127.0.0.1:1".into(),
                inbox: "/inbox".into(),
            })),
            Request::Devices => Ok(Reply::Devices { devices: vec![device()] }),
            Request::Find { .. } => Ok(Reply::Device(device())),
            Request::Verify { .. } => Ok(Reply::Sas(Sas { sas_digits: "123 456".into(), sas_emoji: "🐟 🐙".into() })),
            Request::Send { to, .. } => self.send(&to),
            Request::Transfers { .. } => Ok(Reply::Transfers { transfers: state.rows.clone() }),
            Request::Offers => Ok(Reply::Offers { offers: state.rows.iter().map(Into::into).collect() }),
            Request::FindTransfer { transfer } => match state.rows.iter().find(|row| row.transfer.starts_with(&transfer)) {
                Some(row) => Ok(Reply::Transfers { transfers: vec![row.clone()] }),
                None => Err(Failure::new(Code::Failed, format_args!("there is no transfer {transfer}"))),
            },
            Request::Accept { transfer, .. } => {
                self.finish(&transfer, 0);
                Ok(Reply::Done)
            }
            Request::Bench { .. } => {
                let measure = |name: &str, unit: &str| Measure { measure: name.into(), value: 1.18e7, unit: unit.into() };
                let sentence = "A transfer to Mira's laptop is limited by the network.".into();
                let limit =
                    Limit { measure: "limit".into(), value: 1.18e7, unit: "B/s".into(), limit: Bottleneck::Network, sentence };
                Ok(Reply::Bench(Bench { measures: vec![measure("disk_read", "B/s"), measure("to_peer", "B/s")], limit }))
            }
            Request::Limits => Ok(Reply::Limits(state.limits)),
            Request::SetLimits { limits } => {
                state.limits = limits;
                Ok(Reply::Done)
            }
            _ => Ok(Reply::Done),
        }
    }

    fn events(&self) -> Told {
        Told(self.events.subscribe())
    }
}

/// A request that offers files, with its paths.
pub(crate) fn paths_of(request: &Request) -> Option<&[std::path::PathBuf]> {
    match request {
        Request::Send { content: Content::Paths { paths }, .. } => Some(paths),
        _ => None,
    }
}

/// An offer that waits for an answer.
pub(crate) fn offer(id: &str, from: &str) -> Transfer {
    Transfer { awaits_answer: true, state: State::Waiting, ..row(id, from, Direction::Receive) }
}

fn row(id: &str, peer: &str, direction: Direction) -> Transfer {
    Transfer {
        transfer: id.into(),
        direction,
        peers: vec![device().id],
        peer_names: vec![peer.into()],
        name: "holiday".into(),
        added_to: None,
        state: State::Waiting,
        files: 3,
        files_done: 0,
        files_failed: 0,
        bytes: 9,
        bytes_done: 0,
        bytes_moved: 0,
        rate: 0,
        eta_s: None,
        error: None,
        code: None,
        awaits_answer: false,
        text: None,
        into: None,
        free: None,
        first_names: vec![],
        started: 0,
        since: 0,
    }
}

fn device() -> Device {
    Device {
        id: "k7xqabcdefgh".into(),
        name: "Mira's laptop".into(),
        trust: Trust::Known,
        accepts: None,
        online: true,
        paths: vec![DevicePath { via: Via::Mdns, address: "192.168.1.2:47474".into() }],
        rtt_ms: Some(1.25),
        platform: None,
        colour: None,
    }
}
