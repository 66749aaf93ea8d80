//! One rival doing one scene's work once: its servers, its clock, what it cost.

use crate::{
    Result, cost,
    data::DataSet,
    end::End,
    lab::{Lab, Side, address},
};
use shoal_tests::lab::Counters;
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long a server may take to be ready.
pub(crate) const READY: Duration = Duration::from_secs(20);
/// How often memory is looked at. A process's own peak is kept by the system until its end, so this may be rare.
const LOOK: Duration = Duration::from_millis(20);

/// What a run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measure {
    /// From the start of the first client to the end of the last; the limit when that came first.
    pub(crate) seconds: f64,
    /// Whether it came to its end.
    pub(crate) finished: bool,
    /// Bytes of content that arrived: all, or by the receiver's interface when it was stopped.
    pub(crate) bytes: u64,
    /// Processor seconds of sender and receiver, user and system.
    pub(crate) cpu: [f64; 2],
    /// The most resident memory of sender and receiver, in bytes.
    pub(crate) memory: [u64; 2],
    /// Processor seconds of the emulated cable, which shares the machine with both.
    pub(crate) cable_cpu: f64,
}

/// What a rival is given to do its work with.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) lab: &'a Lab,
    /// What is to be sent.
    pub(crate) data: &'a DataSet,
    /// An empty folder to receive into.
    pub(crate) target: PathBuf,
    /// A folder for keys, configurations and logs.
    pub(crate) scratch: PathBuf,
    limit: Duration,
    ends: Vec<(Side, End)>,
    clock: Option<Clock>,
    memory: Memory,
}

#[derive(Debug)]
struct Clock {
    started: Instant,
    cpu: [Duration; 2],
    counters: Counters,
    stopped: Option<Instant>,
    finished: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(lab: &'a Lab, data: &'a DataSet, target: &Path, scratch: &Path, limit: Duration) -> Self {
        let (target, scratch) = (target.to_owned(), scratch.to_owned());
        Self { lab, data, target, scratch, limit, ends: Vec::new(), clock: None, memory: Memory::watch() }
    }

    /// The receiver's address.
    pub(crate) fn to(&self) -> IpAddr {
        address(Side::Receiver)
    }

    /// The sender's address.
    pub(crate) fn from(&self) -> IpAddr {
        address(Side::Sender)
    }

    /// Starts a server, before the clock; it is ended with the run.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn server(&mut self, side: Side, command: &Command) -> Result<&End> {
        let end = End::start(self.lab.host(side), command, self.scratch.join(format!("log-{}.txt", self.ends.len())))?;
        self.memory.add(side, end.id());
        self.ends.push((side, end));
        self.ends.last().map(|(_, end)| end).ok_or_else(|| "it was just put there".to_owned())
    }

    /// Starts a client, and with the first one the clock. The result is for [`Self::wait`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&mut self, side: Side, command: &Command) -> Result<usize> {
        if self.clock.is_none() {
            let cpu = self.cpu();
            let counters = self.lab.host(Side::Receiver).counters("eth0");
            self.clock = Some(Clock { started: Instant::now(), cpu, counters, stopped: None, finished: true });
        }
        self.server(side, command)?;
        Ok(self.ends.len() - 1)
    }

    /// Waits for a client's end, or until the limit, which later waits share. Returns how long it took.
    ///
    /// # Errors
    /// When it failed.
    pub(crate) fn wait(&mut self, client: usize) -> Result<Duration> {
        let (Some((_, end)), Some(clock)) = (self.ends.get(client), &mut self.clock) else {
            return Err("no such client".to_owned());
        };
        let ended = end.wait(self.limit.saturating_sub(clock.started.elapsed()))?;
        clock.finished &= ended.is_some();
        let ended = ended.unwrap_or_else(Instant::now);
        clock.stopped = clock.stopped.max(Some(ended));
        Ok(ended.duration_since(clock.started))
    }

    /// What a client wrote.
    pub(crate) fn log(&self, client: usize) -> String {
        self.ends.get(client).map(|(_, end)| end.log()).unwrap_or_default()
    }

    /// Starts a client, and with the first one the clock, and waits for its end.
    ///
    /// # Errors
    /// When it failed.
    pub(crate) fn client(&mut self, side: Side, command: &Command) -> Result {
        let client = self.start(side, command)?;
        self.wait(client).map(drop)
    }

    /// Waits, on the clock, until something is true that no client's end tells; looks every `between`.
    ///
    /// # Errors
    /// When no client was started.
    pub(crate) fn wait_until(&mut self, between: Duration, is: impl Fn(&Self) -> bool) -> Result {
        let started = self.clock.as_ref().ok_or("the clock does not run")?.started;
        let mut done = is(self);
        while !done && started.elapsed() < self.limit {
            std::thread::sleep(between);
            done = is(self);
        }
        if let Some(clock) = &mut self.clock {
            clock.finished &= done;
            clock.stopped = Some(Instant::now());
        }
        Ok(())
    }

    /// What it cost until now. Ends everything, and checks what arrived.
    ///
    /// # Errors
    /// When the clock never ran, or what arrived is not what was sent.
    pub(crate) fn finish(mut self, check: bool) -> Result<Measure> {
        let cpu = self.cpu();
        let received = self.lab.host(Side::Receiver).counters("eth0").received;
        let memory = self.memory.peaks();
        self.ends.clear();
        let clock = self.clock.ok_or("the clock never ran")?;
        let stopped = clock.stopped.ok_or("nothing was waited for")?;
        if clock.finished && check {
            self.data.check(&self.target)?;
        }
        Ok(Measure {
            seconds: stopped.duration_since(clock.started).as_secs_f64(),
            finished: clock.finished,
            bytes: if clock.finished { self.data.shape.bytes() } else { received - clock.counters.received },
            cpu: [0, 1].map(|i| (cpu[i].saturating_sub(clock.cpu[i])).as_secs_f64()),
            memory,
            cable_cpu: self.lab.cable_cpu().as_secs_f64(),
        })
    }

    /// Of all processes of the sender, and of the receiver.
    fn cpu(&self) -> [Duration; 2] {
        [Side::Sender, Side::Receiver].map(|side| self.ends.iter().filter(|(s, _)| *s == side).map(|(_, end)| end.cpu()).sum())
    }
}

/// Watches the memory of a growing list of process trees.
#[derive(Debug)]
struct Memory {
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    state: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    roots: Vec<(Side, u32)>,
    peaks: [u64; 2],
}

impl Memory {
    fn watch() -> Self {
        let shared = Arc::new(Shared::default());
        let watcher = std::thread::spawn({
            let shared = shared.clone();
            move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    shared.look();
                    std::thread::sleep(LOOK);
                }
            }
        });
        Self { shared, watcher: Some(watcher) }
    }

    fn add(&self, side: Side, root: u32) {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).roots.push((side, root));
    }

    fn peaks(&self) -> [u64; 2] {
        self.shared.look();
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).peaks
    }
}

impl Shared {
    fn look(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (i, side) in [Side::Sender, Side::Receiver].into_iter().enumerate() {
            let roots = state.roots.iter().filter(|(s, _)| *s == side);
            let now = roots.map(|(_, root)| cost::memory_below(*root)).sum();
            state.peaks[i] = state.peaks[i].max(now);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}
