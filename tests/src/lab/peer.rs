//! A device: a running `shoal serve` on a host, with its folders.

use super::{
    host::Host,
    process::{Figures, Process},
};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a peer may take until it says that it is ready.
const START: Duration = Duration::from_secs(20);
/// How long a command may take unless the test says otherwise.
const COMMAND: Duration = Duration::from_secs(120);
/// How long a process that was told to end may take before the test fails.
const END: Duration = Duration::from_secs(30);

/// How long strace may take to let go of a peer.
const DETACH: Duration = Duration::from_secs(3);

/// The binary under test: `SHOAL_BIN`, or the one beside the test's own folder. `cargo xtask test` builds it first.
pub fn shoal_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SHOAL_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a running test has a path");
    let target = own.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
    let path = target.join("shoal");
    assert!(path.exists(), "{} is missing: run `cargo build -p shoal-cli`, or set SHOAL_BIN", path.display());
    path
}

/// A device's folders: `data` (its key and database) and `inbox`. They outlive the process; temporary ones go with the last clone.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
    inbox: PathBuf,
    _temporary: Option<Arc<TempDir>>,
}

impl Home {
    /// New folders that go when the last clone is dropped.
    pub fn temporary() -> Self {
        let folder = TempDir::with_prefix("shoal-test-").expect("a temporary folder can be made");
        Self { path: folder.path().to_owned(), inbox: folder.path().join("inbox"), _temporary: Some(Arc::new(folder)) }
    }

    /// Folders in a folder of the test's, on a small disk for example.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), inbox: path.join("inbox"), _temporary: None }
    }

    /// With the inbox elsewhere: on another disk than key and database.
    pub fn with_inbox(self, inbox: &Path) -> Self {
        Self { inbox: inbox.to_owned(), ..self }
    }

    /// The folder that holds them all.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Key and database.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where received files go.
    pub fn inbox(&self) -> PathBuf {
        self.inbox.clone()
    }
}

/// How a peer is to be started.
#[derive(Debug, Clone)]
pub struct PeerSetup {
    host: Host,
    home: Home,
    name: String,
    accept: String,
    /// Name, inbox and rule are those set before.
    as_set: bool,
    args: Vec<String>,
    env: Vec<(String, String)>,
    faults: Vec<String>,
}

impl PeerSetup {
    /// Uses folders that are there.
    pub fn home(mut self, home: Home) -> Self {
        self.home = home;
        self
    }

    /// The name others see; the host's unless set.
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Who is accepted without asking: `ask` (unless set), `verified` or `all`.
    pub fn accept(mut self, rule: &str) -> Self {
        rule.clone_into(&mut self.accept);
        self
    }

    /// Further arguments of `shoal serve`.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&a| a.to_owned()));
        self
    }

    /// A variable in its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it under `strace -f -e inject=FAULT`, as in `fsync:error=EIO:when=2` or `write:error=ENOSPC`.
    pub fn fault(mut self, fault: &str) -> Self {
        self.faults.push(fault.to_owned());
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Peer {
        let process = self.launch();
        let ready = Ready::of(&process);
        Peer { setup: self, process, ready }
    }

    fn launch(&self) -> Process {
        let (data, inbox) = (self.home.data(), self.home.inbox());
        std::fs::create_dir_all(&inbox).unwrap_or_else(|e| panic!("{}: {e}", inbox.display()));
        let mut command = if self.faults.is_empty() {
            Command::new(shoal_binary())
        } else {
            // -D: the tracer is the grandchild, so that the process id and the signals are the peer's own. --seccomp-bpf: calls
            // that are not named cost nothing.
            let mut command = Command::new("strace");
            command.args(["-D", "-f", "-qq", "--seccomp-bpf", "-o"]).arg(self.home.path().join("strace.txt"));
            let calls: Vec<&str> = self.faults.iter().filter_map(|f| f.split(':').next()).collect();
            command.arg("-e").arg(format!("trace={}", calls.join(",")));
            command.args(self.faults.iter().flat_map(|f| ["-e".to_owned(), format!("inject={f}")])).arg(shoal_binary());
            command
        };
        command.arg("--data-dir").arg(data).arg("--json");
        command.arg("serve");
        if !self.as_set {
            command.args(["--name", &self.name, "--accept", &self.accept, "--inbox"]).arg(inbox);
        }
        command.args(&self.args);
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        Process::start(&self.host, &mut command, self.home.path().join("log.txt"))
    }
}

/// The first line of a peer.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it can be reached.
    pub addresses: Vec<SocketAddr>,
    /// The link to its page, when it was started with `--web`.
    pub web: Option<String>,
    /// The fingerprint of the certificate behind that link, when there is one.
    pub web_fingerprint: Option<String>,
    /// From the start of the process to this line.
    pub took: Duration,
}

impl Ready {
    fn of(process: &Process) -> Self {
        let line = process.wait_for("ready line", START, |line| line["event"] == "ready");
        let text = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("no {key} in {line}")).to_owned();
        let addresses = line["addresses"].as_array().unwrap_or_else(|| panic!("no addresses in {line}"));
        Self {
            id: text("id"),
            name: text("name"),
            addresses: addresses.iter().filter_map(|a| a.as_str()?.parse().ok()).collect(),
            web: line["web"].as_str().map(str::to_owned),
            web_fingerprint: line["web_fingerprint"].as_str().map(str::to_owned),
            took: process.started().elapsed(),
        }
    }
}

