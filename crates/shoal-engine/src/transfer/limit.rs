//! Rate limits that people set: one token bucket for each direction, shared by all transfers.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What may pass at once after a pause: keeps short messages from waiting.
const BURST: Duration = Duration::from_millis(100);

/// A limit in bytes a second that can be changed while in use.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    bucket: Mutex<Option<Bucket>>,
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
    }

    /// Waits until `bytes` may pass.
    pub(crate) async fn pass(&self, bytes: usize) {
        let until = {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(bucket) = bucket.as_mut() else { return };
            let now = Instant::now();
            let cost = Duration::from_secs_f64(bytes as f64 / bucket.rate as f64);
            bucket.paid_at = bucket.paid_at.max(now.checked_sub(BURST).unwrap_or(now)) + cost;
            bucket.paid_at
        };
        tokio::time::sleep_until(until).await;
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
        for _ in 0..100 {
            limit.pass(50_000).await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((4.8..5.1).contains(&took), "{took}");
        limit.set(None);
        limit.pass(usize::MAX).await;
    }
}
