//! WebKit's driver: starts the program, and runs scripts in its page.

use super::{LOOK, SOON, display::Display, http};
use crate::lab::Process;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// How long a window may take to show its page.
const START: Duration = Duration::from_secs(60);

/// A session of a driver with one program. Both end when dropped.
#[derive(Debug)]
pub struct Driver {
    process: Process,
    address: SocketAddr,
    session: String,
    host: crate::lab::Host,
}

impl Driver {
    /// Starts `program` on a display.
    pub(super) fn start(display: &Display, program: &Path, args: &[&Path]) -> Self {
        let host = display.host().clone();
        let address: SocketAddr = ([127, 0, 0, 1], display.next_port()).into();
        let mut command = Command::new("WebKitWebDriver");
        command.arg(format!("--port={}", address.port())).arg("--host=127.0.0.1");
        command.env("TAURI_WEBVIEW_AUTOMATION", "true");
        display.set(&mut command);
        let process = Process::start(&host, &mut command, display.folder().join("window-log.txt"));
        let mut driver = Self { process, address, session: String::new(), host };
        let end = Instant::now() + START;
        while driver.ask("GET", "/status", None).is_none() {
            assert!(Instant::now() < end, "the driver does not answer: {}", driver.log());
            std::thread::sleep(LOOK);
        }
        let options = json!({ "binary": program, "args": args });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let session = driver.ask("POST", "/session", Some(&wanted));
        let session = session.unwrap_or_else(|| panic!("no window: {}", driver.log()));
        let id = session["sessionId"].as_str().unwrap_or_else(|| panic!("no window: {session} {}", driver.log()));
        driver.session = format!("/session/{id}");
        driver
    }

    /// What driver and program wrote to standard error.
    pub(super) fn log(&self) -> String {
        let log = self.process.log();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Runs a script in the page; what it returns.
    pub(super) fn script(&self, script: &str) -> Value {
        self.try_script("sync", script, &json!([])).unwrap_or_else(|| panic!("the page does not answer: {}", self.log()))
    }

    /// Waits until a script returns something true.
    pub(super) fn wait_for(&self, what: &str, script: &str) -> Value {
        let end = Instant::now() + START;
        loop {
            let value = self.try_script("sync", script, &json!([]));
            if let Some(value) = value.filter(|value| !matches!(value, Value::Null | Value::Bool(false)) && value != "") {
                return value;
            }
            if Instant::now() >= end {
                let text = self.try_script("sync", "return document.body.innerText", &json!([]));
                panic!("no {what}; the page says {text:?}\n{}", self.log());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Runs a script that returns a promise; what it promises, or how that is broken.
    pub(super) fn evaluate(&self, script: &str, given: &Value) -> Result<Value, Value> {
        let script = format!(
            "const [given, done] = arguments; (async () => {{ {script} }})().then((ok) => done({{ ok }}), (e) => done({{ failed: String(e) }}))"
        );
        let answer = self.try_script("async", &script, &json!([given]));
        let answer = answer.unwrap_or_else(|| panic!("the page does not answer: {}", self.log()));
        if answer.get("failed").is_some() { Err(answer["failed"].clone()) } else { Ok(answer["ok"].clone()) }
    }

    /// Calls a command of the shell; panics when it is refused.
    pub(super) fn invoke(&self, command: &str, arguments: &Value) -> Value {
        self.try_invoke(command, arguments).unwrap_or_else(|failure| panic!("{command} {arguments}: {failure}\n{}", self.log()))
    }

    /// Calls a command of the shell; an error is what the page gets.
    pub(super) fn try_invoke(&self, command: &str, arguments: &Value) -> Result<Value, Value> {
        let script = "const [command, given, done] = arguments; \
                      window.__TAURI_INTERNALS__.invoke(command, given).then((ok) => done({ ok }), (failed) => done({ failed }))";
        let end = Instant::now() + SOON;
        loop {
            match self.try_script("async", script, &json!([command, arguments])) {
                Some(answer) if answer.get("failed").is_some() => return Err(answer["failed"].clone()),
                Some(answer) => return Ok(answer["ok"].clone()),
                None => assert!(Instant::now() < end, "the page does not answer: {}", self.log()),
            }
            std::thread::sleep(LOOK);
        }
    }

    fn try_script(&self, kind: &str, script: &str, args: &Value) -> Option<Value> {
        let body = json!({ "script": script, "args": args });
        let value = self.ask("POST", &format!("{}/execute/{kind}", self.session), Some(&body))?;
        // A script that threw.
        if value.get("error").is_some_and(Value::is_string) && value.get("stacktrace").is_some() { None } else { Some(value) }
    }

    /// The value of the driver's answer; `None` when there was none.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        let answer = self.host.within(|| http::ask(self.address, method, path, body)).ok()?;
        answer.get("value").cloned()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.ask("DELETE", &self.session, None);
        }
    }
}
