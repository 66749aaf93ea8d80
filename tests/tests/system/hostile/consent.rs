//! Not one byte of content is written before consent, and consent covers exactly the manifest that was shown.

use super::{Scene, accepted, fetch, files, id, outcome, run, serve};
use shoal_proto::message::{CloseCode, Content, Decline, FromReceiver, Offer, Request};
use shoal_tests::{
    figure,
    hostile::{Ended, Intruder, tree, tree::Raw},
};
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs root and ip netns"]
fn consent_covers_exactly_what_was_shown() {
    run(async {
        let scene = Scene::new("ask").await;
        let wire = scene.intruder.greet(scene.at).await.unwrap();
        let (shown, other) = ([Raw::file("shown", 5)], [Raw::file("shown", 5), Raw::file("smuggled", 8)]);
        let (list, other_list) = (tree::encode(&shown, 1), tree::encode(&other, 2));

        // Both offers of one id are read at the same time: whichever comes first is shown, and the other never takes its place.
        let mut first = wire.ask(&Request::Offer(tree::offer(id(1), &shown, &list))).await.unwrap();
        assert_eq!(first.hear().await, Ok(FromReceiver::WantManifest));
        let mut second = wire.ask(&Request::Offer(tree::offer(id(1), &other, &other_list))).await.unwrap();
        assert_eq!(second.hear().await, Ok(FromReceiver::WantManifest));
        first.raw(&list).await;
        assert_eq!(first.hear().await, Ok(FromReceiver::Asking));
        second.raw(&other_list).await;
        assert_eq!(second.hear().await, Ok(FromReceiver::Declined(Decline::Over)), "a second list under the same id");
        // On a connection of its own, as a sender that came back would.
        let back = scene.intruder.greet(scene.at).await.unwrap();
        let mut third = back.ask(&Request::Offer(tree::offer(id(1), &other, &other_list))).await.unwrap();
        assert_eq!(
            third.ended_within(super::SOON).await,
            Ended::Closed(CloseCode::Violation),
            "a second list under an id that is shown"
        );
        // So would somebody else's offer under the same id.
        let elsewhere = scene.intruder.with_key(2).greet(scene.at).await.unwrap();
        let mut fourth = elsewhere.ask(&Request::Offer(tree::offer(id(1), &other, &other_list))).await.unwrap();
        assert_eq!(
            fourth.hear().await,
            Ok(FromReceiver::Declined(Decline::Over)),
            "somebody else's list under an id that is shown"
        );

        // Without an answer nothing is fetched, and nothing is on the disk.
        let early = tokio::time::timeout(Duration::from_secs(1), fetch(&wire)).await;
        assert!(early.is_err(), "a fetch before consent: {early:?}");
        assert_eq!(std::fs::read_dir(scene.victim.inbox()).unwrap().count(), 0, "something was written before consent");
        let offers = scene.victim.shoal(&["offers"]).expect_code(0).lines;
        assert_eq!(offers.len(), 1, "{offers:?}");
        assert_eq!((&offers[0]["files"], &offers[0]["bytes"]), (&1.into(), &5.into()), "{offers:?}");

        let accepting = scene.victim.begin(&["accept", &id(1).to_string()]);
        assert!(matches!(first.hear().await, Ok(FromReceiver::Accepted { files: 1, bytes: 5 })));
        let (asked, pending) = fetch(&wire).await.unwrap();
        assert_eq!(tree::asked(&asked), [(0, Some(0))]);

        // The same id with more in it, now that it is accepted; and the same as a text.
        for content in [tree::offer(id(1), &other, &other_list).content, Content::Text("smuggled".to_owned())] {
            let again = scene.intruder.greet(scene.at).await.unwrap();
            let changed = Offer { transfer: id(1), name: "shown".to_owned(), content };
            let mut stream = again.ask(&Request::Offer(changed)).await.unwrap();
            assert_eq!(
                stream.ended_within(super::SOON).await,
                Ended::Closed(CloseCode::Violation),
                "another list under an accepted id"
            );
        }
        drop((pending, wire));

        // What was shown still arrives, and only that.
        let again = scene.intruder.greet(scene.at).await.unwrap();
        let mut stream = again.ask(&Request::Offer(tree::offer(id(1), &shown, &list))).await.unwrap();
        tokio::spawn(serve(again.clone(), vec![b"12345".to_vec()]));
        assert!(matches!(outcome(&mut stream).await, Ok(FromReceiver::Finished(progress)) if progress.files_done == 1));
        let there: Vec<_> = files(&scene.victim.inbox());
        assert_eq!(there, [(scene.victim.inbox().join("shown"), b"12345".to_vec())]);
        drop(accepting);

        // Over: its id opens nothing any more.
        let mut stream = again.ask(&Request::Offer(tree::offer(id(1), &other, &other_list))).await.unwrap();
        let answer = stream.hear().await;
        assert!(matches!(answer, Ok(FromReceiver::Finished(_) | FromReceiver::Declined(Decline::Over))), "{answer:?}");
        assert_eq!(files(&scene.victim.inbox()).len(), 1);
        figure("consent", "2 lists under one id: the one shown was accepted, the other refused in 6 places");
        scene.check("offers that change").await;
    });
}

/// Two people with one name are two people: the one that is known stays it.
#[test]
#[ignore = "needs root and ip netns"]
fn a_cloned_name_never_takes_a_known_devices_place() {
    run(async {
        let scene = Scene::new("all").await;
        let friend = scene.intruder.clone().named("Ben");
        let wire = friend.greet(scene.at).await.unwrap();
        let mut stream = accepted(&wire, id(1), &[Raw::file("gift", 4)]).await;
        tokio::spawn(serve(wire.clone(), vec![b"gift".to_vec()]));
        assert!(matches!(outcome(&mut stream).await, Ok(FromReceiver::Finished(_))));

        let clone = Intruder::at(&scene.host, 77).named("Ben");
        let _cloned = clone.greet(scene.at).await.unwrap();
        // The list shows both, each for what it is.
        let rows = scene.victim.shoal(&["peers"]).expect_code(0).lines;
        let trust = |who: &Intruder| rows.iter().find(|row| row["id"] == who.id().to_string()).map(|row| row["trust"].clone());
        assert_eq!((trust(&friend), trust(&clone)), (Some("known".into()), Some("stranger".into())), "{rows:?}");
        // The name means the one that is known, also when only the clone is there.
        for known_is_there in [true, false] {
            if !known_is_there {
                wire.close();
            }
            let said = format!("for Ben alone, who is there: {known_is_there}");
            let _process = scene.victim.begin(&["send", "--text", &said, "--to", "Ben"]);
            let end = Instant::now() + super::SOON;
            let row = loop {
                let rows = scene.victim.shoal(&["transfers", "--all"]).expect_code(0).lines;
                if let Some(row) = rows.into_iter().find(|row| row["text"] == said) {
                    break row;
                }
                assert!(Instant::now() < end, "nothing was offered to anybody");
            };
            assert_eq!(row["peers"], serde_json::json!([friend.id().to_string()]), "{row}");
        }
        scene.check("a cloned name").await;
    });
}