/// A running peer; killed when dropped.
#[derive(Debug)]
pub struct Peer {
    setup: PeerSetup,
    process: Process,
    ready: Ready,
}

impl Peer {
    /// A peer on `host`, with the host's name and folders of its own, that asks before it accepts.
    pub fn at(host: &Host) -> PeerSetup {
        PeerSetup {
            host: host.clone(),
            home: Home::temporary(),
            name: host.name().to_owned(),
            accept: "ask".to_owned(),
            as_set: false,
            args: Vec::new(),
            env: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.ready.id
    }

    /// What it said when it was ready.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.setup.host
    }

    /// Its folders.
    pub fn home(&self) -> &Home {
        &self.setup.home
    }

    /// Where received files go.
    pub fn inbox(&self) -> PathBuf {
        self.setup.home.inbox()
    }

    /// Its process: lines, signals, figures.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The first event that fits, now or within `timeout`. Panics when none comes.
    pub fn wait_for(&self, what: &str, timeout: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        self.process.wait_for(what, timeout, fits)
    }

    /// Runs a command of this device to its end, as in `peer.shoal(&["peers", "--wait", "5"])`.
    pub fn shoal(&self, args: &[&str]) -> Reply {
        self.begin(args).reply(COMMAND)
    }

    /// Starts a command of this device and leaves it running.
    pub fn begin(&self, args: &[&str]) -> Process {
        let mut command = Command::new(shoal_binary());
        command.arg("--data-dir").arg(self.home().data()).arg("--json").args(args);
        Process::start(self.host(), &mut command, self.home().path().join("command-log.txt"))
    }

    /// From now on calls on these paths, files and folders, fail as `faults` say, each as in `fsync:error=EIO:when=1`; counted for
    /// each thread. Ends when the result is dropped.
    pub fn fail_on(&self, faults: &[&str], paths: &[PathBuf]) -> Fault {
        let id = self.process.id();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(self.home().path().join("strace.txt")).args(["-p", &id.to_string()]);
        let calls: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        command.arg("-e").arg(format!("trace={}", calls.join(",")));
        command.args(faults.iter().flat_map(|fault| ["-e".to_owned(), format!("inject={fault}")]));
        command.args(paths.iter().flat_map(|path| [Path::new("-P"), path.as_path()]));
        let tracer = Process::start(self.host(), &mut command, self.home().path().join("strace-log.txt"));
        let end = Instant::now() + START;
        while !is_traced(id) {
            assert!(Instant::now() < end, "strace does not take process {id}: {}", tracer.log());
            std::thread::sleep(Duration::from_millis(1));
        }
        Fault { tracer }
    }

    /// `kill -9`. [`Self::start_again`] brings it back.
    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// Ends it with SIGTERM and waits. [`Self::start_again`] brings it back.
    pub fn terminate(&mut self) -> Exit {
        let asked = Instant::now();
        self.process.signal(Signal::TERM);
        let status = self.process.finish(END);
        Exit { status, took: asked.elapsed() }
    }

    /// Takes the faults away, from the next [`Self::start_again`] on.
    pub fn mend(&mut self) {
        self.setup.faults.clear();
    }

    /// Says nothing on the command line of what can be set, from the next [`Self::start_again`] on.
    pub fn as_set(&mut self) {
        self.setup.as_set = true;
    }

    /// Has a request done, as front ends do: the reply, or `code` and `message` of a failure.
    pub fn ask(&self, request: &Value) -> Result<Value, Value> {
        let socket = self.home().data().join("control.sock");
        let mut stream = UnixStream::connect(&socket).unwrap_or_else(|e| panic!("{}: {e}", socket.display()));
        writeln!(stream, "{request}").expect("a request can be written");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("an answer comes");
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        match answer["ok"].take() {
            Value::Null => Err(answer["failure"].take()),
            reply => Ok(reply),
        }
    }

    /// Starts it again with the same folders.
    pub fn start_again(&mut self) {
        self.process.kill();
        self.process = self.setup.launch();
        self.ready = Ready::of(&self.process);
    }

    /// What it costs now. Panics when it is gone.
    pub fn figures(&self) -> Figures {
        self.process.figures().unwrap_or_else(|| panic!("peer {} is gone", self.setup.name))
    }
}

/// Calls of a running peer that fail, until this is dropped.
#[derive(Debug)]
pub struct Fault {
    tracer: Process,
}

impl Drop for Fault {
    fn drop(&mut self) {
        // Asked first: after SIGKILL threads would be left as they were stopped. It need not answer when the peer is dead.
        self.tracer.signal(Signal::TERM);
        self.tracer.look_for(DETACH, |_| false);
    }
}

/// Every thread of a process has a tracer.
fn is_traced(id: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else { return false };
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    })
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// From the signal to the end.
    pub took: Duration,
}

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its exit code; `None`: a signal ended it.
    pub code: Option<i32>,
    /// Its JSON lines.
    pub lines: Vec<Value>,
    /// What commands of this device wrote to standard error so far.
    pub errors: String,
    /// From its start to its end.
    pub took: Duration,
}

impl Reply {
    /// Panics unless the exit code is `code`.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{:?}\n{}", self.lines, self.errors);
        self
    }
}

impl Process {
    /// Waits for the command's end and takes all it said.
    pub fn reply(&mut self, timeout: Duration) -> Reply {
        let status = self.finish(timeout);
        Reply { code: status.code(), lines: self.lines(), errors: self.log(), took: self.started().elapsed() }
    }
}
