//! Comparing short authentication strings over a connection: the messages of [`shoal_proto::sas`], its time, its limits.
//!
//! Leaves out the two people who look at the result, and what their yes changes (the table of devices).

use crate::{
    Trust, TrustError,
    connection::Connection,
    stream::{RecvStream, SendStream, StreamError, read_message, write_message},
};
use shoal_proto::{
    PeerId,
    message::{CloseCode, Commitment, Nonce, Request},
    sas::{Initiator, Responder, Sas},
};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// Label of the keying material that both strings are made of: a man in the middle has two connections, hence two of it.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-shoal-sas";

/// From the first message to the last. The people take longer, but nothing waits for them on the wire.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Comparisons that strangers, all together, may begin in a minute: each takes a person's attention, and keys cost nothing.
const MAX_FROM_STRANGERS: usize = 3;
const PER: Duration = Duration::from_secs(60);

/// Longest message after the request, in bytes.
const MAX_NONCE_MESSAGE: usize = 64;

/// The comparisons of this device: one at a time with each peer.
#[derive(Debug)]
pub(crate) struct Comparisons {
    id: PeerId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: HashSet<PeerId>,
    /// When the last strangers began.
    strangers: VecDeque<Instant>,
}

impl Comparisons {
    /// For the device `id`.
    pub(crate) fn new(id: PeerId) -> Arc<Self> {
        Arc::new(Self { id, state: Mutex::default() })
    }

    /// Begins a comparison; returns what this end's screen must show. The other end shows its own a moment later.
    ///
    /// # Errors
    /// [`TrustError::BrokenOff`] when the other end does not answer in ten seconds, refuses, or one is under way.
    pub(crate) async fn initiate(self: &Arc<Self>, connection: &Connection) -> Result<Sas, TrustError> {
        let peer = connection.peer();
        let broken = |error: &dyn std::fmt::Display| {
            tracing::info!(%peer, %error, "a comparison was broken off");
            TrustError::BrokenOff(peer.short())
        };
        let _turn = self.begin(peer, None).ok_or_else(|| broken(&"one is under way"))?;
        let exchange = async {
            let (initiator, commitment) = Initiator::new(self.id, nonce());
            let (mut send, mut recv) = connection.open_request(&Request::Verify(commitment)).await?;
            let theirs: Nonce = read_message(&mut recv, MAX_NONCE_MESSAGE).await?;
            let (own, sas) = initiator.reveal(&connection.exporter(EXPORTER_LABEL)?, peer, &theirs);
            write_message(&mut send, &own, MAX_NONCE_MESSAGE).await?;
            send.finish();
            // Nothing is shown that the other end did not come to show: it finishes its side once the nonce fits.
            match read_message::<Nonce>(&mut recv, MAX_NONCE_MESSAGE).await {
                Err(StreamError::Finished) => Ok(sas),
                Err(error) => Err(error),
                Ok(_) => Err(shoal_proto::codec::CodecError::Malformed.into()),
            }
        };
        match timeout(TIMEOUT, exchange).await {
            Ok(outcome) => outcome.map_err(|error| broken(&error)),
            Err(_) => Err(broken(&"no answer")),
        }
    }

    /// Answers a comparison that `connection`'s peer, whose standing is `trust`, began; returns what this end's screen must show.
    ///
    /// # Errors
    /// [`TrustError::BrokenOff`] when the other end does not hold to its commitment or falls silent, or when it asks too often.
    pub(crate) async fn respond(
        self: &Arc<Self>,
        connection: &Connection,
        trust: Trust,
        commitment: Commitment,
        mut send: SendStream,
        mut recv: RecvStream,
    ) -> Result<Sas, TrustError> {
        let peer = connection.peer();
        let broken = |error: &dyn std::fmt::Display| {
            tracing::info!(%peer, %error, "a comparison was broken off");
            TrustError::BrokenOff(peer.short())
        };
        let Some(_turn) = self.begin(peer, Some(trust)) else {
            send.refuse(CloseCode::TooMany);
            recv.refuse(CloseCode::TooMany);
            return Err(broken(&"asked too often"));
        };
        let exchange = async {
            let (responder, own) = Responder::new(peer, commitment, nonce());
            write_message(&mut send, &own, MAX_NONCE_MESSAGE).await?;
            let revealed = read_message(&mut recv, MAX_NONCE_MESSAGE).await?;
            Ok::<_, StreamError>(responder.check(&connection.exporter(EXPORTER_LABEL)?, self.id, &revealed))
        };
        match timeout(TIMEOUT, exchange).await {
            Ok(Ok(Ok(sas))) => {
                send.finish();
                Ok(sas)
            }
            Ok(Ok(Err(error))) => {
                connection.close(CloseCode::Violation);
                Err(broken(&error))
            }
            Ok(Err(error)) => {
                if error.is_violation() {
                    connection.close(CloseCode::Violation);
                }
                Err(broken(&error))
            }
            Err(_) => Err(broken(&"no answer")),
        }
    }

