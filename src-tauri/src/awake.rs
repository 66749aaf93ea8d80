//! Keeps the machine awake while something moves, and only then.

use keepawake::KeepAwake;
use std::sync::{Mutex, PoisonError, mpsc};

/// A thread that holds the system's lock, since asking for it can block. Ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Awake {
    wanted: Mutex<(bool, mpsc::Sender<bool>)>,
}

impl Awake {
    pub(crate) fn new() -> Self {
        let (sender, wanted) = mpsc::channel();
        std::thread::spawn(move || {
            let mut held: Option<KeepAwake> = None;
            while let Ok(awake) = wanted.recv() {
                held = if awake { held.or_else(hold) } else { None };
            }
        });
        Self { wanted: Mutex::new((false, sender)) }
    }

    /// Whether the machine is to stay awake from now on.
    pub(crate) fn set(&self, awake: bool) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.0 != awake {
            wanted.0 = awake;
            if wanted.1.send(awake).is_err() {
                tracing::warn!("nothing keeps the machine awake: the thread for it ended");
            }
        }
    }
}

fn hold() -> Option<KeepAwake> {
    let mut builder = keepawake::Builder::default();
    builder.idle(true).sleep(true).reason("Files are on their way").app_name("Shoal").app_reverse_domain("app.shoal.Shoal");
    match builder.create() {
        Ok(held) => Some(held),
        Err(error) => {
            tracing::info!(%error, "the machine may fall asleep: the system takes no lock");
            None
        }
    }
}
