//! Real windows: the app under a display of its own on a host of the lab, driven by WebDriver, mouse and keyboard.
//!
//! The page is read through WebKit's own driver; what a person does is done by the mouse of the display (`xdotool`), and files are
//! dragged in by another program (`drag.py`). Needs the programs that `cargo xtask test` installs: `Xvfb`, `openbox`,
//! `dbus-run-session`, `WebKitWebDriver`, `xdotool`, Python with GTK 3.

mod display;
mod driver;
mod http;
mod notices;

pub use display::Display;
pub use driver::Driver;
pub use notices::Notices;

use crate::lab::{Figures, Home, Host, Process};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// For what takes a moment on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(50);

/// The window under test: `SHOAL_APP_BIN`, or the one beside the test's own folder. `cargo xtask test` builds it first.
pub fn app_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SHOAL_APP_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a running test has a path");
    let target = own.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
    let path = target.join("shoal-app");
    assert!(path.exists(), "{} is missing: run `cargo build -p shoal-app --features custom-protocol`", path.display());
    path
}

/// A running window on a host. It and its display end when dropped.
#[derive(Debug)]
pub struct Window {
    driver: Option<Driver>,
    notices: Notices,
    display: Display,
    home: Home,
    /// From the start of the process to a page that shows this device's own name.
    pub usable_after: Duration,
    name: String,
}

impl Window {
    /// Opens a window whose engine is called `name`, with folders of its own.
    pub fn open(host: &Host, name: &str) -> Self {
        let home = Home::temporary();
        let display = Display::start(host, home.path());
        let notices = Notices::start(&display);
        let (driver, usable_after) = Self::launch(&display, &home);
        let window = Self { driver: Some(driver), notices, display, home, usable_after, name: name.to_owned() };
        let change = json!({ "name": name });
        window.request(&json!({ "request": "set_settings", "change": change }));
        window.wait_for_text(name);
        window.display.place();
        window
    }

    /// Ends the program as `kill -9` does and opens it again with the same folders.
    pub fn restart(&mut self) {
        self.kill();
        let (driver, usable_after) = Self::launch(&self.display, &self.home);
        (self.driver, self.usable_after) = (Some(driver), usable_after);
        self.display.place();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        self.driver = None;
    }

    fn launch(display: &Display, home: &Home) -> (Driver, Duration) {
        let started = Instant::now();
        let driver = Driver::start(display, &app_binary(), &[Path::new("--data-dir"), &home.data()]);
        driver.wait_for("a page", "return window.__TAURI_INTERNALS__ && document.querySelector('main')");
        let identity = driver.invoke("request", &json!({ "request": { "request": "identity" } }));
        let name = Value::from(identity["name"].as_str().expect("an engine has a name"));
        // What only the engine knows is in the page: it has been heard.
        driver.wait_for("its own name", &format!("return document.body.innerText.includes({name})"));
        (driver, started.elapsed())
    }

