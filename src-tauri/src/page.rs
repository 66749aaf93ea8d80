//! What the page is told besides the engine's events: drops, and what came in by other doors.

use crate::handles::{Handle, Handles};
use serde::Serialize;
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tauri::{AppHandle, DragDropEvent, Manager, Window, ipc::Channel};

/// Shortest time between two words about where a drag is: a channel to a page has no bound of its own.
const DRAG_PACE: Duration = Duration::from_millis(30);

/// Most things that wait for a page that is not there yet.
const MAX_WAITING: usize = 8;

/// Outside the page: things to send that were dropped on nothing.
const NOWHERE: f64 = -1.0;

/// One word to the page. Coordinates are CSS pixels of the page.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(crate) enum Drag {
    /// Something is dragged over the page.
    Over { x: f64, y: f64 },
    /// It was let go.
    Drop { x: f64, y: f64, handles: Vec<Handle> },
    /// It left.
    Leave,
}

/// The page's ear.
#[derive(Debug, Default)]
pub(crate) struct Ear(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    channel: Option<Channel<Drag>>,
    waiting: Vec<Drag>,
    last_over: Option<Instant>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Ear {
    /// The page listens here from now on, and hears what came before it did.
    pub(crate) fn attend(&self, channel: Channel<Drag>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = std::mem::take(&mut inner.waiting);
        inner.channel = Some(channel);
        for said in waiting {
            inner.say(said);
        }
    }

    /// The page is gone; what comes meanwhile waits for the next.
    pub(crate) fn leave(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).channel = None;
    }

    fn say(&self, said: Drag) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(said, Drag::Over { .. }) {
            if inner.last_over.is_some_and(|last| last.elapsed() < DRAG_PACE) {
                return;
            }
            inner.last_over = Some(Instant::now());
        }
        inner.say(said);
    }
}

impl Inner {
    fn say(&mut self, said: Drag) {
        match &self.channel {
            Some(channel) => {
                if let Err(error) = channel.send(said) {
                    tracing::debug!(%error, "the page is gone");
                }
            }
            None if matches!(said, Drag::Drop { .. }) && self.waiting.len() < MAX_WAITING => self.waiting.push(said),
            None => {}
        }
    }
}

/// What the system says of a drag over the window.
pub(crate) fn dragged(window: &Window, event: &DragDropEvent) {
    let scale = window.scale_factor().unwrap_or(1.0);
    let app = window.app_handle();
    match event {
        DragDropEvent::Enter { position, .. } | DragDropEvent::Over { position } => {
            let at = position.to_logical(scale);
            app.state::<Ear>().say(Drag::Over { x: at.x, y: at.y });
        }
        DragDropEvent::Drop { paths, position } => {
            let at = position.to_logical(scale);
            hand_over(app, paths.clone(), at.x, at.y);
        }
        _ => app.state::<Ear>().say(Drag::Leave),
    }
}

/// Files that came by another door: the page asks who gets them.
pub(crate) fn came_in(app: &AppHandle, paths: Vec<PathBuf>) {
    if !paths.is_empty() {
        hand_over(app, paths, NOWHERE, NOWHERE);
    }
}

/// Gives paths to the page as handles. Looking at them is disk work, so not on this thread.
fn hand_over(app: &AppHandle, paths: Vec<PathBuf>, x: f64, y: f64) {
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || match app.state::<Handles>().to_send(paths) {
        Ok(handles) => app.state::<Ear>().say(Drag::Drop { x, y, handles }),
        Err(failure) => {
            app.state::<Ear>().say(Drag::Leave);
            crate::notices::trouble(&app, &failure);
        }
    });
}
