//! What the origin of a swarm told of its units, signed: so that others can tell it on once the origin is away.

use super::known::Known;
use shoal_proto::{
    RangeSet,
    share::Few,
    swarm::message::{MAX_HASHES, Signature, SignedHashes, SwarmId, UnitHashes, signed_text},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Signed hashes in the order in which they were told.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Batches>);

#[derive(Debug, Default)]
struct Batches {
    all: Vec<Arc<SignedHashes>>,
    units: RangeSet,
}

impl Told {
    /// Signs what became known since the last time: the origin does.
    pub(crate) fn seal(&self, swarm: &SwarmId, known: &Known, sign: impl Fn(&[u8]) -> Signature) {
        let mut batches = self.lock();
        let known_now = known.units();
        let new: Vec<u32> = known_now.ranges().flat_map(|run| batches.units.missing(run).collect::<Vec<_>>()).flatten().collect();
        let (mut part, mut count) = (Vec::new(), 0);
        let close = |part: &mut Vec<UnitHashes>, batches: &mut Batches| {
            // Counted below.
            let hashes = Few::try_from(std::mem::take(part)).unwrap_or_default();
            let signature = sign(&signed_text(swarm, &hashes));
            batches.all.push(Arc::new(SignedHashes { hashes, signature }));
        };
        for unit in new {
            let Some(hashes) = known.get(unit).and_then(|hashes| Few::try_from(hashes.into_vec()).ok()) else { continue };
            // A unit of folders alone has no hash, and takes its place all the same.
            if count + hashes.len() + 1 > MAX_HASHES {
                count = 0;
                close(&mut part, &mut batches);
            }
            count += hashes.len() + 1;
            batches.units.insert_one(unit);
            part.push(UnitHashes { unit, hashes });
        }
        if !part.is_empty() {
            close(&mut part, &mut batches);
        }
    }

    /// Keeps what the origin said, if there is something new in it.
    pub(crate) fn keep(&self, told: SignedHashes) {
        let mut batches = self.lock();
        if told.hashes.iter().any(|of_unit| !batches.units.contains(of_unit.unit)) {
            told.hashes.iter().for_each(|of_unit| batches.units.insert_one(of_unit.unit));
            batches.all.push(Arc::new(told));
        }
    }

    /// All but the first `at`.
    pub(crate) fn after(&self, at: usize) -> Vec<Arc<SignedHashes>> {
        self.lock().all.get(at..).unwrap_or_default().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Batches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
