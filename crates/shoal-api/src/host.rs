//! Where a command's engine is: in another process, or here for as long as the command needs it.

use crate::{
    Event, Failure, Feed, Reply, Request,
    control::{self, Client, EventStream, Server},
};
use shoal_engine::{Config, Engine, StartError};
use std::time::Duration;

/// How long a data folder may be locked by an engine that does not answer yet: it is starting, or ending.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Pause between two looks at a locked data folder.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// One interface to an engine, wherever it runs, so that each command is written once.
#[derive(Debug)]
pub enum Host {
    /// In another process.
    Remote(Client),
    /// In this one. Others reach it over the control socket meanwhile.
    Local {
        /// The engine.
        engine: Engine,
        /// Its control socket.
        control: Server,
    },
}

/// Events of a [`Host`].
#[derive(Debug)]
pub enum Subscription {
    /// From another process.
    Remote(EventStream),
    /// From this one.
    Local(Feed),
}

impl Host {
    /// The engine that runs with this data folder, or a new one here. The rest of `config` is for the new one only.
    pub async fn open(config: Config) -> Result<Self, Failure> {
        let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
        loop {
            if let Some(client) = Client::connect(&config.data_dir).await {
                return Ok(Self::Remote(client));
            }
            match Self::start(config.clone()).await {
                Err(StartError::Locked(_)) if tokio::time::Instant::now() < deadline => tokio::time::sleep(LOCK_PAUSE).await,
                started => return Ok(started?),
            }
        }
    }

    /// A new engine here; an error when one runs already.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let data_dir = config.data_dir.clone();
        let engine = Engine::start(config).await?;
        match control::serve(engine.clone(), &data_dir) {
            Ok(control) => Ok(Self::Local { engine, control }),
            Err(error) => {
                engine.shutdown().await;
                Err(StartError::DataDir { path: data_dir, reason: format!("its control socket: {error}") })
            }
        }
    }

    /// The engine lives in this process and ends with it.
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Local { .. })
    }

    /// Has a request done.
    pub async fn request(&self, request: Request) -> Result<Reply, Failure> {
        match self {
            Self::Remote(client) => client.request(&request).await,
            Self::Local { engine, .. } => crate::handle(engine, request).await,
        }
    }

    /// Events from now on.
    pub async fn subscribe(&self) -> Result<Subscription, Failure> {
        match self {
            Self::Remote(client) => client.subscribe().await.map(Subscription::Remote),
            Self::Local { engine, .. } => Ok(Subscription::Local(Feed::new(engine))),
        }
    }

    /// Lets go: an engine here is shut down, one elsewhere goes on.
    pub async fn close(self) {
        if let Self::Local { engine, control } = self {
            control.stop().await;
            engine.shutdown().await;
        }
    }
}

impl Subscription {
    /// The next event; `None` once the engine is gone.
    pub async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Remote(events) => events.next().await,
            Self::Local(events) => events.next().await,
        }
    }
}

/// Where key, database and control socket live unless somebody says otherwise; `None` when this account has no home.
pub fn default_data_dir() -> Option<std::path::PathBuf> {
    directories::ProjectDirs::from("", "", "Shoal").map(|folders| folders.data_local_dir().to_owned())
}
