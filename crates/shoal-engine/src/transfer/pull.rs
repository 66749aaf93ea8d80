//! Pulling: fetch streams on one side, the writer on the other, a bounded queue between them.

use super::{
    State, added,
    fetch::{AllDone, Asking, FetchError, Fetcher, QUEUE_LEN, Queued, UNRECORDED_KIB},
    live::Live,
    several::{Giving, give_on, join_swarm, look_around, take_from_holders},
    transfers::{Transfers, blocking},
    write::{WriteError, Writer},
};
use crate::{
    connection::Connection,
    store::{commit::Clash, database::DatabaseError, disk::DiskError, partial::Partial},
    swarm::taking::Taking,
};
use shoal_proto::{
    Manifest, RangeSet,
    message::{CloseCode, Failure, Obstacle, Progress},
    plan::Plan,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, mpsc, watch},
    task::{JoinError, JoinHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Fetch streams at once: the next answer is on its way while one is written.
const STREAMS: usize = 3;

/// On a long way there is one more for every so much of a round trip: what is on its way is asked for by then.
const STREAM_FOR_EACH: Duration = Duration::from_millis(5);
const MAX_STREAMS: usize = 12;

/// What is written but not recorded is recorded after this long without news.
const FLUSH_AFTER: Duration = Duration::from_millis(250);

/// A transfer that got nothing for this long gives its place to one that waits for it, and queues again.
const STALLED: Duration = Duration::from_secs(20);

/// Messages taken by the writer at once.
const WRITE_AT_ONCE: usize = 256;

/// Why pulling ended.
#[derive(Debug)]
pub(crate) enum PullEnd {
    /// Everything wanted is settled and recorded.
    Finished,
    /// Asked to.
    Stopped,
    /// The connection.
    Lost,
    /// The sender does not know the transfer now.
    Gone,
    /// The drive; it can go on later.
    Stuck(Obstacle, String),
    /// For good.
    Failed(Failure, String),
}

/// Of whom a transfer is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// The sender.
    Alone,
    /// The sender and all who take the same.
    Swarm,
    /// The sender and all who share the same files.
    Holders,
}

/// Pulling that goes on in a task of its own.
#[derive(Debug)]
pub(crate) struct Pull {
    task: JoinHandle<PullEnd>,
    stop: CancellationToken,
    course: watch::Receiver<Course>,
}

impl Pull {
    /// Begins.
    pub(crate) fn start(transfers: Arc<Transfers>, live: Arc<Live>, connection: Connection, course: Course) -> Self {
        let stop = transfers.cancel.child_token();
        let (planned, course) = watch::channel(course);
        let pull = pull(transfers.clone(), live, connection, stop.clone(), planned);
        let task = transfers.tasks.spawn_on(pull, transfers.links.net());
        Self { task, stop, course }
    }

