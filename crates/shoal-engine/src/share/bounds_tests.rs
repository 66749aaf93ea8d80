//! What askers leave behind at an owner: nothing that grows, and nothing that outlives their right.
#![allow(clippy::unwrap_used)]

use super::peers_tests::{Peer, end, names, pair, the_share};
use crate::{Audience, Consent, Limits, ShareChange, State, transfer::shared::MAX_SHARED_HISTORY};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The list of names is what a right is about, too.
#[tokio::test(flavor = "multi_thread")]
async fn one_whose_right_went_while_it_was_away_is_offered_nothing_when_it_is_back() {
    let (owner, asker) = pair().await;
    owner.write("large", &vec![1; 40_000_000]);
    owner.share(Audience::Known).await;
    owner.engine.set_trust(asker.id(), crate::Trust::Known).await.unwrap();
    asker.engine.set_limits(Limits { up: None, down: Some(4_000_000) }).await.unwrap();
    let share = the_share(&asker, &owner).await;
    asker.engine.fetch(owner.id(), &share, None, names(&["large"]), Consent::default()).await.unwrap();
    asker.until("it moves", |row| row.bytes_done > 0).await;

    let Peer { engine, place } = asker;
    engine.shutdown().await;
    drop(engine);
    owner.until("the owner noticed", |row| row.state == State::Interrupted).await;
    owner.change(ShareChange { audience: Some(Audience::Verified), ..ShareChange::default() }).await;
    let asker = Peer::at(place, "asker").await;
    let address = owner.engine.addresses().first().unwrap().to_string();
    asker.engine.find(&address, SECOND).await.unwrap();
    let (row, _) = owner.until("it is over for the owner", |row| row.state == State::Cancelled).await;
    let (fetched, _) = asker.until("and for the asker", |row| row.state == State::Cancelled).await;
    assert!(row.bytes_done < 40_000_000 && fetched.error.unwrap().contains("does not offer"), "{row:?}");
    end([owner, asker]).await;
}

/// Whoever may read asks as often as it likes; what the owner did itself stays in its history all the same.
#[tokio::test(flavor = "multi_thread")]
async fn fetches_that_are_over_leave_no_list_behind_and_are_bounded_in_the_history() {
    let (owner, asker) = pair().await;
    owner.write("file.txt", b"text");
    owner.share(Audience::Everyone).await;
    let share = the_share(&asker, &owner).await;
    let most = MAX_SHARED_HISTORY as usize;
    for _ in 0..most + 20 {
        asker.engine.fetch(owner.id(), &share, None, names(&["file.txt"]), Consent::default()).await.unwrap();
        asker.until("it came", |row| row.state == State::Finished).await;
    }
    owner.until("it is over for the owner", |row| row.state == State::Finished).await;
    let kept = owner.engine.transfers(true).await.unwrap();
    assert!((most - 1..=most + 2).contains(&kept.len()), "{}", kept.len());
    for row in kept {
        assert!(owner.engine.inner.transfers.database.manifest(row.id).unwrap().is_none(), "{row:?}");
    }
    end([owner, asker]).await;
}