    fn driver(&self) -> &Driver {
        self.driver.as_ref().expect("the window is open")
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folders.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The app's process.
    pub fn pid(&self) -> Option<u32> {
        let data = self.home.data();
        std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let words = std::fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
            let ours = words.first()?.ends_with(b"shoal-app") && words.contains(&data.as_os_str().as_encoded_bytes());
            ours.then_some(pid)
        })
    }

    /// What the program and the web view's processes cost now: memory is the sum of what each has resident.
    pub fn figures(&self) -> Vec<Figures> {
        let Some(pid) = self.pid() else { return Vec::new() };
        family(pid).into_iter().filter_map(Figures::of).collect()
    }

    /// Processor time of the program and the web view's processes so far.
    pub fn processor_time(&self) -> Duration {
        self.pid().map(|pid| family(pid).into_iter().map(ticks).sum()).unwrap_or_default()
    }

    /// Runs a script in the page; its `return` comes back.
    pub fn script(&self, script: &str) -> Value {
        self.driver().script(script)
    }

    /// Runs a script that takes its time in the page, with `given`; what it promises comes back, or how it broke its promise.
    pub fn evaluate(&self, script: &str, given: &Value) -> Result<Value, Value> {
        self.driver().evaluate(script, given)
    }

    /// Waits until a script returns something that is true, and returns that.
    pub fn wait_for(&self, what: &str, script: &str) -> Value {
        self.driver().wait_for(what, script)
    }

    /// Waits until the page shows a text.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(text, &format!("return document.body.innerText.includes({})", Value::from(text)));
    }

    /// Asks the engine through the page's own command.
    pub fn request(&self, request: &Value) -> Value {
        self.driver().invoke("request", &json!({ "request": request }))
    }

    /// Calls a command of the shell as a page that somebody took over would; the failure, if it is refused.
    pub fn try_invoke(&self, command: &str, arguments: &Value) -> Result<Value, Value> {
        self.driver().try_invoke(command, arguments)
    }

    /// The rows of transfers, ended ones too.
    pub fn transfers(&self) -> Vec<Value> {
        let reply = self.request(&json!({ "request": "transfers", "all": true }));
        reply["transfers"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until a transfer fits.
    pub fn wait_for_transfer(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + 4 * SOON;
        loop {
            let rows = self.transfers();
            if let Some(row) = rows.iter().find(|row| fits(row)) {
                return row.clone();
            }
            assert!(Instant::now() < end, "{}: no transfer {what} in {rows:#?}\n{}", self.name, self.driver().log());
            std::thread::sleep(LOOK);
        }
    }

    /// Clicks with the mouse on the middle of what a script returns, an element.
    pub fn click(&self, what: &str, element: &str) {
        let (x, y) = self.place_of(what, element);
        self.display.click(x, y);
    }

    /// The same, twice.
    pub fn double_click(&self, what: &str, element: &str) {
        let (x, y) = self.place_of(what, element);
        self.display.double_click(x, y);
    }

    /// Clicks on the visible button that says this, in the part of the page that `within` selects.
    pub fn press(&self, within: &str, label: &str) {
        self.click(label, &button(within, label));
    }

    /// Whether such a button is there.
    pub fn has_button(&self, within: &str, label: &str) -> bool {
        self.script(&format!("return !!(() => {{ {} }})()", button(within, label))) == true
    }

    /// Drags files from another program and lets them go on the middle of an element.
    pub fn drop_files(&self, files: &[&Path], what: &str, element: &str) {
        let (x, y) = self.place_of(what, element);
        self.display.drag(files, x, y);
    }

    /// Types with the display's keyboard.
    pub fn keys(&self, keys: &[&str]) {
        self.display.keys(keys);
    }

    /// Types a text where the focus is.
    pub fn type_text(&self, text: &str) {
        self.display.type_text(text);
    }

    /// Closes the window as its frame's button does.
    pub fn close(&self) {
        self.display.close();
    }

    /// Waits until no window is to be seen.
    pub fn wait_until_hidden(&self) {
        let end = Instant::now() + SOON;
        while self.display.visible().is_some() {
            assert!(Instant::now() < end, "{}: the window is still there", self.name);
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for a notification whose summary holds `words`.
    pub fn wait_for_notice(&self, words: &str) -> Value {
        self.notices.wait_for(words)
    }

    /// How many notifications there were whose summary holds `words`.
    pub fn notices(&self, words: &str) -> usize {
        self.notices.count(words)
    }

    /// Presses a button of a notification.
    pub fn press_on_notice(&self, notice: &Value, action: &str) {
        self.notices.press(&self.display, notice, action);
    }

    /// Starts the program once more with files or links, as the system does; it ends at once, having handed them over.
    pub fn start_second(&self, words: &[&Path]) {
        let mut command = Command::new(app_binary());
        command.arg("--data-dir").arg(self.home.data()).args(words);
        self.display.set(&mut command);
        let mut second = Process::start(self.display.host(), &mut command, self.home.path().join("second-log.txt"));
        let status = second.finish(SOON);
        assert!(status.success(), "the second start ended badly: {}", second.log());
        self.display.place();
    }

    /// The whole display as a picture.
    pub fn picture(&self, file: &Path) {
        self.display.picture(file);
    }

    /// The window with its frame as a picture.
    pub fn picture_of_window(&self, file: &Path) {
        self.display.picture_of_window(file);
    }

    /// Changes the window's size, in pixels.
    pub fn resize(&self, width: u32, height: u32) {
        self.display.resize(width, height);
    }

    /// Where the middle of an element is in the page, scrolled into view and at rest.
    fn place_of(&self, what: &str, element: &str) -> (f64, f64) {
        let script = format!(
            "const found = (() => {{ {element} }})(); if (!found) return null; found.scrollIntoView({{ block: 'nearest' }}); \
             const r = found.getBoundingClientRect(); return r.width > 0 && [r.x + r.width / 2, r.y + r.height / 2]"
        );
        let mut before = Value::Null;
        let end = Instant::now() + SOON;
        loop {
            let now = self.script(&script);
            // Twice the same: what slides in is there.
            if now.is_array() && now == before {
                let at = |index: usize| now[index].as_f64().expect("a coordinate is a number");
                return (at(0), at(1));
            }
            if Instant::now() >= end {
                self.picture(Path::new("/tmp/shoal-window.png"));
                let text = self.script("return document.body.innerText");
                panic!("{}: no {what} in the page, which says:\n{text}\n(/tmp/shoal-window.png)", self.name);
            }
            before = now;
            std::thread::sleep(2 * LOOK);
        }
    }
}

/// A script that finds a button, or what acts as one, by what it says or is called.
fn button(within: &str, label: &str) -> String {
    format!(
        "const said = (b) => (b.getAttribute('aria-label') ?? b.innerText ?? '').trim(); \
         const all = [...document.querySelectorAll({within} )].flatMap((part) => \
         [...part.querySelectorAll('button, a, [role=button], [role=menuitem], [role=tab]')]); \
         return all.find((b) => said(b) === {label} && b.getClientRects().length > 0 && !b.disabled) \
         ?? all.find((b) => said(b).startsWith({label}) && b.getClientRects().length > 0 && !b.disabled)",
        within = Value::from(within),
        label = Value::from(label),
    )
}

/// A process and all below it.
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        next += 1;
        let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for children in threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok()) {
            family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    family
}

/// Processor time of one process so far. The system counts hundredths of a second.
fn ticks(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name, which is in brackets and may hold anything, user and system time are words 12 and 13.
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let of = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis((of(11) + of(12)) * 10)
}
