//! What a person does with mouse and keyboard, in real windows with real engines.

mod answers;
mod begins;
mod closed;
mod cost;
mod film;
mod keyboard;
mod pictures;
mod several;
mod shared;

use serde_json::{Value, json};
use shoal_tests::{
    lab::{Host, Net, Switch},
    window::Window,
};
use std::path::{Path, PathBuf};

/// Ann's and Ben's windows, on two hosts, each of which shows the other.
struct Windows {
    ann: Window,
    ben: Window,
    _switch: Switch,
    _net: Net,
}

impl Windows {
    fn open() -> Self {
        let net = Net::new();
        let (switch, [ann, ben]) = hosts(&net, ["ann", "ben"]);
        let (ann, ben) = (Window::open(&ann, "Ann's laptop"), Window::open(&ben, "Ben's desktop"));
        for (one, other) in [(&ann, &ben), (&ben, &ann)] {
            one.wait_for("the other device", &format!("return (() => {{ {} }})()", card(other.name())));
        }
        Self { ann, ben, _switch: switch, _net: net }
    }

    /// Ann drags files onto Ben's card; Ben's window shows the offer when this returns.
    fn drag(&self, files: &[&Path]) {
        self.ann.drop_files(files, "card of the other device", &card(self.ben.name()));
        self.ben.wait_for("an offer", "return !!document.querySelector('[data-offer]')");
    }
}

/// Hosts with an IPv4 address each.
fn hosts<const N: usize>(net: &Net, names: [&str; N]) -> (Switch, [Host; N]) {
    let (switch, hosts) = net.on_one_switch(names);
    for (i, host) in hosts.iter().enumerate() {
        host.add_address("eth0", &format!("10.78.0.{}/24", i + 1));
    }
    (switch, hosts)
}

/// The card of a device, by its name.
fn card(name: &str) -> String {
    format!(
        "return [...document.querySelectorAll('[data-device]')].find((card) => card.innerText.includes({}))",
        Value::from(name)
    )
}

/// Where a window puts what it accepts.
fn inbox(window: &Window) -> PathBuf {
    let identity = window.request(&json!({ "request": "identity" }));
    PathBuf::from(identity["inbox"].as_str().unwrap())
}

/// A file of `bytes` that no other is like.
fn file(folder: &Path, name: &str, bytes: usize) -> PathBuf {
    let path = folder.join(name);
    shoal_tests::data::random_file(&path, bytes as u64, 7);
    path
}
