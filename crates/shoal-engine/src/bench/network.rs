//! The way between two devices: filler, each way for some seconds, on the connection that transfers use.

use super::Network;
use crate::{
    BenchError, Trust,
    connection::Connection,
    stream::{RecvStream, SendStream, StreamError, read_message, write_message},
};
use bytes::Bytes;
use shoal_proto::message::{CloseCode, MAX_MEASURE_BYTES, MAX_MEASURE_MILLIS, Measure, Measured, Request};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};

/// How long filler goes each way.
const EACH_WAY: Duration = Duration::from_secs(3);

/// How long the other end may be silent before or after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest that an answerer spends on one request.
const LONGEST: Duration = Duration::from_millis(MAX_MEASURE_MILLIS as u64);

/// What is written at once.
const BLOCK: usize = 256 * 1024;

/// Longest message that ends a measurement, in bytes.
const MAX_MEASURED: usize = 32;

/// Whether this device measures now: once for itself, once for others.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    asking: Arc<AtomicBool>,
    answering: Arc<AtomicBool>,
}

impl Meter {
    /// A turn for this device; `None` while one is taken.
    pub(crate) fn ask(&self) -> Option<Turn> {
        Turn::take(&self.asking)
    }

    /// Answers a peer whose standing is `trust`.
    pub(crate) async fn answer(
        self: Arc<Self>,
        connection: Connection,
        trust: Trust,
        measure: Measure,
        mut send: SendStream,
        mut recv: RecvStream,
    ) {
        let mut refuse = |code| {
            send.refuse(code);
            recv.refuse(code);
        };
        if trust < Trust::Known {
            return refuse(CloseCode::Refused);
        }
        let Some(_turn) = Turn::take(&self.answering) else { return refuse(CloseCode::TooMany) };
        let _held = connection.hold();
        let peer = connection.peer();
        match measure {
            Measure::FromAnswerer(millis) => write_filler(&mut send, Duration::from_millis(millis.into()).min(LONGEST)).await,
            Measure::FromOpener => {
                let (measured, _) = read_filler(&mut recv, Instant::now() + LONGEST).await;
                let answer = write_message(&mut send, &measured, MAX_MEASURED);
                match timeout(PATIENCE, answer).await {
                    Ok(Ok(())) => send.finish(),
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "a measurement was broken off"),
                    Err(_) => tracing::debug!(%peer, "a measurement was broken off"),
                }
            }
        }
    }
}

/// Measures the way to a peer, called `name`.
///
/// # Errors
/// All of [`BenchError`] that have to do with a peer.
pub(crate) async fn ask(connection: &Connection, name: &str) -> Result<Network, BenchError> {
    let _held = connection.hold();
    let rtt = connection.rtt();
    let began = processor_time();
    let start = Instant::now();
    let to_peer = to_peer(connection).await.map_err(|error| said(&error, name))?;
    let cores = began.zip(processor_time()).map(|(a, b)| b.saturating_sub(a).as_secs_f64() / start.elapsed().as_secs_f64());
    let from_peer = from_peer(connection).await.map_err(|error| said(&error, name))?;
    Ok(Network { rtt, to_peer, from_peer, cores })
}

async fn to_peer(connection: &Connection) -> Result<f64, StreamError> {
    let (mut send, mut recv) = connection.open_request(&Request::Measure(Measure::FromOpener)).await?;
    let answer = async { timeout(EACH_WAY + PATIENCE, read_message::<Measured>(&mut recv, MAX_MEASURED)).await };
    // A refusal ends the writing at once, and is what the reading hears.
    let ((), answer) = tokio::join!(write_filler(&mut send, EACH_WAY), answer);
    Ok(rate(answer.map_err(|_| StreamError::CutShort)??))
}

async fn from_peer(connection: &Connection) -> Result<f64, StreamError> {
    let millis = EACH_WAY.as_millis() as u32;
    let (mut send, mut recv) = connection.open_request(&Request::Measure(Measure::FromAnswerer(millis))).await?;
    send.finish();
    let (measured, end) = read_filler(&mut recv, Instant::now() + EACH_WAY + PATIENCE).await;
    match end {
        Some(error) if error.close_code() != Some(CloseCode::Done) && error != StreamError::Finished => Err(error),
        _ if measured.bytes == 0 => Err(StreamError::CutShort),
        _ => Ok(rate(measured)),
    }
}

/// Writes until the time or the bytes are used up, or nobody reads; what waits then is dropped.
async fn write_filler(send: &mut SendStream, long: Duration) {
    let until = Instant::now() + long;
    let block = Bytes::from(vec![0x5a; BLOCK]);
    let mut bytes = 0;
    while bytes < MAX_MEASURE_BYTES && Instant::now() < until {
        if !matches!(timeout_at(until, send.write_chunk(block.clone())).await, Ok(Ok(()))) {
            break;
        }
        bytes += BLOCK as u64;
    }
    send.refuse(CloseCode::Done);
}

