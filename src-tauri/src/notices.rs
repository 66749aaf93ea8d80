//! Notifications, for what happens while nobody looks at the window.

use crate::{window, words};
use notify_rust::Notification;
use shoal_api::{Direction, Event, Failure, Transfer};
use std::sync::atomic::{AtomicUsize, Ordering};
use tauri::AppHandle;
#[cfg(target_os = "linux")]
use {crate::engine::Engine, shoal_api::Request, std::sync::Arc, tauri::Manager};

/// Most notifications that wait for somebody to press a button: each has a thread. Further ones have no buttons.
const MAX_WAITING: usize = 16;

/// Longest name in a notification, in characters: a peer chooses it.
const MAX_NAME: usize = 60;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Tells of an event if it is worth a notification and the window is not looked at. `row` is the transfer after it.
pub(crate) fn hear(app: &AppHandle, event: &Event, row: Option<&Transfer>) {
    let Some(row) = row.filter(|_| !window::is_looked_at(app)) else { return };
    let words = words::of(app);
    let filled = |sentence: &str| sentence.replace("{peer}", &short(row.peer_name())).replace("{name}", &short(&row.name));
    match event {
        Event::Offered { .. } if row.is_open_offer() => offer(app, row, filled(words.offers)),
        Event::Finished { .. } if row.text.is_some() && row.direction == Direction::Receive => {
            tell(app, filled(words.sent_text), "")
        }
        Event::Finished { .. } if row.direction == Direction::Receive => tell(app, filled(words.received), ""),
        Event::Finished { .. } => tell(app, filled(words.sent), ""),
        Event::Failed { error, .. } => tell(app, filled(words.failed), error),
        _ => {}
    }
}

/// Says what went wrong where there is no page to say it.
pub(crate) fn trouble(app: &AppHandle, failure: &Failure) {
    tell(app, "Shoal".to_owned(), &failure.message);
}

/// Says once and for all that closing the window does not end Shoal.
pub(crate) fn stays(app: &AppHandle) {
    let words = words::of(app);
    tell(app, words.stays_title.to_owned(), words.stays);
}

fn offer(app: &AppHandle, row: &Transfer, summary: String) {
    let words = words::of(app);
    let mut notice = notice(&summary, "");
    if cfg!(target_os = "linux") {
        notice.action("accept", words.accept).action("decline", words.decline).action("default", words.open);
    }
    show(app, notice, Some(row.transfer.clone()));
}

fn tell(app: &AppHandle, summary: String, body: &str) {
    show(app, notice(&summary, body), None);
}

fn notice(summary: &str, body: &str) -> Notification {
    let mut notice = Notification::new();
    notice.appname("Shoal").summary(summary).body(&plain(body)).icon("shoal-app");
    notice
}

/// Shows it on a thread of its own: the system may take its time, and a button is pressed when it is pressed.
fn show(app: &AppHandle, notice: Notification, offer: Option<String>) {
    let waits = offer.is_some() && WAITING.fetch_add(1, Ordering::Relaxed) < MAX_WAITING;
    let counted = offer.is_some();
    let app = app.clone();
    std::thread::spawn(move || {
        match notice.show() {
            Ok(shown) if waits => wait(&app, shown, offer.unwrap_or_default()),
            Ok(_) => {}
            Err(error) => tracing::info!(%error, "the system shows no notifications"),
        }
        if counted {
            WAITING.fetch_sub(1, Ordering::Relaxed);
        }
    });
}

#[cfg(target_os = "linux")]
fn wait(app: &AppHandle, shown: notify_rust::NotificationHandle, transfer: String) {
    shown.wait_for_action(|action| match action {
        "accept" => answer(app, Request::Accept { transfer, into: None, only: Vec::new(), entries: Vec::new(), replace: false }),
        "decline" => answer(app, Request::Decline { transfer }),
        "default" => window::show(app),
        _ => {}
    });
}

/// Elsewhere notifications have no buttons, and the window answers.
#[cfg(not(target_os = "linux"))]
fn wait<T>(_: &AppHandle, _: T, _: String) {}

#[cfg(target_os = "linux")]
fn answer(app: &AppHandle, request: Request) {
    let app = app.clone();
    let engine = app.state::<Arc<Engine>>().inner().clone();
    tauri::async_runtime::spawn(async move {
        if let Err(failure) = engine.request(request).await {
            trouble(&app, &failure);
        }
    });
}

/// Notification servers read markup in bodies; nothing that a peer says may be markup.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn short(name: &str) -> String {
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    name.chars().take(MAX_NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_is_neither_markup_nor_endless() {
        assert_eq!(plain("<img src=x onerror=…> & co"), "&lt;img src=x onerror=…&gt; &amp; co");
        assert_eq!(short(&"🐟".repeat(255)).chars().count(), MAX_NAME);
        assert_eq!(short("a.txt"), "a.txt");
    }
}
