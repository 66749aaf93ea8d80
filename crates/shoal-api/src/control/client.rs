//! The end that asks.

use super::{
    Answer, MAX_ANSWER, MAX_REQUEST,
    line::{self, Lines},
    place,
};
use crate::{Code, Event, Failure, Reply, Request};
use interprocess::local_socket::tokio::Stream;
use std::{
    fmt,
    path::{Path, PathBuf},
};
use tokio::io::BufReader;

/// An engine that runs in another process. Each request has a connection of its own: they are rare and local, and so none waits
/// for another.
#[derive(Debug, Clone)]
pub struct Client {
    data_dir: PathBuf,
}

/// Events of an engine that runs in another process.
#[derive(Debug)]
pub struct EventStream {
    lines: Lines<BufReader<Stream>>,
}

impl Client {
    /// The engine of a data folder, if one runs.
    pub async fn connect(data_dir: &Path) -> Option<Self> {
        match place::connect(data_dir).await {
            Ok(_) => Some(Self { data_dir: data_dir.to_owned() }),
            Err(error) => {
                tracing::debug!(%error, "no engine answers in the data folder");
                None
            }
        }
    }

    /// Has a request done.
    pub async fn request(&self, request: &Request) -> Result<Reply, Failure> {
        self.ask(request).await.map(|(reply, _)| reply)
    }

    /// Events from now on.
    pub async fn subscribe(&self) -> Result<EventStream, Failure> {
        let (_, lines) = self.ask(&Request::Subscribe).await?;
        Ok(EventStream { lines })
    }

    async fn ask(&self, request: &Request) -> Result<(Reply, Lines<BufReader<Stream>>), Failure> {
        let size = serde_json::to_vec(request).map_err(|error| Failure::new(Code::Usage, not_unicode(&error)))?.len();
        if size > MAX_REQUEST {
            return Err(Failure::new(
                Code::Usage,
                "this is too long to hand to the running Shoal: put a text into a file, or name the folder instead of its files",
            ));
        }
        let stream = place::connect(&self.data_dir).await.map_err(gone)?;
        line::write(&mut &stream, request).await.map_err(gone)?;
        let mut lines = Lines::new(BufReader::new(stream), MAX_ANSWER);
        let answer = lines.next::<Answer>().await.map_err(gone)?.ok_or_else(|| gone("it hung up"))?;
        Result::from(answer).map(|reply| (reply, lines))
    }
}

impl EventStream {
    /// The next event; `None` once the engine is gone.
    pub async fn next(&mut self) -> Option<Event> {
        match self.lines.next().await {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "events of the running Shoal end");
                None
            }
        }
    }
}

/// The only request that has no JSON is one with a path that is not Unicode.
fn not_unicode(error: &serde_json::Error) -> String {
    format!("the running Shoal cannot be told: {error}; rename the file, or name the folder that holds it")
}

fn gone(reason: impl fmt::Display) -> Failure {
    Failure::new(Code::Failed, format_args!("the running Shoal does not answer ({reason}): start it again, or end it"))
}
