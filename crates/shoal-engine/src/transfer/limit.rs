//! Rate limits that people set: one token bucket for each direction, shared by all transfers.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// What may pass at once after a pause: keeps short messages from waiting.
const BURST: Duration = Duration::from_millis(100);

/// What is given away at once, in bytes, unless that takes longer than [`BURST`]: one that gives up half-way wastes no more.
const MAX_SHARE: u64 = 64 * 1024;

/// A limit in bytes a second that can be changed while in use.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    bucket: Mutex<Option<Bucket>>,
    changed: Notify,
}

#[derive(Debug)]
struct Bucket {
    rate: u64,
    /// When everything that was let through will have been paid for.
    paid_at: Instant,
}

impl Limit {
    /// Sets the limit; `None` takes it away.
    pub(crate) fn set(&self, rate: Option<u64>) {
        let bucket = rate.map(|rate| Bucket { rate: rate.max(1), paid_at: Instant::now() });
        *self.bucket.lock().unwrap_or_else(PoisonError::into_inner) = bucket;
        self.changed.notify_waiters();
    }

    /// Waits until some bytes may pass, and says how many: between one and `wanted` (at least one) of them.
    ///
    /// Waiting can be given up at any time. Whoever waits when the limit is changed waits by the new one: with a low limit that
    /// is lifted nobody sleeps on.
    pub(crate) async fn share(&self, wanted: usize) -> usize {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let until = {
                let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(bucket) = bucket.as_mut() else { return wanted };
                let now = Instant::now();
                if bucket.paid_at <= now {
                    let most = (bucket.rate / 10).clamp(1, MAX_SHARE); // a tenth of a second's: [`BURST`]
                    let share = wanted.min(usize::try_from(most).unwrap_or(wanted)).max(1);
                    let cost = Duration::from_secs_f64(share as f64 / bucket.rate as f64);
                    bucket.paid_at = bucket.paid_at.max(now.checked_sub(BURST).unwrap_or(now)) + cost;
                    return share;
                }
                bucket.paid_at
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = changed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_passes_keeps_to_the_limit() {
        let limit = Limit::default();
        limit.set(Some(1_000_000));
        let start = Instant::now();
        let mut passed = 0;
        while passed < 5_000_000 {
            passed += limit.share(50_000).await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((4.8..5.1).contains(&took), "{took}");
        limit.set(None);
        assert_eq!(limit.share(usize::MAX).await, usize::MAX);
    }

    /// Somebody who set a limit too low lifts it, and expects to see it at once.
    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_lifted_holds_nobody() {
        let limit = Limit::default();
        limit.set(Some(1));
        for _ in 0..10 {
            limit.share(1_000_000).await;
        }
        let start = Instant::now();
        let waiting = async { limit.share(1_000_000).await };
        let lifting = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            limit.set(None);
        };
        let (share, ()) = tokio::join!(waiting, lifting);
        assert_eq!((share, start.elapsed()), (1_000_000, Duration::from_millis(10)));
    }
}
