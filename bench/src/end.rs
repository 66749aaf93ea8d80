//! A command on a host, held by a process of this program's own that sees the whole tree of it.
//!
//! Daemons fork, and what they leave behind would be counted for nobody and ended by nobody. The holder (`shoal-bench hold LOG
//! COMMAND…`) adopts orphans, so the tree below it is the command's whole cost; it stays after the command's end until it has been
//! read, and ends all that is left of the tree when its standard input closes, which a killed bench does too.

use crate::{Result, cost};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, wait};
use shoal_tests::lab::Host;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// The subcommand that the holder is.
pub(crate) const HOLD: &str = "hold";
/// How much of a log is shown when something failed, in characters.
const SHOWN_LOG: usize = 2000;

/// A running command; ended, with all that it started, when dropped.
#[derive(Debug)]
pub(crate) struct End {
    holder: Child,
    ended: Receiver<(i32, Instant)>,
    log: PathBuf,
    shown: String,
}

impl End {
    /// Starts a command on a host. Its output, both kinds, goes to `log`; its input is empty.
    ///
    /// # Errors
    /// When this program's path is unknown. A command that cannot be started is one that ends with 127.
    pub(crate) fn start(host: &Host, command: &Command, log: PathBuf) -> Result<Self> {
        let own = std::env::current_exe().map_err(|e| format!("this program's own path is unknown: {e}"))?;
        let mut holder = Command::new(own);
        holder.arg(HOLD).arg(&log).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => holder.env(name, value),
                None => holder.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            holder.current_dir(folder);
        }
        let mut holder = host.spawn(holder.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let output = holder.stdout.take().expect("its output was piped");
        let (sender, ended) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                let code = line.strip_prefix("ended ").and_then(|code| code.parse::<i32>().ok());
                // The receiver is gone when nobody waits for the end any more.
                let _ = code.map(|code| sender.send((code, Instant::now())));
            }
        });
        Ok(Self { holder, ended, log, shown: format!("{command:?}") })
    }

    /// The root of its tree.
    pub(crate) fn id(&self) -> u32 {
        self.holder.id()
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Duration {
        cost::cpu(self.id())
    }

    /// Waits for the command's end and says when that was; `None` when it does not come within `limit`.
    ///
    /// # Errors
    /// When it failed.
    pub(crate) fn wait(&self, limit: Duration) -> Result<Option<Instant>> {
        match self.ended.recv_timeout(limit) {
            Ok((0, at)) => Ok(Some(at)),
            Ok((code, _)) => Err(format!("{} ended with {code}: {}", self.shown, self.log_end())),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(format!("{} was lost", self.shown)),
        }
    }

    /// Waits until its log says `word`.
    ///
    /// # Errors
    /// When it does not within `limit`, or the command ends before.
    pub(crate) fn wait_for_word(&self, word: &str, limit: Duration) -> Result {
        self.wait_until(&format!("say {word:?}"), limit, || self.log().contains(word))
    }

    /// Waits until something that a server makes true.
    ///
    /// # Errors
    /// When it is not within `limit`, or the command ends before.
    pub(crate) fn wait_until(&self, what: &str, limit: Duration, is: impl Fn() -> bool) -> Result {
        let end = Instant::now() + limit;
        while !is() {
            let gone = self.ended.try_recv().is_ok_and(|(code, _)| code != 0);
            if gone || Instant::now() > end {
                return Err(format!("{} did not {what}: {}", self.shown, self.log_end()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// All that it wrote.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let skipped = log.chars().count().saturating_sub(SHOWN_LOG);
        log.chars().skip(skipped).collect::<String>().trim().to_owned()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // It has nothing else to do than to end; a failure leaves a process that the namespace's end takes along.
        let _ = self.holder.wait();
    }
}

/// The holder itself: runs `command`, says `ended CODE` when it ends (128 and the signal's number for a signal, 127 when it did not
/// start), and ends everything when standard input closes.
///
/// # Errors
/// When the log cannot be opened or the system refuses to make this the keeper of orphans.
pub(crate) fn hold(log: &Path, command: &[String]) -> Result {
    let output = File::options().create(true).append(true).open(log).map_err(|e| format!("{}: {e}", log.display()))?;
    let errors = output.try_clone().map_err(|e| format!("{}: {e}", log.display()))?;
    // Any process id says yes.
    set_child_subreaper(Pid::from_raw(1)).map_err(|e| format!("orphans cannot be adopted: {e}"))?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        end_all();
    });
    let [program, args @ ..] = command else { return Err("hold what?".to_owned()) };
    match Command::new(program).args(args).stdin(Stdio::null()).stdout(output).stderr(errors).spawn() {
        Ok(child) => reap(child.id()),
        Err(error) => {
            eprintln!("{program} cannot be started: {error}");
            println!("ended 127");
        }
    }
    loop {
        std::thread::park();
    }
}

/// Waits for children, own and adopted, while there are any.
fn reap(own: u32) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::empty()) {
        if pid.as_raw_nonzero().get().cast_unsigned() == own {
            let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
            println!("ended {}", code.unwrap_or(1));
        }
    }
}

/// Kills the tree below this process until nothing is left of it, then ends.
fn end_all() -> ! {
    let own = std::process::id();
    // What is killed may have forked a moment before.
    for _ in 0..20 {
        let below: Vec<u32> = cost::tree(own).into_iter().filter(|pid| *pid != own).collect();
        for pid in &below {
            if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if below.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    std::process::exit(0)
}