    /// A turn with `peer`; `asker` is its standing when it began. `None`: not now.
    fn begin(self: &Arc<Self>, peer: PeerId, asker: Option<Trust>) -> Option<Turn> {
        let mut state = self.state();
        let now = Instant::now();
        if state.running.contains(&peer) || asker == Some(Trust::Blocked) {
            return None;
        }
        if asker == Some(Trust::Stranger) {
            while state.strangers.front().is_some_and(|began| now.duration_since(*began) >= PER) {
                state.strangers.pop_front();
            }
            if state.strangers.len() >= MAX_FROM_STRANGERS {
                return None;
            }
            state.strangers.push_back(now);
        }
        state.running.insert(peer);
        Some(Turn { all: self.clone(), peer })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one comparison with a peer, until dropped.
#[derive(Debug)]
struct Turn {
    all: Arc<Comparisons>,
    peer: PeerId,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all.state().running.remove(&self.peer);
    }
}

fn nonce() -> Nonce {
    Nonce(rand::random())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::links::{IncomingRequest, tests::Peer};

    async fn respond_next(peer: &mut Peer, comparisons: &Arc<Comparisons>, trust: Trust) -> Result<Sas, TrustError> {
        let IncomingRequest { connection, request, send, recv } = peer.incoming.recv().await.unwrap();
        let Request::Verify(commitment) = request else { panic!("{request:?}") };
        comparisons.respond(&connection, trust, commitment, send, recv).await
    }

    #[tokio::test]
    async fn both_screens_show_the_same_and_each_time_another() {
        let (a, mut b) = (Peer::new("a"), Peer::new("b"));
        let (at_a, at_b) = (Comparisons::new(a.id), Comparisons::new(b.id));
        let connection = a.knows(&b).links.get(b.id).await.unwrap();
        let mut last = None;
        for _ in 0..3 {
            let (one, other) = tokio::join!(at_a.initiate(&connection), respond_next(&mut b, &at_b, Trust::Stranger));
            let (one, other) = (one.unwrap(), other.unwrap());
            assert_eq!(one, other);
            assert_ne!(last.replace(one), Some(other));
        }
        // A fourth within the minute would be the stranger's way to wear a person out.
        let (one, other) = tokio::join!(at_a.initiate(&connection), respond_next(&mut b, &at_b, Trust::Stranger));
        assert!(matches!((one, other), (Err(TrustError::BrokenOff(_)), Err(TrustError::BrokenOff(_)))));
        let (one, other) = tokio::join!(at_a.initiate(&connection), respond_next(&mut b, &at_b, Trust::Known));
        assert_eq!(one.unwrap(), other.unwrap());
        assert!(connection.is_live());
    }

    /// It saw our nonce first and now wants another than it committed to.
    #[tokio::test]
    async fn a_nonce_that_does_not_fit_its_commitment_closes_the_connection() {
        let (a, mut b) = (Peer::new("a"), Peer::new("b"));
        let at_b = Comparisons::new(b.id);
        let connection = a.knows(&b).links.get(b.id).await.unwrap();
        let cheat = async {
            let (_, commitment) = Initiator::new(a.id, nonce());
            let (mut send, mut recv) = connection.open_request(&Request::Verify(commitment)).await.unwrap();
            read_message::<Nonce>(&mut recv, MAX_NONCE_MESSAGE).await.unwrap();
            write_message(&mut send, &nonce(), MAX_NONCE_MESSAGE).await.unwrap();
            StreamError::Lost(connection.closed().await).close_code()
        };
        let (code, outcome) = tokio::join!(cheat, respond_next(&mut b, &at_b, Trust::Known));
        assert_eq!(code, Some(CloseCode::Violation));
        assert!(matches!(outcome, Err(TrustError::BrokenOff(_))));
    }

    #[tokio::test]
    async fn a_peer_has_one_turn_at_a_time() {
        let (a, b) = (PeerId::from_public_key([1; 32]), PeerId::from_public_key([2; 32]));
        let comparisons = Comparisons::new(a);
        let turn = comparisons.begin(b, None).unwrap();
        assert!(comparisons.begin(b, Some(Trust::Known)).is_none());
        drop(turn);
        assert!(comparisons.begin(b, Some(Trust::Known)).is_some());
        assert!(comparisons.begin(b, Some(Trust::Blocked)).is_none());
    }
}
