//! A hostile sender of content: what it says beyond what was asked for, or other than what was promised, ends it, and nothing of
//! it gets a name.

use super::{Scene, accepted, fetch, files, id, outcome, run};
use shoal_proto::{
    Hash, PieceIndex,
    manifest::EntryIndex,
    message::{CloseCode, EntryFailure, Failure, Frame, FromReceiver},
};
use shoal_tests::{
    data::Noise,
    figure,
    hostile::{Ended, framed, tree, tree::Raw},
};

/// What is written in answer to a fetch; what must come of it.
struct Lie {
    what: &'static str,
    entries: Vec<Raw>,
    answer: Vec<u8>,
    expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The connection is closed for it.
    Violation,
    /// The transfer fails, and the sender hears why.
    Wrong,
    /// The file fails alone.
    FileFails,
}

/// A block with its bytes.
fn block(entry: u32, piece: u32, content: &[u8]) -> Vec<u8> {
    let (frame, bytes) = tree::block(entry, piece, content);
    [framed(&frame), bytes].concat()
}

/// A block whose head says what it likes.
fn head(entry: u32, piece: u32, hash: Hash, len: u32) -> Vec<u8> {
    framed(&Frame::Block { entry: EntryIndex(entry), piece: PieceIndex(piece), hash, len })
}

const GOOD: &[u8] = b"what was offered";

fn lies(large: &[u8]) -> Vec<Lie> {
    let one = || vec![Raw::file("file", GOOD.len() as u64)];
    let two = || vec![Raw::file("file", GOOD.len() as u64), Raw::file("other", GOOD.len() as u64)];
    let of_pieces = || vec![Raw::file("large", large.len() as u64)];
    let end = || framed(&Frame::End);
    let root = |entry, content: &[u8]| framed(&Frame::Root { entry: EntryIndex(entry), root: Hash::of(content) });
    let failed = |entry| framed(&Frame::Failed { entry: EntryIndex(entry), reason: EntryFailure::Gone });
    let lie = |what, entries, answer: Vec<Vec<u8>>, expected| Lie { what, entries, answer: answer.concat(), expected };
    let len = GOOD.len() as u32;
    vec![
        lie(
            "more bytes than offered, and said so",
            one(),
            vec![head(0, 0, Hash::of(GOOD), len + 1), vec![0; 17]],
            Expected::Violation,
        ),
        lie("a length of -1", one(), vec![head(0, 0, Hash::of(GOOD), u32::MAX)], Expected::Violation),
        lie("fewer bytes than offered, and said so", one(), vec![head(0, 0, Hash::of(GOOD), len - 1)], Expected::Violation),
        lie("more bytes than said", one(), vec![block(0, 0, GOOD), vec![0xff; 1000]], Expected::Violation),
        lie("fewer bytes than said", one(), vec![head(0, 0, Hash::of(GOOD), len), GOOD[1..].to_vec()], Expected::Violation),
        lie(
            "other bytes than hashed",
            one(),
            vec![head(0, 0, Hash::of(GOOD), len), b"something else!!".to_vec(), end()],
            Expected::Wrong,
        ),
        lie(
            "other bytes than promised",
            vec![Raw::file("file", 16).with_root(Hash::of(b"the promise"))],
            vec![block(0, 0, b"not the promise!"), end()],
            Expected::Wrong,
        ),
        lie("an entry that was not asked for", one(), vec![block(1, 0, GOOD), end()], Expected::Violation),
        lie("an entry that there is not", one(), vec![block(u32::MAX, 0, GOOD), end()], Expected::Violation),
        lie("a piece that there is not", one(), vec![head(0, 1, Hash::of(GOOD), len), end()], Expected::Violation),
        lie("an entry twice", two(), vec![block(0, 0, GOOD), block(0, 0, GOOD), end()], Expected::Violation),
        lie(
            "the same, where nothing was had",
            vec![Raw::file("never seen", 16)],
            vec![framed(&Frame::Same { entry: EntryIndex(0), piece: PieceIndex(0) }), end()],
            Expected::Violation,
        ),
        lie("a root that was not asked for", one(), vec![root(0, GOOD)], Expected::Violation),
        lie("a root before the pieces", of_pieces(), vec![root(0, b"anything")], Expected::Violation),
        lie("a failure of what was not asked for", one(), vec![failed(3)], Expected::Violation),
        lie("a failure twice", two(), vec![failed(0), failed(0)], Expected::Violation),
        lie("an end before the answers", two(), vec![block(0, 0, GOOD), end()], Expected::Violation),
        lie("nothing but an end", one(), vec![end()], Expected::Violation),
        lie("a frame of -1 bytes", one(), vec![vec![0xff; 4]], Expected::Violation),
        lie("a frame that is none", one(), vec![vec![3, 0, 0, 0, 9, 9, 9]], Expected::Violation),
        lie("a frame too long", one(), vec![vec![0, 0, 1, 0], vec![0; 65_536]], Expected::Violation),
        lie("an offer where a frame is due", one(), vec![framed(&FromReceiver::WantManifest)], Expected::Violation),
        lie("a failure, honestly said", one(), vec![failed(0), end()], Expected::FileFails),
    ]
}

