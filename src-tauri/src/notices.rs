//! Notifications, for what happens while nobody looks at the window.

use crate::{engine::Engine, window, words};
use notify_rust::{Notification, NotificationHandle, NotificationResponse};
use shoal_api::{Direction, Event, Failure, Request, Transfer};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tauri::{AppHandle, Manager};

/// Most notifications that wait for somebody to press a button: each has a thread. Further ones have no buttons.
const MAX_WAITING: usize = 16;

/// Longest name in a notification, in characters: a peer chooses it.
const MAX_NAME: usize = 60;

/// Ids of what can be answered. A click beside all buttons has the last on Linux.
const ACCEPT: &str = "accept";
const DECLINE: &str = "decline";
const OPEN: &str = "default";

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
    let mut notice = notice(app, &summary, "");
    for (id, label) in answers(words) {
        notice.action(id, label);
    }
    show(app, notice, Some(row.transfer.clone()));
}

/// What can be answered, in the order of the system's own notifications.
fn answers(words: &words::Words) -> Vec<(&'static str, &'static str)> {
    let (accept, decline, open) = ((ACCEPT, words.accept), (DECLINE, words.decline), (OPEN, words.open));
    if cfg!(target_os = "macos") {
        // There they are a menu, and a click beside it means the first.
        vec![open, accept, decline]
    } else if cfg!(windows) {
        vec![accept, decline]
    } else {
        vec![accept, decline, open]
    }
}

fn tell(app: &AppHandle, summary: String, body: &str) {
    show(app, notice(app, &summary, body), None);
}

#[cfg_attr(not(all(windows, not(debug_assertions))), allow(unused_variables, reason = "only Windows asks whose it is"))]
fn notice(app: &AppHandle, summary: &str, body: &str) -> Notification {
    let mut notice = Notification::new();
    notice.appname("Shoal").summary(summary).body(&plain(body)).icon("shoal-app");
    // The installer tells Windows whose name and icon this is; without one notifications come in another program's name.
    #[cfg(all(windows, not(debug_assertions)))]
    notice.app_id(&app.config().identifier);
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

fn wait(app: &AppHandle, shown: NotificationHandle, transfer: String) {
    let answered = |response: &NotificationResponse| match response {
        NotificationResponse::Action(id) if id == ACCEPT => {
            answer(app, Request::Accept { transfer, into: None, only: Vec::new(), entries: Vec::new(), replace: false });
        }
        NotificationResponse::Action(id) if id == DECLINE => answer(app, Request::Decline { transfer }),
        NotificationResponse::Action(_) | NotificationResponse::Default => window::show(app),
        NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => {}
    };
    if let Err(error) = shown.wait_for_response(answered) {
        tracing::info!(%error, "a notification cannot be answered");
    }
}

fn answer(app: &AppHandle, request: Request) {
    let app = app.clone();
    let engine = app.state::<Arc<Engine>>().inner().clone();
    tauri::async_runtime::spawn(async move {
        if let Err(failure) = engine.request(request).await {
            trouble(&app, &failure);
        }
    });
}

/// Linux reads markup in bodies; nothing that a peer says may be markup.
fn plain(text: &str) -> String {
    if !cfg!(target_os = "linux") {
        return text.to_owned();
    }
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
        if cfg!(target_os = "linux") {
            assert_eq!(plain("<img src=x onerror=…> & co"), "&lt;img src=x onerror=…&gt; &amp; co");
        }
        assert_eq!(short(&"🐟".repeat(255)).chars().count(), MAX_NAME);
        assert_eq!(short("a.txt"), "a.txt");
    }
}
