//! Reaching a peer at one of several addresses.

use super::{
    Links,
    table::{Outcome, Place},
};
use crate::{
    ReachError,
    connection::{Connection, close},
    endpoint::{Dial, DialError},
    stream::StreamError,
};
use shoal_proto::{PeerId, message::CloseCode};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time};

/// From the first packet to the hello.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an address has before the next is tried beside it (RFC 8305 §5 says 250 ms for the internet; LANs answer sooner).
const STAGGER: Duration = Duration::from_millis(150);

/// Addresses tried in one dial.
const MAX_CANDIDATES: usize = 16;

impl Links {
    /// The dial of `peer` that is under way, or a new one. It goes on when nobody waits for it.
    pub(super) fn dial(self: &Arc<Self>, peer: PeerId) -> watch::Receiver<Outcome> {
        let mut table = self.table();
        if let Some(dial) = table.dials.get(&peer) {
            return dial.clone();
        }
        let (done, dial) = watch::channel(None);
        table.dials.insert(peer, dial.clone());
        drop(table);
        let links = self.clone();
        self.tasks.spawn(async move {
            let outcome = tokio::select! {
                outcome = links.reach_peer(peer) => outcome,
                () = links.cancel.cancelled() => Err(ReachError::ShuttingDown),
            };
            links.table().dials.remove(&peer);
            if let Err(error) = &outcome {
                tracing::debug!(%peer, %error, "a dial failed");
            }
            done.send_replace(Some(outcome));
        });
        dial
    }

    async fn reach_peer(self: &Arc<Self>, peer: PeerId) -> Result<Connection, ReachError> {
        let mut addresses = self.directory.candidates(peer);
        addresses.retain(|address| self.allows(*address));
        addresses.truncate(MAX_CANDIDATES);
        let attempt = async {
            let quinn = self.race(peer, addresses).await?;
            self.settle(quinn, peer, &peer.short()).await
        };
        let silent = Err(ReachError::Unreachable { name: peer.short() });
        time::timeout(DIAL_TIMEOUT, attempt).await.unwrap_or(silent)
    }

    pub(super) async fn reach_address(self: &Arc<Self>, address: SocketAddr) -> Result<Connection, ReachError> {
        let name = address.to_string();
        let unreachable = ReachError::Unreachable { name: name.clone() };
        if !self.allows(address) {
            return Err(unreachable);
        }
        let attempt = async {
            let dialled = match self.endpoint.dial(address, None) {
                Ok(dial) => dial.finish().await,
                Err(error) => Err(error),
            };
            let (quinn, peer) = dialled.map_err(|error| reach_error(error, None, &name))?;
            if peer == self.endpoint.id() {
                return Err(unreachable.clone()); // our own address; there is nobody else
            }
            self.settle(quinn, peer, &name).await
        };
        time::timeout(DIAL_TIMEOUT, attempt).await.unwrap_or(Err(unreachable.clone()))
    }

    /// Tries addresses side by side, each a little after the one before or as soon as that failed. The first end that proves
    /// the key wins; the other attempts are dropped.
    async fn race(&self, peer: PeerId, addresses: Vec<SocketAddr>) -> Result<quinn::Connection, ReachError> {
        let mut worst = ReachError::Unreachable { name: peer.short() };
        let mut attempts = JoinSet::new();
        let mut left = addresses.into_iter();
        let mut start_next = true;
        loop {
            if start_next {
                let dial = left.next().map(|address| self.endpoint.dial(address, Some(peer)));
                match dial {
                    Some(Ok(dial)) => {
                        attempts.spawn(self.tasks.track_future(Dial::finish(dial)));
                    }
                    Some(Err(error)) => {
                        tracing::debug!(%peer, %error, "an address that cannot be dialled");
                        continue;
                    }
                    None if attempts.is_empty() => return Err(worst),
                    None => {}
                }
            }
            let finished = tokio::select! {
                finished = attempts.join_next() => finished,
                () = time::sleep(STAGGER), if left.len() > 0 => {
                    start_next = true;
                    continue;
                }
            };
            start_next = true; // what failed makes place for the next at once
            match finished {
                Some(Ok(Ok((quinn, _)))) => {
                    attempts.shutdown().await;
                    return Ok(quinn);
                }
                Some(Ok(Err(error))) => {
                    tracing::debug!(%peer, %error, "an address did not answer");
                    worst = telling(worst, reach_error(error, Some(peer), &peer.short()));
                }
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Introduces this device on a connection that it dialled, and makes it one for everybody.
    async fn settle(self: &Arc<Self>, quinn: quinn::Connection, peer: PeerId, name: &str) -> Result<Connection, ReachError> {
        let place = match Place::take(self, peer, &quinn, true) {
            Ok(place) => place,
            Err(code) => {
                close(&quinn, code);
                return Err(refused(Some(code), name));
            }
        };
        let own = self.greeting.borrow().clone();
        let greeting = own.say(&quinn).await.map_err(|error| {
            let code = if error.is_violation() { CloseCode::Violation } else { CloseCode::Done };
            close(&quinn, code);
            refused(StreamError::close_code(&error), name)
        })?;
        let connection = Connection::new(quinn, peer, greeting, true);
        self.serve_in_background(connection.clone(), place);
        Ok(connection)
    }
}

/// Of two failures the one that tells a person more.
fn telling(one: ReachError, other: ReachError) -> ReachError {
    match (&one, &other) {
        (ReachError::Unreachable { .. }, _) | (ReachError::WrongKey { .. }, ReachError::Refused { .. }) => other,
        _ => one,
    }
}

fn reach_error(error: DialError, expected: Option<PeerId>, name: &str) -> ReachError {
    match (error, expected) {
        (DialError::WrongKey(address), Some(expected)) => ReachError::WrongKey { expected, address },
        (DialError::ShutDown, _) => ReachError::ShuttingDown,
        (DialError::Failed(error), _) => refused(StreamError::Lost(error).close_code(), name),
        (DialError::WrongKey(_) | DialError::Unusable(_), _) => ReachError::Unreachable { name: name.to_owned() },
    }
}

fn refused(code: Option<CloseCode>, name: &str) -> ReachError {
    let name = name.to_owned();
    match code {
        Some(CloseCode::Refused) => ReachError::Refused { name },
        _ => ReachError::Unreachable { name },
    }
}
