//! Greetings between this version and itself, and the one that knew no looks.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    endpoint::Endpoint,
    identity::Identity,
    links::tests::{Peer, soon},
};
use shoal_proto::{
    codec::MAX_MESSAGE,
    message::{Commitment, Platform},
};
use std::net::Ipv4Addr;

#[tokio::test]
async fn a_new_name_and_colour_are_heard_by_a_new_hello() {
    let (a, b) = (Peer::new("a"), Peer::new("b"));
    let there = a.knows(&b).links.get(b.id).await.unwrap();
    let turned = |greeting: &mut Greeting, name: &str, colour| {
        greeting.hello.name = name.into();
        greeting.look.colour = Some(colour);
    };
    b.greeting.send_modify(|greeting| turned(greeting, "c", 3));
    let mut own = a.greeting.borrow().clone();
    turned(&mut own, "z", 11);
    let (mut send, mut recv) = there.open_request(&Request::Hello(own.hello.clone())).await.unwrap();
    own.end(&mut send).await.unwrap();
    let hello = read_message(&mut recv, 1000).await.unwrap();
    assert_eq!(Greeting::hear(hello, &mut recv).await.unwrap(), *b.greeting.borrow());
    soon("the new name", || b.heard_of(a.id).is_some_and(|heard| heard == own)).await;
}

/// Each end of these said no more than the version before looks did.
#[tokio::test]
async fn a_peer_that_knows_no_looks_is_greeted_and_greets() {
    let b = Peer::new("b");
    b.greeting.send_modify(|greeting| greeting.look.colour = Some(3));
    let identity = Identity::ephemeral().unwrap();
    let old = Endpoint::bind(&identity, Some(Ipv4Addr::LOCALHOST.into()), Some(0)).unwrap();
    let own = Hello { name: "old".into(), platform: Platform::HERE, version: "1".into() };
    let (quinn, _) = old.dial(b.address(), Some(b.id)).unwrap().finish().await.unwrap();
    let (mut send, mut recv) = quinn.open_bi().await.unwrap();
    write_message(&mut send, &Request::Hello(own.clone()), MAX_MESSAGE).await.unwrap();
    send.finish().unwrap();
    assert_eq!(read_message::<Hello>(&mut recv, 1000).await.unwrap().name, "b");
    drop((send, recv));
    soon("the old one is there", || b.heard_of(identity.peer_id()).is_some()).await;
    assert_eq!(b.heard_of(identity.peer_id()), Some(Greeting { hello: own.clone(), look: Look::default() }));

    let a = Peer::new("a");
    a.greeting.send_modify(|greeting| greeting.look.colour = Some(4));
    a.set_addresses(identity.peer_id(), vec![old.local_addr()]);
    let answering = async {
        let quinn = old.accept().await.unwrap().accept().unwrap().await.unwrap();
        let (mut send, mut recv) = quinn.accept_bi().await.unwrap();
        let Request::Hello(_) = read_message(&mut recv, MAX_MESSAGE).await.unwrap() else { panic!("no hello") };
        write_message(&mut send, &own, MAX_MESSAGE).await.unwrap();
        send.finish().unwrap();
        drop((send, recv));
        quinn
    };
    let (there, quinn) = tokio::join!(a.links.get(identity.peer_id()), answering);
    let there = there.unwrap();
    assert_eq!(there.greeting().look.colour(), None);
    let (_send, _recv) = there.open_request(&Request::Verify(Commitment([7; 32]))).await.unwrap();
    quinn.accept_bi().await.unwrap(); // the connection lives on
}

/// As one that knows no looks may: it has stopped reading by the time that the look is written.
#[tokio::test]
async fn a_peer_that_reads_the_hello_alone_was_greeted() {
    let (one, other) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
    let bind = |identity| Endpoint::bind(identity, Some(Ipv4Addr::LOCALHOST.into()), Some(0)).unwrap();
    let (one, at) = (bind(&one), bind(&other));
    let dialling = one.dial(at.local_addr(), Some(other.peer_id())).unwrap().finish();
    let answering = async { at.accept().await.unwrap().accept().unwrap().await.unwrap() };
    let (dialled, answered) = tokio::join!(dialling, answering);
    let (mut asking, mut answer) = dialled.as_ref().unwrap().0.open_bi().await.unwrap();
    asking.write_all(b"hello?").await.unwrap();
    let (mut send, _recv) = answered.accept_bi().await.unwrap();
    answer.stop(0_u8.into()).unwrap();
    send.stopped().await.unwrap();
    let hello = Hello { name: "b".into(), platform: Platform::HERE, version: "1".into() };
    let own = Greeting { hello, look: Look::default() };
    assert_eq!(own.add_look(&mut send).await, Ok(()));
    assert!(own.answer(&mut send).await.is_err(), "who does not read the hello was not greeted");
}
