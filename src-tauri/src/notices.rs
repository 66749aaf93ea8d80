//! Notifications, for what happens while nobody looks at the window.

use crate::{
    engine::Engine,
    notice::{Notice, Pressed},
    window, words,
};
use shoal_api::{Direction, Event, Failure, Request, Transfer};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tauri::{AppHandle, Manager};

/// Most notifications at once that can be answered.
const MAX_WAITING: usize = 16;

/// Longest name in a notification, in characters: a peer chooses it.
const MAX_NAME: usize = 60;

/// The buttons of an offer.
const ACCEPT: &str = "accept";
const DECLINE: &str = "decline";

/// Notifications that are being shown or wait to be answered.
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
        Event::Finished { .. } if row.direction != Direction::Send => tell(app, filled(words.received), ""),
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
    // Each that waits to be answered has a thread; whoever is offered more answers in the window.
    let answerable = WAITING.load(Ordering::Relaxed) < MAX_WAITING;
    let buttons = if answerable { vec![(ACCEPT, words.accept), (DECLINE, words.decline)] } else { Vec::new() };
    show(app, Notice { summary, buttons, ..Notice::default() }, row.transfer.clone());
}

fn tell(app: &AppHandle, summary: String, body: &str) {
    show(app, Notice { summary, body: body.to_owned(), ..Notice::default() }, String::new());
}

/// Shows it on a thread of its own: the system may take its time, and a button is pressed when it is pressed.
fn show(app: &AppHandle, mut notice: Notice, offer: String) {
    notice.identifier.clone_from(&app.config().identifier);
    let app = app.clone();
    WAITING.fetch_add(1, Ordering::Relaxed);
    std::thread::spawn(move || {
        let pressed = notice.show();
        WAITING.fetch_sub(1, Ordering::Relaxed);
        match pressed {
            Ok(Pressed::Button(id)) if id == ACCEPT => answer(
                &app,
                Request::Accept { transfer: offer, into: None, only: Vec::new(), entries: Vec::new(), replace: false },
            ),
            Ok(Pressed::Button(id)) if id == DECLINE => answer(&app, Request::Decline { transfer: offer }),
            Ok(Pressed::Button(_) | Pressed::Itself) => window::show(&app),
            Ok(Pressed::Nothing) => {}
            Err(error) => tracing::info!(%error, "a notification could not be shown or answered"),
        }
    });
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
    fn what_a_peer_says_is_not_endless() {
        assert_eq!(short(&"🐟".repeat(255)).chars().count(), MAX_NAME);
        assert_eq!(short("a.txt"), "a.txt");
    }
}
