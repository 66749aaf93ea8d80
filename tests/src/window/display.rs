//! A display without a screen: an X server, a session bus and a window manager on a host, with mouse and keyboard.

use super::{LOOK, SOON};
use crate::lab::{Host, Process};
use rustix::process::Signal;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// Size of the display, in pixels.
const SIZE: &str = "1280x900x24";
/// Where the window's page begins once the window was placed: openbox draws a frame around it.
const PAGE: (i32, i32) = (21, 60);
/// Where the window itself is put so that the page begins there.
const PLACE: (i32, i32) = (20, 40);
/// Where a drag begins: the bottom right corner, outside the window.
const SOURCE: (i32, i32) = (1150, 800);
/// First port of drivers.
const FIRST_PORT: u16 = 24_500;

static PORTS: AtomicU16 = AtomicU16::new(FIRST_PORT);

/// A display on a host. Everything on it ends when it is dropped.
#[derive(Debug)]
pub struct Display {
    host: Host,
    folder: PathBuf,
    server: Child,
    session: Option<Process>,
    name: String,
    bus: String,
}

impl Display {
    /// Starts one; what its programs say goes to `folder`, which is home to what runs there.
    pub fn start(host: &Host, folder: &Path) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp"]);
        let mut server = host.spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut number = String::new();
        let output = server.stdout.take().expect("standard output was piped");
        BufReader::new(output).read_line(&mut number).expect("Xvfb says its number");
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        let mut display = Self {
            host: host.clone(),
            folder: folder.to_owned(),
            server,
            session: None,
            name: format!(":{}", number.trim()),
            bus: String::new(),
        };
        // The bus lives as long as the window manager in it, and tells its address first.
        let mut session = Command::new("dbus-run-session");
        session.args(["--", "sh", "-c", r#"printf '{"bus":"%s"}\n' "$DBUS_SESSION_BUS_ADDRESS"; exec openbox"#]);
        display.set(&mut session);
        let session = Process::start(host, &mut session, folder.join("session-log.txt"));
        let said = session.wait_for("session bus", SOON, |line| line["bus"].is_string());
        said["bus"].as_str().expect("it is a string").clone_into(&mut display.bus);
        display.session = Some(session);
        display
    }

    /// The host that it is on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where its programs keep what they keep.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A port that no other driver has.
    #[allow(clippy::unused_self, reason = "ports are for displays")]
    pub(super) fn next_port(&self) -> u16 {
        PORTS.fetch_add(1, Ordering::Relaxed)
    }

    /// Has a command run on this display.
    pub fn set(&self, command: &mut Command) {
        let config = self.folder.join("config");
        command.env("DISPLAY", &self.name).env("HOME", &self.folder).env("XDG_CONFIG_HOME", config);
        command.env("XDG_DATA_HOME", self.folder.join("share")).env("XDG_CACHE_HOME", self.folder.join("cache"));
        command.env("XDG_RUNTIME_DIR", &self.folder).env("LANG", "C.UTF-8");
        command.env("NO_AT_BRIDGE", "1").env("GDK_BACKEND", "x11").env("LIBGL_ALWAYS_SOFTWARE", "1");
        if !self.bus.is_empty() {
            command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus);
        }
    }

    /// A script of this folder, to be run on this display by the system's own Python, which has GTK.
    pub(super) fn python(&self, script: &str) -> Command {
        let mut command = Command::new("/usr/bin/python3");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/window").join(script));
        self.set(&mut command);
        command
    }

    /// Puts the window where the mouse finds it.
    pub(super) fn place(&self) {
        let window = self.window();
        self.x(&["windowmove", "--sync", &window, &PLACE.0.to_string(), &PLACE.1.to_string()]);
        self.x(&["windowfocus", "--sync", &window]);
        std::thread::sleep(10 * LOOK);
    }

    /// Changes the window's size.
    pub(super) fn resize(&self, width: u32, height: u32) {
        self.x(&["windowsize", "--sync", &self.window(), &width.to_string(), &height.to_string()]);
        std::thread::sleep(10 * LOOK);
    }

    /// Clicks on a point of the page.
    pub(super) fn click(&self, x: f64, y: f64) {
        let (x, y) = on_screen(x, y);
        self.x(&["mousemove", &x, &y, "sleep", "0.1", "click", "1"]);
    }

