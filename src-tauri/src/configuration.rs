//! What the page may do is decided by files that are easy to loosen by accident: this test says what they must hold.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

fn read(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Whatever gets into the page from a peer: it loads nothing from elsewhere, runs no script of its own and sends nothing out.
#[test]
fn the_content_security_policy_is_strict() {
    let configuration = read("tauri.conf.json");
    let policy = configuration["app"]["security"]["csp"].as_object().unwrap();
    let is = |directive: &str, value: &str| assert_eq!(policy[directive], value, "{directive}");
    is("default-src", "'self'");
    is("script-src", "'self'");
    is("style-src", "'self'");
    is("img-src", "'self' data: shoal-media: http://shoal-media.localhost");
    is("media-src", "'self' shoal-media: http://shoal-media.localhost");
    is("connect-src", "'self' ipc: http://ipc.localhost shoal-media: http://shoal-media.localhost");
    for nothing in ["font-src", "object-src", "frame-src", "worker-src", "base-uri", "form-action", "frame-ancestors"] {
        is(nothing, "'none'");
    }
    let all = policy.values().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    for loose in ["unsafe", "*", "https:", "blob:", "asset:"] {
        assert!(!all.contains(loose), "{loose} in {all}");
    }
}

#[test]
fn nothing_else_is_loosened() {
    let configuration = read("tauri.conf.json");
    let (app, security) = (&configuration["app"], &configuration["app"]["security"]);
    assert_eq!(app["withGlobalTauri"], false);
    assert_eq!(app["windows"], Value::Array(vec![]), "the window is made in code, with its navigation closed");
    let known: BTreeSet<&str> = security.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(known, BTreeSet::from(["capabilities", "csp"]), "no asset protocol, no remote pages, no policy for development");
    assert!(configuration["build"]["devUrl"].is_null(), "the window never shows a page of a server");
}

/// The page has the shell's own commands, all of them made for it, and none of Tauri's or of a plugin.
#[test]
fn the_page_may_call_our_commands_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("capabilities");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    let capability = read("capabilities/main.json");
    assert_eq!(capability["windows"], serde_json::json!(["main"]));
    assert!(capability["remote"].is_null());
    let given: BTreeSet<String> =
        capability["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    assert!(given.iter().all(|one| one.starts_with("allow-") && !one.contains(':')), "{given:?}");
    let (build, app) = (source("build.rs"), source("src/app.rs"));
    let named = build.split_once("&[\n").unwrap().1.split_once("];").unwrap().0;
    let named: BTreeSet<String> =
        named.split('"').skip(1).step_by(2).map(|name| format!("allow-{}", name.replace('_', "-"))).collect();
    assert_eq!(given, named);
    let handled: BTreeSet<String> = app
        .lines()
        .filter_map(|line| line.trim().strip_prefix("commands::")?.strip_suffix(','))
        .filter(|name| !name.starts_with('{'))
        .map(|name| format!("allow-{}", name.replace('_', "-")))
        .collect();
    assert_eq!(given, handled);
}

/// Plugins that open files or start programs for a page have no place here; the dialog's brings one along, which is never started.
#[test]
fn no_plugin_gives_the_page_files_or_programs() {
    let (manifest, app) = (source("Cargo.toml"), source("src/app.rs"));
    for plugin in ["fs", "shell", "http", "upload", "websocket", "process"] {
        assert!(!manifest.contains(&format!("tauri-plugin-{plugin}")), "{plugin}");
        assert!(!app.contains(&format!("tauri_plugin_{plugin}::")), "{plugin}");
    }
    assert!(app.contains("open_js_links_on_click(false)"));
    let window = source("src/window.rs");
    assert!(window.contains(".on_navigation(is_own)") && window.contains("NewWindowResponse::Deny"));
}
