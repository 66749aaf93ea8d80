//! A running `shoal` process: its JSON lines as they come, its end, and what it costs.

use super::host::Host;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A process on a host whose standard output is JSON lines. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    started: Instant,
    lines: Arc<Lines>,
    /// Lines before this one were forgotten.
    first: usize,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it writes to standard error goes to `log`, after what is there.
    pub fn start(host: &Host, command: &mut Command, log: PathBuf) -> Self {
        let errors = File::options().create(true).append(true).open(&log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        let started = Instant::now();
        let mut child = host.spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors));
        let lines = Arc::new(Lines::default());
        let output = child.stdout.take().expect("standard output was piped");
        std::thread::spawn({
            let lines = lines.clone();
            move || lines.read(output)
        });
        Self { child, started, lines, first: 0, log }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Every line so far that was not forgotten.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().got.get(self.first..).unwrap_or_default().to_vec()
    }

    /// Forgets the lines so far: [`Self::wait_for`] looks at later ones only.
    pub fn forget_lines(&mut self) {
        self.first = self.lines.lock().got.len();
    }

    /// The first line that fits, now or within `timeout`. Panics with everything said when none comes.
    pub fn wait_for(&self, what: &str, timeout: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        match self.look_for(timeout, fits) {
            Some(line) => line,
            None => panic!("no {what} within {timeout:?} from process {}; {}", self.id(), self.story()),
        }
    }

    /// Like [`Self::wait_for`], but without a panic: `None` when the time or the process is over.
    pub fn look_for(&self, timeout: Duration, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        let end = Instant::now() + timeout;
        let mut state = self.lines.lock();
        let mut next = self.first;
        loop {
            while let Some(line) = state.got.get(next) {
                if fits(line) {
                    return Some(line.clone());
                }
                next += 1;
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.over || left.is_zero() {
                return None;
            }
            state = self.lines.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for its end. Panics when it does not come in time.
    pub fn finish(&mut self, timeout: Duration) -> ExitStatus {
        let end = Instant::now() + timeout;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                self.lines.wait_until_over(Duration::from_secs(5));
                return status;
            }
            assert!(Instant::now() < end, "process {} is still there after {timeout:?}; {}", self.id(), self.story());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal; one to a process that is gone is nothing.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process id fits");
        let _ = kill_process(pid, signal);
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it costs now; `None` once it is gone.
    pub fn figures(&self) -> Option<Figures> {
        Figures::of(self.id())
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it said, for a failure's message: the last lines and the end of the log.
    fn story(&self) -> String {
        let lines = self.lines();
        let last: Vec<String> = lines.iter().rev().take(20).rev().map(Value::to_string).collect();
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("its last lines:\n{}\nthe end of its log {}:\n{}", last.join("\n"), self.log.display(), tail.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines of one process, filled by a thread that reads them.
#[derive(Debug, Default)]
struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    got: Vec<Value>,
    over: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, output: ChildStdout) {
        for line in BufReader::new(output).lines().map_while(Result::ok).filter(|l| !l.is_empty()) {
            // A line that is no JSON breaks the contract: it is kept as a string, so that no test takes it for an event.
            let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            self.lock().got.push(value);
            self.changed.notify_all();
        }
        self.lock().over = true;
        self.changed.notify_all();
    }

    fn wait_until_over(&self, timeout: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, timeout, |s| !s.over));
    }
}

/// What a process costs, as the system counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Memory in use now, in bytes (VmRSS).
    pub resident: u64,
    /// The most it ever used, in bytes (VmHWM).
    pub resident_peak: u64,
    /// Threads.
    pub threads: u64,
    /// Open files and sockets.
    pub descriptors: usize,
}

impl Figures {
    /// Of any process; `None` when there is none, or it is a zombie.
    pub fn of(pid: u32) -> Option<Self> {
        let folder = Path::new("/proc").join(pid.to_string());
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self {
            resident: field("VmRSS")? * 1024,
            resident_peak: field("VmHWM")? * 1024,
            threads: field("Threads")?,
            descriptors: std::fs::read_dir(folder.join("fd")).ok()?.count(),
        })
    }
}