    /// It is taken from others besides the sender.
    pub(crate) fn is_from_several(&self) -> bool {
        *self.course.borrow() != Course::Alone
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> PullEnd {
        match (&mut self.task).await {
            Ok(end) => end,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Stops it; what came is written and recorded first.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        self.ended().await;
    }
}

async fn pull(
    transfers: Arc<Transfers>,
    live: Arc<Live>,
    connection: Connection,
    stop: CancellationToken,
    planned: watch::Sender<Course>,
) -> PullEnd {
    let _slot = tokio::select! {
        () = stop.cancelled() => return PullEnd::Stopped,
        slot = transfers.slot() => slot,
    };
    let (database, id) = (transfers.database.clone(), live.id);
    let manifest_len = match blocking(move || database.manifest_len(id)).await {
        Ok(len) => len.unwrap_or(0),
        Err(error) => return write_end(error.into()),
    };
    let _memory = tokio::select! {
        () = stop.cancelled() => return PullEnd::Stopped,
        memory = transfers.manifest_memory(manifest_len) => memory,
    };
    let (opening, row) = (transfers.clone(), live.clone());
    let Opened { mut writer, wanted } = match blocking(move || open(&opening, &row)).await {
        Ok(opened) => opened,
        Err(error) => return write_end(error),
    };
    live.row().receiving = Arc::downgrade(&writer.shared);
    live.row().advance(writer.progress());
    transfers.enter(&live, State::Active, None);
    let (queue, mut queued) = mpsc::channel(QUEUE_LEN);
    let asking = Arc::new(Asking::default());
    let fetcher = Arc::new(Fetcher {
        transfers: transfers.clone(),
        connection: connection.clone(),
        shared: writer.shared.clone(),
        queue,
        room: Arc::new(Semaphore::new(UNRECORDED_KIB)),
        asking: asking.clone(),
    });
    let changed = Arc::new(Notify::new());
    let mut streams = JoinSet::new();
    let (outcomes, mut told) = mpsc::unbounded_channel();
    let control = live.control.subscribe();
    let mut course = *planned.borrow();
    // Others may have the same, and be asked before anything is on its way.
    let first = if course == Course::Alone { look_around(&transfers, &live, &fetcher.shared).await } else { None };
    if first.is_some() {
        course = Course::Holders;
        planned.send_replace(course);
    }
    let swarm = if course == Course::Swarm { join_swarm(&transfers, &live, &fetcher).await } else { None };
    match &swarm {
        Some(content) => {
            let (content, changed) = (content.clone(), changed.clone());
            streams.spawn(async move { Taking::run(fetcher, content, None, control, &mut told, changed).await });
        }
        None if course == Course::Holders => {
            let ticket = live.row().record.ticket.clone();
            streams.spawn(take_from_holders(fetcher, ticket, first, control, told, changed.clone()));
        }
        None => {
            for _ in 0..streams_over(connection.rtt()) {
                streams.spawn(fetch_all(fetcher.clone(), changed.clone()));
            }
            drop(fetcher);
        }
    }
    let giving = swarm.map(|content| Giving::new(transfers.clone(), content));
    let mut end = None;
    let mut last_news = Instant::now();
    loop {
        let mut batch: Vec<Queued> = Vec::new();
        let (mut stopped, mut idle) = (false, false);
        tokio::select! {
            () = stop.cancelled(), if end.is_none() => {
                end = Some(PullEnd::Stopped);
                stopped = true;
            }
            Some(ended) = streams.join_next(), if end.is_none() => {
                end = stream_end(ended, &connection);
                stopped = end.is_some();
            }
            () = asking.none.notified() => {}
            received = tokio::time::timeout(FLUSH_AFTER, queued.recv_many(&mut batch, WRITE_AT_ONCE)) => match received {
                Ok(0) => break,
                Ok(_) => last_news = Instant::now(),
                Err(_) if end.is_none() && last_news.elapsed() >= STALLED && transfers.is_slot_wanted() => {
                    end = Some(PullEnd::Stopped);
                    stopped = true;
                }
                Err(_) => idle = true,
            },
        }
        if stopped {
            // Dropping them ends their streams and closes the queue; what is in it is still written.
            streams.abort_all();
            while streams.join_next().await.is_some() {}
            continue;
        }
        let last = queued.is_empty() && asking.is_none();
        let (back, result) = blocking(move || {
            let result = write_batch(&mut writer, batch, last || idle);
            (writer, result)
        })
        .await;
        writer = back;
        live.row().advance(writer.progress());
        for outcome in writer.take_outcomes() {
            // Nobody hears it who does not swarm.
            let _ = outcomes.send(outcome);
        }
        changed.notify_waiters();
        if let Err(error) = result {
            streams.abort_all();
            while streams.join_next().await.is_some() {}
            return finish_early(writer, &transfers, &live, write_end(error)).await;
        }
    }
    // A stream may have failed in the very moment in which the queue closed.
    while let Some(ended) = streams.join_next().await {
        end = end.or(stream_end(ended, &connection));
    }
    match end {
        Some(end) => finish_early(writer, &transfers, &live, end).await,
        None => {
            let received = writer.shared.clone();
            let (result, progress) = blocking(move || (writer.finish(&wanted), writer.progress())).await;
            transfers.keep(&live, |row| row.advance(progress));
            if result.is_ok() {
                match giving {
                    Some(giving) => giving.go_on(),
                    None => give_on(&transfers, &live, received).await,
                }
            }
            result.map_or_else(write_end, |()| PullEnd::Finished)
        }
    }
}

/// Records what can be recorded.
async fn finish_early(mut writer: Writer, transfers: &Transfers, live: &Live, end: PullEnd) -> PullEnd {
    let (result, progress) = blocking(move || (writer.checkpoint(), writer.progress())).await;
    transfers.keep(live, |row| row.advance(progress));
    match (result, end) {
        (Err(error), PullEnd::Stopped | PullEnd::Lost) => write_end(error),
        (_, end) => end,
    }
}

/// With `pause`, everything is recorded: nothing else is to be done now.
fn write_batch(writer: &mut Writer, batch: Vec<Queued>, pause: bool) -> Result<(), WriteError> {
    for (arrived, room) in batch {
        writer.take(arrived, room)?;
        if writer.is_due() {
            writer.record()?;
        }
    }
    if pause && writer.has_news() { writer.checkpoint() } else { Ok(()) }
}

/// How many fetch streams a way of this round trip needs. What they may ask for together is bounded by
/// [`UNRECORDED_KIB`].
pub(super) fn streams_over(rtt: Duration) -> usize {
    let more = rtt.as_micros() / STREAM_FOR_EACH.as_micros();
    usize::try_from(more).unwrap_or(MAX_STREAMS).saturating_add(STREAMS).min(MAX_STREAMS)
}

/// Takes work from the plan until there is none.
pub(super) async fn fetch_all(fetcher: Arc<Fetcher>, changed: Arc<Notify>) -> Result<(), FetchError> {
    loop {
        let news = changed.notified();
        tokio::pin!(news);
        // From here on no change is missed.
        news.as_mut().enable();
        match fetcher.next_work() {
            Ok(Some(work)) => fetcher.fetch(work).await?,
            Ok(None) => news.await,
            Err(AllDone) => return Ok(()),
        }
    }
}

struct Opened {
    writer: Writer,
    wanted: RangeSet,
}

/// Takes up where the last session left off.
fn open(transfers: &Transfers, live: &Live) -> Result<Opened, WriteError> {
    let record = live.row().record.clone();
    let manifest = transfers.database.manifest(live.id)?.ok_or(DatabaseError::Missing)?;
    let into = record.into.clone().unwrap_or_else(|| transfers.inbox());
    let stuck = |error: DiskError| WriteError::Stuck(error);
    let target = Arc::new(added::target(&record, &into).map_err(stuck)?);
    let kept = transfers.database.kept(live.id)?;
    let settled = count_settled(&manifest, &kept.settled, &kept.failures, record.bytes_moved);
    let mut plan = Plan::new(manifest.clone(), kept.wanted.clone(), kept.settled);
    // A partial file that is gone (committed in the moment of a kill, or removed by somebody) is made anew, and nothing of it counts.
    let (mut there, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for (index, first, hashes) in &kept.verified {
        let Some(entry) = manifest.entry(*index) else { continue };
        if gone.contains(index) {
            continue;
        }
        if !there.contains(index) && !Partial::exists(&target, *index, &entry.path).map_err(stuck)? {
            gone.insert(*index);
            continue;
        }
        there.insert(*index);
        plan.restore(*index, *first, hashes);
    }
    if !gone.is_empty() {
        transfers.database.forget_pieces(live.id, &gone)?;
    }
    let clash = if record.replace { Clash::Replace } else { Clash::KeepBoth };
    let plan = Arc::new(Mutex::new(plan));
    let mut writer = Writer::new(live.id, transfers.database.clone(), target, clash, plan, there, settled);
    writer.failed_before(kept.failures);
    writer.take_up()?;
    Ok(Opened { writer, wanted: kept.wanted })
}

fn count_settled<T>(
    manifest: &Manifest,
    settled: &RangeSet,
    failures: &BTreeMap<shoal_proto::manifest::EntryIndex, T>,
    bytes_moved: u64,
) -> Progress {
    let mut progress = Progress { bytes_moved, ..Progress::default() };
    for run in settled.ranges() {
        let count = (run.end - run.start) as usize;
        let entries = manifest.entries_from(shoal_proto::manifest::EntryIndex(run.start)).take(count);
        for (index, entry) in entries.filter(|(_, entry)| entry.kind.is_file()) {
            if failures.contains_key(&index) {
                progress.files_failed += 1;
            } else {
                progress.files_done += 1;
                progress.bytes_done += entry.kind.size();
            }
        }
    }
    progress
}

/// What the end of one stream means for the rest; `None`: it had nothing more to do.
fn stream_end(ended: Result<Result<(), FetchError>, JoinError>, connection: &Connection) -> Option<PullEnd> {
    match ended {
        // Without a writer the writer says why.
        Ok(Ok(()) | Err(FetchError::WriterGone)) => None,
        Ok(Err(error)) => Some(fetch_end(&error, connection)),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn fetch_end(error: &FetchError, connection: &Connection) -> PullEnd {
    tracing::debug!(%error, "fetching ended");
    match error {
        FetchError::Stream(error) if error.close_code() == Some(CloseCode::UnknownTransfer) => PullEnd::Gone,
        FetchError::Stream(error) if !error.is_violation() => PullEnd::Lost,
        FetchError::Disk(error) => stuck_end(error),
        FetchError::WriterGone => PullEnd::Lost,
        FetchError::Stream(_) | FetchError::Violation => {
            connection.close(CloseCode::Violation);
            PullEnd::Failed(Failure::Other, "the other device does not keep to the protocol: update Shoal on both".to_owned())
        }
    }
}

fn write_end(error: WriteError) -> PullEnd {
    match error {
        WriteError::Stuck(error) => stuck_end(&error),
        // What is not recorded is not counted: it is compared or fetched again, once the database's disk can be written.
        WriteError::Record(ref full) if full.is_no_space() => PullEnd::Stuck(Obstacle::NoSpace, error.to_string()),
        WriteError::Record(DatabaseError::Sqlite(_)) => PullEnd::Stuck(Obstacle::CannotWrite, error.to_string()),
        WriteError::Wrong(_) => PullEnd::Failed(Failure::Verification, error.to_string()),
        WriteError::Record(_) => PullEnd::Failed(Failure::Other, error.to_string()),
    }
}

fn stuck_end(error: &DiskError) -> PullEnd {
    let obstacle = if matches!(error, DiskError::NoSpace { .. }) { Obstacle::NoSpace } else { Obstacle::CannotWrite };
    PullEnd::Stuck(obstacle, error.to_string())
}

/// Removes the partial files of a transfer that was given up.
pub(crate) async fn discard_partials(transfers: &Arc<Transfers>, live: &Arc<Live>) {
    let record = live.row().record.clone();
    let Some(into) = record.into.clone() else { return };
    let (database, id) = (transfers.database.clone(), live.id);
    blocking(move || {
        // A drive that is gone keeps them; they are hidden and marked with the transfer's id.
        let removed = added::target(&record, &into).and_then(|target| target.remove_partials());
        if let Err(error) = removed {
            tracing::warn!(%error, "partial files are left behind");
        }
        if let Err(error) = database.forget_verified(id) {
            tracing::warn!(%error, "verified pieces of a transfer that is over are still recorded");
        }
    })
    .await;
}