    /// Clicks twice on a point of the page.
    pub(super) fn double_click(&self, x: f64, y: f64) {
        let (x, y) = on_screen(x, y);
        self.x(&["mousemove", &x, &y, "sleep", "0.1", "click", "--repeat", "2", "--delay", "80", "1"]);
    }

    /// Presses keys, one after the other, as `ctrl+v` or `Tab`.
    pub(super) fn keys(&self, keys: &[&str]) {
        let mut words = vec!["key", "--delay", "60"];
        words.extend(keys);
        self.x(&words);
    }

    /// Types a text.
    pub(super) fn type_text(&self, text: &str) {
        self.x(&["type", "--delay", "20", text]);
    }

    /// Drags files from another program to a point of the page and lets them go.
    pub(super) fn drag(&self, files: &[&Path], x: f64, y: f64) {
        let mut command = self.python("drag.py");
        command.args([SOURCE.0.to_string(), SOURCE.1.to_string()]).args(files);
        let mut source = Process::start(&self.host, &mut command, self.folder.join("drag-log.txt"));
        source.wait_for("drag source", SOON, |line| line == "ready");
        std::thread::sleep(6 * LOOK);
        let (from_x, from_y) = ((SOURCE.0 + 50).to_string(), (SOURCE.1 + 40).to_string());
        self.x(&["mousemove", &from_x, &from_y, "mousedown", "1"]);
        std::thread::sleep(2 * LOOK);
        for _ in 0..8 {
            self.x(&["mousemove_relative", "--", "-15", "-10"]);
            std::thread::sleep(LOOK);
        }
        let (near_x, near_y) = on_screen(x + 20.0, y + 8.0);
        let (x, y) = on_screen(x, y);
        self.x(&["mousemove", &near_x, &near_y]);
        std::thread::sleep(4 * LOOK);
        self.x(&["mousemove", &x, &y]);
        std::thread::sleep(6 * LOOK);
        self.x(&["mouseup", "1"]);
        source.wait_for("end of the drag", SOON, |line| line == "end");
        source.finish(SOON);
    }

    /// A picture of the whole display.
    pub(super) fn picture(&self, file: &Path) {
        self.import("root", file);
    }

    /// A picture of the window alone.
    pub(super) fn picture_of_window(&self, file: &Path) {
        self.import(&self.window(), file);
    }

    fn import(&self, what: &str, file: &Path) {
        let mut command = Command::new("import");
        command.args(["-window", what]).arg(file);
        self.set(&mut command);
        let output = self.host.within(|| command.output()).unwrap_or_else(|e| panic!("import (package imagemagick): {e}"));
        assert!(output.status.success(), "no picture: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The id of the app's window.
    fn window(&self) -> String {
        let end = Instant::now() + SOON;
        loop {
            if let Some(id) = self.visible() {
                return id;
            }
            assert!(Instant::now() < end, "there is no window on {}", self.name);
            std::thread::sleep(LOOK);
        }
    }

    /// The id of the app's window, if one is to be seen.
    pub(super) fn visible(&self) -> Option<String> {
        let found = self.try_x(&["search", "--onlyvisible", "--name", "^Shoal$"])?;
        found.lines().next().map(str::to_owned)
    }

    /// Has the window manager close the window.
    pub(super) fn close(&self) {
        self.x(&["windowfocus", "--sync", &self.window(), "key", "alt+F4"]);
    }

    fn x(&self, words: &[&str]) -> String {
        self.try_x(words).unwrap_or_else(|| panic!("xdotool {words:?} failed"))
    }

    fn try_x(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("xdotool");
        command.args(words).stdin(Stdio::null());
        self.set(&mut command);
        let output = self.host.within(|| command.output()).unwrap_or_else(|e| panic!("xdotool: {e}"));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(session) = &mut self.session {
            session.signal(Signal::TERM);
            session.look_for(Duration::from_secs(2), |_| false);
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a display has some thousand pixels")]
fn on_screen(x: f64, y: f64) -> (String, String) {
    ((PAGE.0 + x.round() as i32).to_string(), (PAGE.1 + y.round() as i32).to_string())
}
