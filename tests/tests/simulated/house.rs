//! Plays a [`Story`]: peers with their folders, the network between them, and what must hold at every moment and at the end.
//! Longer than other files: acting, watching and judging share what is known of each peer, and would only hand it to and fro.

use crate::story::{Act, Answer, Older, Story};
use shoal_engine::{
    AbstractSocket, AcceptRule, Config, Consent, Engine, Event, Limits, Outgoing, OutgoingContent, PeerId, State, Transfer,
    TransferId,
};
use shoal_tests::{data, figure, sim::SimNetwork};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// How often everything is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Once nothing goes wrong any more, everything must be over after this long.
const PATIENCE: Duration = Duration::from_secs(600);

/// An engine is shut down in this time, whatever it does.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What many stories came to.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    finished: u64,
    cancelled: u64,
    declined: u64,
    failed_files: u64,
    interruptions: u64,
    shutdowns: u64,
    slowest_shutdown: Duration,
    simulated: Duration,
    bytes: u64,
    moved: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Self) {
        self.finished += other.finished;
        self.cancelled += other.cancelled;
        self.declined += other.declined;
        self.failed_files += other.failed_files;
        self.interruptions += other.interruptions;
        self.shutdowns += other.shutdowns;
        self.slowest_shutdown = self.slowest_shutdown.max(other.slowest_shutdown);
        self.simulated += other.simulated;
        self.bytes += other.bytes;
        self.moved += other.moved;
    }

    pub(crate) fn print(&self) {
        figure("simulated: transfers finished", self.finished);
        figure("simulated: cancelled, declined", format!("{}, {}", self.cancelled, self.declined));
        figure("simulated: files that failed, all of them changed or removed", self.failed_files);
        figure("simulated: interruptions", self.interruptions);
        figure("simulated: shutdowns, the slowest", format!("{}, {:.2} s", self.shutdowns, self.slowest_shutdown.as_secs_f64()));
        figure("simulated: bytes of finished transfers, and moved for them", format!("{}, {}", self.bytes, self.moved));
        figure("simulated: time", format!("{:.1} h", self.simulated.as_secs_f64() / 3600.0));
    }
}

/// Plays the story of a seed; panics where an invariant does not hold.
pub(crate) fn play(seed: u64) -> Sums {
    let story = Story::new(seed);
    let mut house = House::new(story);
    for run in 0..house.story.runs.len() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let over = runtime.block_on(house.run(run));
        if !over {
            // The power fails: every task stops where it is, and says and writes nothing more.
            for peer in &mut house.peers {
                peer.engine = None;
                peer.listener = None;
            }
        }
        drop(runtime);
    }
    house.sums
}

struct House {
    story: Story,
    _folder: TempDir,
    source: PathBuf,
    peers: Vec<Peer>,
    /// One for each receiver, in their order.
    transfers: Vec<TransferId>,
    /// Relative paths under which files may be found in an inbox, each with what may be in it.
    allowed: HashMap<PathBuf, Vec<blake3::Hash>>,
    /// Files that were seen with the right bytes.
    seen: HashMap<PathBuf, (u64, SystemTime)>,
    changed: Vec<bool>,
    sums: Sums,
}

struct Peer {
    data: PathBuf,
    inbox: PathBuf,
    address: SocketAddr,
    id: Option<PeerId>,
    engine: Option<Engine>,
    listener: Option<JoinHandle<()>>,
    events: Arc<Mutex<Vec<Event>>>,
    /// When the offer was first seen here.
    asked: Option<Instant>,
    cancelled: bool,
    declined: bool,
    /// How often its engine was started.
    starts: usize,
}