#[test]
#[ignore = "needs root and ip netns"]
fn content_other_than_what_was_asked_for_gets_no_name() {
    run(async {
        let scene = Scene::new("all").await;
        let mut large = vec![0; 600 << 10];
        Noise::new(5).fill(&mut large);
        let (mut violations, mut others) = (0, 0);
        for (number, Lie { what, entries, answer, expected }) in lies(&large).into_iter().enumerate() {
            let wire = scene.intruder.with_key(500 + number as u64).greet(scene.at).await.unwrap();
            let mut stream = accepted(&wire, id(number as u64), &entries).await;
            let (_, mut fetched) = fetch(&wire).await.unwrap();
            fetched.raw(&answer).await;
            fetched.finish();
            match expected {
                Expected::Violation => {
                    assert_eq!(wire.closed_within(super::SOON).await, Ended::Closed(CloseCode::Violation), "{what}");
                    violations += 1;
                }
                Expected::Wrong => {
                    assert_eq!(outcome(&mut stream).await, Ok(FromReceiver::Failed(Failure::Verification)), "{what}");
                    others += 1;
                }
                Expected::FileFails => {
                    let end = outcome(&mut stream).await;
                    assert!(matches!(end, Ok(FromReceiver::Finished(progress)) if progress.files_failed == 1), "{what}: {end:?}");
                    others += 1;
                }
            }
            // What came before the lie may be there, if it is what was offered.
            let wrong: Vec<_> = files(&scene.victim.inbox()).into_iter().filter(|(_, content)| content != GOOD).collect();
            assert_eq!(wrong, Vec::new(), "{what}: something has a name");
            wire.close();
        }

        // Every piece fits its hash, but the whole is not what the sender says it is.
        let wire = scene.intruder.with_key(600).greet(scene.at).await.unwrap();
        let mut stream = accepted(&wire, id(600), &[Raw::file("large", large.len() as u64)]).await;
        let end = loop {
            tokio::select! {
                fetched = fetch(&wire) => {
                    let (fetched, mut answer) = fetched.unwrap();
                    for (entry, piece) in tree::asked(&fetched) {
                        match piece {
                            Some(piece) => answer.raw(&block(entry, piece, &large)).await,
                            None => answer.say(&Frame::Root { entry: EntryIndex(entry), root: Hash::of(b"another") }).await,
                        }
                    }
                    answer.say(&Frame::End).await;
                    answer.finish();
                }
                end = outcome(&mut stream) => break end,
            }
        };
        assert!(
            matches!(end, Ok(FromReceiver::Finished(progress)) if progress.files_failed == 1),
            "a root that does not fit: {end:?}"
        );
        assert!(!scene.victim.inbox().join("large").exists(), "a root that does not fit");
        figure(
            "lies about content",
            format!("{violations} closed as violations, {} ended otherwise, none has a name", others + 1),
        );
        scene.check("lies about content").await;
    });
}
