//! Keeps the indexes of all shares up to date, on one thread: reads what is new, re-reads what changed, looks through everything now and
//! then since watchers miss things, and hashes when nothing else is to be done. What one share needs is in [`super::work`].

use super::{calm::Calm, kept::Kept, watcher::Heard, work::Work};
use crate::store::database::Database;
use shoal_proto::share::ShareId;
use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Folders of one share that may be told as changed before they are looked at; more of them count as all.
const MAX_HEARD: usize = 4096;

/// How long the thread sleeps at most, so that a clock that jumps does no harm.
const MAX_SLEEP: Duration = Duration::from_secs(5);

/// Keeps indexes until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// Where the thread finds what is new.
#[derive(Debug, Default)]
pub(super) struct Desk {
    inbox: Mutex<Inbox>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Inbox {
    orders: Vec<Order>,
    heard: HashMap<ShareId, News>,
    stop: bool,
}

#[derive(Debug)]
enum Order {
    Keep(Arc<Kept>),
    Leave(ShareId),
    ReadAgain(ShareId),
}

/// What a watcher heard of one share.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) lost: bool,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(database: Arc<Database>, calm: Calm) -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let for_thread = desk.clone();
        let thread = thread::Builder::new().name("shares".to_owned()).spawn(move || run(&for_thread, &database, calm))?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Keeps the index of one more share.
    pub(crate) fn keep(&self, kept: Arc<Kept>) {
        self.order(Order::Keep(kept));
    }

    /// A share is no more.
    pub(crate) fn leave(&self, share: ShareId) {
        self.order(Order::Leave(share));
    }

    /// Something else is left out of a share from now on.
    pub(crate) fn read_again(&self, share: ShareId) {
        self.order(Order::ReadAgain(share));
    }

    fn order(&self, order: Order) {
        self.desk.inbox().orders.push(order);
        self.desk.wake.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.desk.inbox().stop = true;
        self.desk.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps indexes panicked");
        }
    }
}

impl Desk {
    pub(super) fn hear(&self, share: ShareId, heard: Heard) {
        let mut inbox = self.inbox();
        let news = inbox.heard.entry(share).or_default();
        match heard {
            Heard::Changed(folder) if !news.lost => _ = news.folders.insert(folder),
            Heard::Changed(_) => {}
            Heard::Lost => news.lost = true,
        }
        if news.folders.len() > MAX_HEARD {
            news.lost = true;
        }
        if news.lost {
            news.folders.clear();
        }
        self.wake.notify_one();
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is new; waits for it until a moment. `None`: the end.
    fn take(&self, until: Option<Instant>) -> Option<(Vec<Order>, HashMap<ShareId, News>)> {
        let is_nothing = |inbox: &mut Inbox| inbox.orders.is_empty() && inbox.heard.is_empty() && !inbox.stop;
        let mut inbox = self.inbox();
        if let Some(until) = until {
            let wait = until.saturating_duration_since(Instant::now()).min(MAX_SLEEP);
            inbox = self.wake.wait_timeout_while(inbox, wait, is_nothing).unwrap_or_else(PoisonError::into_inner).0;
        }
        (!inbox.stop).then(|| (std::mem::take(&mut inbox.orders), std::mem::take(&mut inbox.heard)))
    }
}

fn run(desk: &Arc<Desk>, database: &Database, mut calm: Calm) {
    let mut works: HashMap<ShareId, Work> = HashMap::new();
    // When there is something to do next; `None`: at once.
    let mut next = Some(Instant::now());
    while let Some((orders, heard)) = desk.take(next) {
        for order in orders {
            match order {
                Order::Keep(kept) => _ = works.insert(kept.id, Work::new(kept, desk)),
                Order::Leave(share) => _ = works.remove(&share),
                Order::ReadAgain(share) => works.get_mut(&share).into_iter().for_each(Work::read_again),
            }
        }
        for (share, news) in heard {
            // One that was left may still be heard of.
            if let Some(work) = works.get_mut(&share) {
                work.hear(news, Instant::now());
            }
        }
        let begun = Instant::now();
        next = Some(begun + MAX_SLEEP);
        for work in works.values_mut() {
            // `None` sorts before any moment.
            next = next.min(work.step(Instant::now(), database, &mut calm));
        }
        // A transfer comes first: half of the time is its own.
        if next.is_none() && calm.moves() {
            next = Some(Instant::now() + begun.elapsed());
        }
    }
}