impl House {
    fn new(story: Story) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let source = folder.path().join("stuff");
        let peers = (0..story.peers).map(|i| Peer::new(folder.path(), i)).collect::<Vec<_>>();
        let mut allowed = HashMap::<PathBuf, Vec<blake3::Hash>>::new();
        for (i, file) in story.files.iter().enumerate() {
            let path = source.join(&file.name);
            data::random_file(&path, file.size, story.seed * 100 + i as u64);
            // Long ago, so that a change shows in the time.
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000 + i as u64);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            let new = hash(&path);
            let within = Path::new("stuff").join(&file.name);
            allowed.entry(within.clone()).or_default().push(new);
            for peer in peers.iter().skip(1).filter(|_| file.older != Older::Nothing) {
                let older = peer.inbox.join(&within);
                fs::create_dir_all(older.parent().unwrap()).unwrap();
                match file.older {
                    Older::Other => data::random_file(&older, file.size / 2 + 7, 3),
                    Older::Nothing | Older::Same | Older::Part => {
                        fs::copy(&path, &older).unwrap();
                        if file.older == Older::Part && file.size > 0 {
                            data::change_part(&older, 0.2, 1000.min(file.size), 4);
                        }
                    }
                }
                let old = hash(&older);
                if old != new {
                    allowed.entry(within.clone()).or_default().push(old);
                    allowed.insert(beside(&within), vec![new]);
                }
            }
        }
        let changed = vec![false; story.files.len()];
        Self {
            story,
            _folder: folder,
            source,
            peers,
            transfers: Vec::new(),
            allowed,
            seen: HashMap::new(),
            changed,
            sums: Sums::default(),
        }
    }

    /// Plays one run; `false`: its power failed.
    async fn run(&mut self, run: usize) -> bool {
        let begun = Instant::now();
        let network = SimNetwork::with_weather(self.story.seed * 10 + run as u64, self.story.weather);
        for peer in 0..self.peers.len() {
            self.start(peer, &network).await;
        }
        self.announce().await;
        if run == 0 {
            let to = self.peers.iter().skip(1).map(|peer| peer.id.unwrap()).collect();
            let content = OutgoingContent::Paths(vec![self.source.clone()]);
            let offered = self.peers[0].engine().send(Outgoing { to, content }).await.unwrap();
            self.transfers = offered.iter().map(|transfer| transfer.id).collect();
        }
        let acts = self.story.runs[run].acts.clone();
        let until = self.story.runs[run].until.map(|until| begun + until);
        let mut acts = acts.into_iter().map(|(at, act)| (begun + at, act)).peekable();
        let mut calm: Option<Instant> = None;
        let over = loop {
            let next = acts.peek().map_or(Instant::now() + LOOK, |(at, _)| (Instant::now() + LOOK).min(*at));
            sleep_until(until.map_or(next, |until| until.min(next))).await;
            if until.is_some_and(|until| until <= Instant::now()) {
                break false;
            }
            while let Some((_, act)) = acts.next_if(|(at, _)| *at <= Instant::now()) {
                self.act(act, &network).await;
            }
            self.look();
            self.answer().await;
            if acts.peek().is_some() || until.is_some() {
                continue;
            }
            let since = match calm {
                Some(since) => since,
                None => {
                    self.calm_down(&network).await;
                    *calm.insert(Instant::now())
                }
            };
            let states = self.states().await;
            if states
                .iter()
                .all(|(sender, receiver)| sender.state.is_over() && receiver.as_ref().is_none_or(|r| r.state.is_over()))
            {
                self.check_end(&states);
                break true;
            }
            assert!(since.elapsed() < PATIENCE, "not over after {PATIENCE:?}: {states:#?}");
        };
        self.sums.simulated += begun.elapsed();
        if over {
            for peer in 0..self.peers.len() {
                self.stop(peer).await;
            }
            self.look();
            self.check_events();
            let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
            assert_eq!((tasks, network.sockets()), (0, 0), "tasks and sockets are left");
        }
        over
    }

    async fn start(&mut self, peer: usize, network: &SimNetwork) {
        let by_rule = self.story.answer == Answer::ByRule && peer > 0;
        let peer = &mut self.peers[peer];
        let mut config = Config::new(&peer.data);
        config.name = Some(peer.data.file_name().unwrap().to_string_lossy().into_owned());
        config.inbox = Some(peer.inbox.clone());
        config.accept = Some(if by_rule { AcceptRule::All } else { AcceptRule::Ask });
        config.mdns = false;
        config.socket = Some(AbstractSocket(network.socket(peer.address)));
        let engine = Engine::start(config).await.unwrap();
        peer.id = Some(engine.id());
        let (mut heard, events) = (engine.events(), peer.events.clone());
        peer.listener = Some(tokio::spawn(async move {
            while let Some(event) = heard.next().await {
                events.lock().unwrap().push(event);
            }
        }));
        peer.engine = Some(engine);
        peer.starts += 1;
    }

    async fn stop(&mut self, peer: usize) {
        let peer = &mut self.peers[peer];
        let Some(engine) = peer.engine.take() else { return };
        let begun = Instant::now();
        engine.shutdown().await;
        let took = begun.elapsed();
        assert!(took <= SHUTDOWN, "the shutdown took {took:?}");
        self.sums.shutdowns += 1;
        self.sums.slowest_shutdown = self.sums.slowest_shutdown.max(took);
        peer.listener.take().unwrap().await.unwrap();
    }

    /// Tells every peer where the others are, as mDNS would.
    async fn announce(&self) {
        for peer in &self.peers {
            let Some(engine) = &peer.engine else { continue };
            for other in &self.peers {
                if let Some(id) = other.id.filter(|id| *id != engine.id()) {
                    let link = format!("shoal:peer/{id}?at={}", other.address);
                    engine.find(&link, Duration::ZERO).await.unwrap();
                }
            }
        }
    }

    async fn act(&mut self, act: Act, network: &SimNetwork) {
        let transfers = self.transfers.clone();
        match act {
            Act::Cut(a, b) => network.cut(self.ip(a), self.ip(b)),
            Act::Join(a, b) => network.join(self.ip(a), self.ip(b)),
            Act::Readdress(peer) => {
                let from = self.peers[peer].address;
                let to = next_address(from);
                if self.peers[peer].engine.is_some() {
                    network.readdress(from, to);
                }
                self.peers[peer].address = to;
            }
            Act::Announce => self.announce().await,
            Act::Down { peer, silent } => {
                if silent {
                    (0..self.peers.len()).for_each(|other| network.cut(self.ip(peer), self.ip(other)));
                }
                self.stop(peer).await;
                (0..self.peers.len()).for_each(|other| network.join(self.ip(peer), self.ip(other)));
            }
            Act::Up(peer) => {
                if self.peers[peer].engine.is_none() {
                    self.start(peer, network).await;
                }
            }
            // Whoever is down or has nothing to pause does nothing.
            Act::Pause(peer) => {
                for id in transfers {
                    if let Some(engine) = &self.peers[peer].engine {
                        let _ = engine.pause(id).await;
                    }
                }
            }
            Act::Resume(peer) => {
                for id in transfers {
                    if let Some(engine) = &self.peers[peer].engine {
                        let _ = engine.resume(id).await;
                    }
                }
            }
            Act::Cancel(peer) => {
                for id in transfers {
                    if let Some(engine) = &self.peers[peer].engine
                        && engine.cancel(id).await.is_ok()
                    {
                        self.peers[peer].cancelled = true;
                    }
                }
            }
            Act::Limit { peer, up, down } => {
                if let Some(engine) = &self.peers[peer].engine {
                    engine.set_limits(Limits { up, down }).await.unwrap();
                }
            }
            Act::Weather(weather) => network.set_weather(weather),
            Act::Change { file, longer } => {
                let spec = &self.story.files[file];
                data::random_file(&self.source.join(&spec.name), spec.size + u64::from(longer), 99);
                self.changed[file] = true;
            }
            Act::Remove { file } => {
                let _ = fs::remove_file(self.source.join(&self.story.files[file].name)); // perhaps it was before
                self.changed[file] = true;
            }
        }
    }

    /// Nothing goes wrong from here on.
    async fn calm_down(&mut self, network: &SimNetwork) {
        for peer in 0..self.peers.len() {
            for other in 0..self.peers.len() {
                network.join(self.ip(peer), self.ip(other));
            }
            if self.peers[peer].engine.is_none() {
                self.start(peer, network).await;
            }
        }
        self.announce().await;
        for peer in 0..self.peers.len() {
            self.act(Act::Resume(peer), network).await;
            self.act(Act::Limit { peer, up: None, down: None }, network).await;
        }
    }

    /// What the people at the receivers do.
    async fn answer(&mut self) {
        for peer in self.peers.iter_mut().skip(1) {
            let Some(engine) = &peer.engine else { continue };
            let Some(offer) = engine.snapshot().transfers.into_iter().find(|transfer| transfer.awaits_answer) else {
                peer.asked = None;
                continue;
            };
            let asked = peer.asked.get_or_insert_with(Instant::now).elapsed();
            // An offer that is withdrawn at this moment cannot be answered: no error.
            let _ = match self.story.answer {
                Answer::Accept { after } if asked >= after => engine.accept(offer.id, Consent::default()).await,
                Answer::AcceptPart { after } if asked >= after => {
                    let only = ["*0", "*2", "*4", "*6", "*8"].map(String::from).to_vec();
                    engine.accept(offer.id, Consent { only, ..Consent::default() }).await
                }
                Answer::Decline { after } if asked >= after => {
                    let declined = engine.decline(offer.id).await;
                    peer.declined |= declined.is_ok();
                    declined
                }
                _ => Ok(()),
            };
        }
    }

    /// Each transfer as its sender and its receiver see it.
    async fn states(&self) -> Vec<(Transfer, Option<Transfer>)> {
        let mut states = Vec::new();
        let sending = self.peers[0].engine().transfers(true).await.unwrap();
        for (id, receiver) in self.transfers.iter().zip(self.peers.iter().skip(1)) {
            let sent = sending.iter().find(|transfer| transfer.id == *id).unwrap().clone();
            let received = receiver.engine().transfers(true).await.unwrap();
            assert!(received.len() <= 1, "{received:?}");
            states.push((sent, received.into_iter().next()));
        }
        states
    }

    /// No file has ever other bytes under its name than those of the sender, or those that it had before.
    fn look(&mut self) {
        for peer in self.peers.iter().skip(1) {
            for path in visible_files(&peer.inbox) {
                let Ok(meta) = fs::metadata(&path) else { continue };
                let version = (meta.len(), meta.modified().unwrap());
                if self.seen.get(&path) == Some(&version) {
                    continue;
                }
                let within = path.strip_prefix(&peer.inbox).unwrap();
                let allowed = self.allowed.get(within).map(Vec::as_slice).unwrap_or_default();
                assert!(allowed.contains(&hash(&path)), "other bytes, or a name that nobody sent: {}", within.display());
                self.seen.insert(path, version);
            }
        }
    }

    fn check_end(&mut self, states: &[(Transfer, Option<Transfer>)]) {
        let power_cuts = self.story.runs.len() as u64 - 1;
        for ((sent, received), peer) in states.iter().zip(self.peers.iter().skip(1)) {
            let told = format!("{sent:#?}\n{received:#?}");
            let (sender_cancelled, receiver_cancelled) = (self.peers[0].cancelled, peer.cancelled);
            let agreed = match (sent.state, received.as_ref().map(|received| received.state)) {
                (State::Finished, Some(State::Finished)) => true,
                (State::Declined, None) => peer.declined || receiver_cancelled,
                (State::Cancelled, None | Some(State::Cancelled)) => sender_cancelled || receiver_cancelled,
                // It finished before it heard.
                (State::Cancelled, Some(State::Finished)) => sender_cancelled,
                _ => false,
            };
            assert!(agreed, "the ends do not agree: {told}");
            assert!(!has_partials(&peer.inbox), "partial files are left: {told}");
            match sent.state {
                State::Finished => self.sums.finished += 1,
                State::Declined => self.sums.declined += 1,
                _ => self.sums.cancelled += 1,
            }
            let Some(received) = received.as_ref().filter(|received| received.state == State::Finished) else { continue };
            let mut failed = 0;
            let even = |name: &str| name.ends_with(['0', '2', '4', '6', '8']);
            let part = matches!(self.story.answer, Answer::AcceptPart { .. });
            let wanted = self.story.files.iter().zip(&self.changed).filter(|(file, _)| !part || even(&file.name));
            for (file, changed) in wanted.clone() {
                let within = Path::new("stuff").join(&file.name);
                let new = self.allowed[&within][0];
                let there = [within.clone(), beside(&within)].iter().any(|name| {
                    let path = peer.inbox.join(name);
                    path.exists() && hash(&path) == new
                });
                assert!(there || *changed, "{} is not there: {told}", file.name);
                failed += u32::from(!there);
            }
            let bytes: u64 = wanted.clone().map(|(file, _)| file.size).sum();
            let files = u32::try_from(wanted.count()).unwrap();
            assert_eq!((received.files, received.bytes), (files, bytes), "{told}");
            assert_eq!(received.files_done + received.files_failed, files, "{told}");
            assert!(received.files_failed >= failed, "a file is neither there nor failed: {told}");
            assert!(received.bytes_moved <= bytes * (1 + power_cuts), "too much was moved again: {told}");
            self.sums.failed_files += u64::from(failed);
            self.sums.bytes += bytes;
            self.sums.moved += received.bytes_moved;
            if sent.state == State::Finished {
                let progress = |t: &Transfer| (t.files_done, t.files_failed, t.bytes_done, t.bytes_moved);
                assert_eq!(progress(sent), progress(received), "{told}");
            }
        }
    }

    /// Front ends hear of each end once, and of each interruption why.
    fn check_events(&mut self) {
        let power_cuts = self.story.runs.len() - 1;
        for peer in &self.peers {
            let mut ends = BTreeMap::<TransferId, usize>::new();
            for event in peer.events.lock().unwrap().iter() {
                match event {
                    Event::Finished { transfer, .. } => {
                        assert_eq!(transfer.state, State::Finished);
                        *ends.entry(transfer.id).or_default() += 1;
                    }
                    Event::Failed { transfer, error } => {
                        assert!(!error.is_empty(), "{transfer:?}");
                        // An offer that is taken back is made again.
                        if !transfer.error.as_deref().is_some_and(|error| error.contains(" left before ")) {
                            *ends.entry(transfer.id).or_default() += 1;
                        }
                    }
                    Event::Interrupted { reason, .. } => {
                        assert!(!reason.is_empty());
                        self.sums.interruptions += 1;
                    }
                    _ => {}
                }
            }
            // That an offer was declined is kept until its sender heard it, but not across a restart: then it is asked again.
            let declines = matches!(self.story.answer, Answer::Decline { .. });
            let most = if declines { peer.starts } else { 1 + power_cuts };
            let twice: Vec<_> = ends.iter().filter(|(_, count)| **count > most).collect();
            assert!(twice.is_empty(), "ends told more than once: {twice:?}");
        }
        if power_cuts == 0 {
            let ends = self.peers[0].events.lock().unwrap().iter().filter(|event| is_end(event)).count();
            assert_eq!(ends, self.transfers.len(), "each end is told once");
        }
    }

    fn ip(&self, peer: usize) -> IpAddr {
        self.peers[peer].address.ip()
    }
}

impl Peer {
    fn new(folder: &Path, index: usize) -> Self {
        Self {
            data: folder.join(format!("peer {index}")),
            inbox: folder.join(format!("inbox {index}")),
            address: SocketAddr::from(([10, 0, u8::try_from(index).unwrap(), 1], 47474)),
            id: None,
            engine: None,
            listener: None,
            events: Arc::default(),
            asked: None,
            cancelled: false,
            declined: false,
            starts: 0,
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is up")
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Finished { .. } | Event::Failed { .. })
}

fn next_address(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V4(v4) = address else { unreachable!("all are IPv4") };
    let [a, b, c, d] = v4.ip().octets();
    SocketAddr::from(([a, b, c, d + 1], v4.port()))
}

/// The name that a file gets when its own is taken.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap().to_str().unwrap();
    path.with_file_name(format!("{name} (2)"))
}

fn hash(path: &Path) -> blake3::Hash {
    blake3::hash(&fs::read(path).unwrap())
}

fn visible_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(".shoal-") {
                continue;
            }
            if entry.path().is_dir() { open.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files
}

fn has_partials(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        entry.file_name().to_string_lossy().starts_with(".shoal-") || entry.path().is_dir() && has_partials(&entry.path())
    })
}
