//! Looking at files of another device, over real connections.
#![allow(clippy::unwrap_used)]

use super::peers_tests::{Peer, end, pair};
use crate::{Audience, LookError, ShareChange, SharedBytes};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use shoal_proto::RelativePath;
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

fn content(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8 ^ seed).collect()
}

async fn read(asker: &Peer, owner: &Peer, path: &str, offset: u64, len: u32) -> Result<SharedBytes, LookError> {
    asker.engine.read_shared(owner.id(), "things", RelativePath::parse(path).unwrap(), offset, len).await
}

#[tokio::test(flavor = "multi_thread")]
async fn any_part_in_any_order_is_what_the_file_holds() {
    let (owner, asker) = pair().await;
    let whole = content(5 * MIB + 17, 0);
    owner.write("film.mp4", &whole);
    owner.write("empty", b"");
    owner.share(Audience::Everyone).await;
    assert_eq!(read(&asker, &owner, "empty", 0, 10).await.unwrap().bytes, "");
    // From the beginning to the end, as it is saved; then by leaps, as it is played.
    let mut at = 0;
    while at < whole.len() {
        let part = read(&asker, &owner, "film.mp4", at as u64, 700_001).await.unwrap();
        assert_eq!(part.version.size, whole.len() as u64);
        assert!(!part.bytes.is_empty() && part.bytes == whole[at..(at + 700_001).min(whole.len())], "at {at}");
        at += part.bytes.len();
    }
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let tree = (0..whole.len() + MIB, 0..2 * MIB).new_tree(&mut runner).unwrap();
        let (offset, len) = tree.current();
        let part = read(&asker, &owner, "film.mp4", offset as u64, len as u32).await.unwrap();
        let end = (offset + len.min(crate::MAX_READ as usize)).min(whole.len());
        assert!(part.bytes == whole.get(offset..end).unwrap_or_default(), "{len} at {offset}");
    }
    assert_eq!(read(&asker, &owner, "empty", 0, 10).await.unwrap().bytes, "");
    assert_eq!(read(&asker, &owner, "film.mp4", u64::MAX, 10).await.unwrap().bytes, "");
    end([owner, asker]).await;
}

/// A player that has half of one film must not be given the other half of another.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_another_version_or_an_error_and_never_a_mix() {
    let (owner, asker) = pair().await;
    let (before, after) = (content(20 * MIB, 1), content(20 * MIB, 2));
    owner.write("a.bin", &before);
    owner.share(Audience::Everyone).await;
    let first = read(&asker, &owner, "a.bin", 0, 1000).await.unwrap();
    owner.write("a.bin", &after);
    let mut seen_after = false;
    for step in 0..40_u64 {
        let offset = step * MIB as u64 / 2;
        let at = offset as usize;
        match read(&asker, &owner, "a.bin", offset, 400_000).await {
            Ok(part) if part.version == first.version => assert!(part.bytes == before[at..at + 400_000], "at {at}"),
            Ok(part) => {
                assert!(part.bytes == after[at..at + 400_000], "at {at}");
                seen_after = true;
            }
            Err(LookError::Changed { what, .. }) => assert_eq!(what, "a.bin"),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(seen_after);
    end([owner, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_shared_is_not_read_and_what_is_taken_back_ends_within_a_second() {
    let (owner, asker) = pair().await;
    owner.write("a.bin", &content(80 * MIB, 1));
    for name in ["x.tmp", ".hidden"] {
        owner.write(name, b"secret");
    }
    std::fs::write(owner.place.path().join("secret"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(owner.place.path().join("secret"), owner.place.path().join("root/link")).unwrap();
    owner.share(Audience::Everyone).await;
    for path in ["missing", "x.tmp", ".hidden", "link", "a.bin/b"] {
        let refused = read(&asker, &owner, path, 0, 10).await;
        assert!(matches!(refused, Err(LookError::NotShared { .. })), "{path}: {refused:?}");
    }
    read(&asker, &owner, "a.bin", 0, 10).await.unwrap();
    read(&asker, &owner, "a.bin", MIB as u64, 10).await.unwrap();
    let begun = Instant::now();
    owner.change(ShareChange { paused: Some(true), ..ShareChange::default() }).await;
    // As fast as one can ask; what has come already may still be given.
    let mut offset = 2 * MIB as u64;
    while read(&asker, &owner, "a.bin", offset % (80 * MIB as u64), 10).await.is_ok() {
        offset += 7 * MIB as u64;
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    end([owner, asker]).await;
}