/// Reads until the other end stops or the time or the bytes are used up; returns what came and how the stream ended, if not by us.
async fn read_filler(recv: &mut RecvStream, until: Instant) -> (Measured, Option<StreamError>) {
    let (mut first, mut last, mut bytes) = (None, None, 0);
    let end = loop {
        match timeout_at(until, recv.read_chunk(usize::MAX, true)).await {
            Ok(Ok(Some(chunk))) => {
                let now = Instant::now();
                first.get_or_insert(now);
                last = Some(now);
                bytes += chunk.bytes.len() as u64;
                if bytes >= MAX_MEASURE_BYTES {
                    break None;
                }
            }
            Ok(Ok(None)) => break Some(StreamError::Finished),
            Ok(Err(error)) => break Some(error.into()),
            Err(_) => break None,
        }
    };
    recv.refuse(CloseCode::Done);
    let took = first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first);
    (Measured { bytes, micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX) }, end)
}

/// In bytes a second; what a peer says may be anything.
fn rate(Measured { bytes, micros }: Measured) -> f64 {
    bytes as f64 * 1e6 / micros.max(1) as f64
}

fn said(error: &StreamError, name: &str) -> BenchError {
    let name = name.to_owned();
    match error.close_code() {
        Some(CloseCode::Refused) => BenchError::Stranger(name),
        Some(CloseCode::TooMany) => BenchError::Busy(name),
        Some(CloseCode::Unsupported) => BenchError::TooOld(name),
        _ => {
            tracing::debug!(%error, "nothing was measured");
            BenchError::Lost(name)
        }
    }
}

/// Processor time that this process has used.
fn processor_time() -> Option<Duration> {
    #[cfg(unix)]
    return Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime)).ok();
    #[cfg(not(unix))]
    return None;
}

/// The one measurement, until dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    taken: Arc<AtomicBool>,
}

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Option<Self> {
        (!taken.swap(true, Ordering::AcqRel)).then(|| Self { taken: taken.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::links::{IncomingRequest, tests::Peer};

    /// Answers everything that comes, as a device does to which the asker is `trust`.
    fn answering(mut peer: Peer, meter: Arc<Meter>, trust: Trust) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            while let Some(IncomingRequest { connection, request, send, recv }) = peer.incoming.recv().await {
                let Request::Measure(measure) = request else { panic!("{request:?}") };
                tokio::spawn(meter.clone().answer(connection, trust, measure, send, recv));
            }
        })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn both_ways_are_measured_between_devices_that_know_each_other() {
        let (a, b) = (Peer::new("a"), Peer::new("b"));
        let connection = a.knows(&b).links.get(b.id).await.unwrap();
        let task = answering(b, Arc::default(), Trust::Known);
        let network = ask(&connection, "b").await.unwrap();
        assert!(network.to_peer > 1e6 && network.from_peer > 1e6, "{network:?}");
        assert!(connection.is_live());
        task.abort();
    }

    /// Filler costs as much as content; nobody unknown may make a device send or take it.
    #[tokio::test]
    async fn a_stranger_is_refused_and_a_second_asker_waits_for_its_turn() {
        let (a, b) = (Peer::new("a"), Peer::new("b"));
        let connection = a.knows(&b).links.get(b.id).await.unwrap();
        let task = answering(b, Arc::default(), Trust::Stranger);
        assert!(matches!(ask(&connection, "b").await, Err(BenchError::Stranger(name)) if name == "b"));
        assert!(from_peer(&connection).await.is_err_and(|error| error.close_code() == Some(CloseCode::Refused)));
        assert!(connection.is_live());
        task.abort();

        let (a, b) = (Peer::new("a"), Peer::new("b"));
        let connection = a.knows(&b).links.get(b.id).await.unwrap();
        let meter = Arc::new(Meter::default());
        let _turn = Turn::take(&meter.answering).unwrap();
        let task = answering(b, meter.clone(), Trust::Verified);
        assert!(matches!(ask(&connection, "b").await, Err(BenchError::Busy(_))));
        assert!(meter.ask().is_some());
        task.abort();
    }

    /// An asker that wants an hour gets what an answerer gives anybody.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_ends_by_itself() {
        let (a, b) = (Peer::new("a"), Peer::new("b"));
        let connection = a.knows(&b).links.get(b.id).await.unwrap();
        let task = answering(b, Arc::default(), Trust::Known);
        let (_send, mut recv) = connection.open_request(&Request::Measure(Measure::FromAnswerer(u32::MAX))).await.unwrap();
        let start = Instant::now();
        read_filler(&mut recv, start + Duration::from_secs(60)).await;
        assert!(start.elapsed() < LONGEST + PATIENCE, "{:?}", start.elapsed());
        task.abort();
    }
}
