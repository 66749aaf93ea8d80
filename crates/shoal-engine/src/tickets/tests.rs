//! Engines on loopback: one makes tickets, others have them, or say so.
#![allow(clippy::unwrap_used)]

use crate::{
    AcceptRule, Config, Consent, EntryQuery, Event, Limits, NewTicket, OwnTicket, State, Ticket, TicketError, Transfer, Trust,
    stream::{StreamError, read_message},
};
use shoal_proto::{
    PeerId,
    codec::MAX_MESSAGE,
    message::{CloseCode, Request, TransferId},
    ticket::{EXPORTER_LABEL, Ends, Open, Opened, Proof, Role, Secret},
};
use std::{
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Peer {
    pub(super) engine: crate::Engine,
    pub(super) place: tempfile::TempDir,
}

impl Peer {
    pub(super) async fn start(name: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        for folder in ["data", "inbox", "things"] {
            std::fs::create_dir(place.path().join(folder)).unwrap();
        }
        Self::at(place, name).await
    }

    async fn at(place: tempfile::TempDir, name: &str) -> Self {
        let mut config = Config::new(place.path().join("data"));
        config.name = Some(name.to_owned());
        config.inbox = Some(place.path().join("inbox"));
        (config.listen, config.port, config.mdns) = (Some(Ipv4Addr::LOCALHOST.into()), Some(0), false);
        Self { engine: crate::Engine::start(config).await.unwrap(), place }
    }

    pub(super) fn id(&self) -> PeerId {
        self.engine.id()
    }

    pub(super) fn inbox(&self) -> PathBuf {
        self.place.path().join("inbox/things")
    }

    pub(super) fn thing(&self, name: &str) -> PathBuf {
        self.place.path().join("things").join(name)
    }

    fn new_ticket(&self) -> NewTicket {
        NewTicket { paths: vec![self.place.path().join("things")], lan_only: false, trackers: vec![], expires: None }
    }

    pub(super) async fn ticket(&self) -> OwnTicket {
        self.engine.create_ticket(self.new_ticket()).await.unwrap()
    }

    pub(super) async fn get(&self, ticket: &Ticket) -> Result<Transfer, TicketError> {
        self.engine.fetch_ticket(ticket, Consent::default()).await
    }

    /// The latest transfer, once it is as wanted.
    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Transfer) -> bool) -> Transfer {
        let begun = Instant::now();
        loop {
            if let Some(row) = self.engine.transfers(true).await.unwrap().into_iter().next().filter(&is_so) {
                return row;
            }
            assert!(begun.elapsed() < 30 * SECOND, "{what}: {:?}", self.engine.transfers(true).await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn finished(&self) -> Transfer {
        self.until("finished", |row| row.state == State::Finished).await
    }
}

/// Some megabytes that nothing else has.
pub(super) fn content(seed: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

/// A maker of two files, and a stranger with the address in the ticket and nothing else.
async fn pair() -> (Peer, Peer) {
    let (maker, asker) = (Peer::start("maker").await, Peer::start("asker").await);
    std::fs::create_dir(maker.thing("deep")).unwrap();
    std::fs::write(maker.thing("deep/film.mkv"), content(1, 5_000_000)).unwrap();
    std::fs::write(maker.thing("note.txt"), b"short").unwrap();
    (maker, asker)
}

pub(super) async fn end<const N: usize>(peers: [Peer; N]) {
    for peer in peers {
        peer.engine.shutdown().await;
    }
}

/// What a connection's owner says with a proof of its own making.
async fn open_with(asker: &Peer, holder: &Peer, proof: Proof) -> Result<Opened, StreamError> {
    let connection = asker.engine.inner.links.get(holder.id()).await.unwrap();
    let open = Open { proof, transfer: TransferId(rand::random()) };
    let (mut send, mut recv) = connection.open_request(&Request::Open(open)).await.unwrap();
    send.finish();
    read_message(&mut recv, MAX_MESSAGE).await
}

async fn ends(asker: &Peer, holder: &Peer) -> Ends {
    asker.engine.inner.devices.sight(&holder.ticket().await.ticket);
    let connection = asker.engine.inner.links.get(holder.id()).await.unwrap();
    Ends { exporter: connection.exporter(EXPORTER_LABEL).unwrap(), asker: asker.id(), holder: holder.id() }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_text_of_a_ticket_fetches_by_it_and_everybody_stays_a_stranger() {
    let (maker, asker) = pair().await;
    let own = maker.ticket().await;
    assert_eq!((own.files, own.bytes, own.name.as_str(), own.used), (2, 5_000_005, "things", 0));
    let ticket: Ticket = own.ticket.to_string().parse().unwrap();
    let row = asker.get(&ticket).await.unwrap();
    assert!(row.fetched && !row.awaits_answer);
    asker.finished().await;
    assert_eq!(std::fs::read(asker.inbox().join("deep/film.mkv")).unwrap(), content(1, 5_000_000));
    assert_eq!(std::fs::read(asker.inbox().join("note.txt")).unwrap(), b"short");
    maker.until("finished there", |row| row.state == State::Finished).await;
    let trust = |peer: &Peer, of: &Peer| peer.engine.inner.devices.trust(of.id());
    assert_eq!((trust(&maker, &asker), trust(&asker, &maker)), (Trust::Stranger, Trust::Stranger));
    assert_eq!(maker.engine.tickets()[0].used, 1);

    // What is there is not sent again, and a list of one's own is as good after a restart.
    let Peer { engine, place } = maker;
    engine.shutdown().await;
    drop(engine);
    let maker = Peer::at(place, "maker").await;
    let again = maker.engine.tickets().remove(0).ticket;
    assert_eq!((again.root, &again.secret), (ticket.root, &ticket.secret));
    asker.get(&again).await.unwrap();
    let row = asker.until("once more", |row| row.state == State::Finished && row.bytes_moved == 0).await;
    assert_eq!(row.bytes_done, 5_000_005);
    end([maker, asker]).await;
}

/// The link is the key: what is not a good one opens nothing, and tells nothing, not even by how long it takes.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_ticket_every_answer_is_the_same_and_takes_as_long() {
    let (maker, asker) = pair().await;
    let good = maker.ticket().await.ticket;
    let removed = maker.ticket().await;
    maker.engine.remove_ticket(removed.id).await.unwrap();
    let soon = SystemTime::now() + SECOND;
    let expired = maker.engine.create_ticket(NewTicket { expires: Some(soon), ..maker.new_ticket() }).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(maker.engine.tickets().len(), 1, "an expired one is swept");
    // As one who does not look at the clock would ask.
    let expired = Ticket { expires: None, ..expired.ticket };
    let wrong_secret = Ticket { secret: Secret([0; 16]), ..good.clone() };
    let wrong_root = Ticket { root: shoal_proto::Hash::of(b"other"), ..good.clone() };
    let mut times = Vec::new();
    for bad in [removed.ticket, expired, wrong_secret, wrong_root] {
        let begun = Instant::now();
        let refused = asker.get(&bad).await;
        assert!(matches!(&refused, Err(TicketError::NotGiven(name)) if name == "maker"), "{refused:?}");
        times.push(begun.elapsed());
    }
    // The first had to connect.
    let [_, rest @ ..] = &times[..] else { panic!() };
    assert!(rest.iter().all(|time| (250..400).contains(&time.as_millis())), "{times:?}");
    assert!(maker.engine.transfers(true).await.unwrap().is_empty(), "nothing was begun");
    assert!(asker.engine.transfers(true).await.unwrap().is_empty());
    let past = Ticket { expires: Some(1), ..good.clone() };
    assert!(matches!(asker.get(&past).await, Err(TicketError::Expired)));
    assert!(matches!(maker.get(&good).await, Err(TicketError::Own)));
    asker.get(&good).await.unwrap();
    asker.finished().await;
    end([maker, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_of_no_use_on_another_connection_or_for_another_peer_or_sent_back() {
    let (maker, asker) = pair().await;
    let thief = Peer::start("thief").await;
    let ticket = maker.ticket().await.ticket;
    let (of_asker, of_thief) = (ends(&asker, &maker).await, ends(&thief, &maker).await);
    let key = ticket.key();
    let stolen = key.proof(Role::Asker, &of_asker);
    let wrong = [
        ("another connection", stolen),
        ("another asker", key.proof(Role::Asker, &Ends { asker: asker.id(), ..of_thief })),
        ("another holder", key.proof(Role::Asker, &Ends { holder: asker.id(), ..of_thief })),
        ("the holder's part", key.proof(Role::Holder, &of_thief)),
    ];
    for (what, proof) in wrong {
        let refused = open_with(&thief, &maker, proof).await;
        assert_eq!(refused.unwrap_err().close_code(), Some(CloseCode::NotShared), "{what}");
    }
    let opened = open_with(&asker, &maker, stolen).await.unwrap();
    assert_eq!(opened.proof, key.proof(Role::Holder, &of_asker), "the holder proves it, too");
    assert!(thief.engine.transfers(true).await.unwrap().is_empty());
    end([maker, asker, thief]).await;
}

/// Guessing is bounded whoever does it.
#[tokio::test(flavor = "multi_thread")]
async fn one_peer_guesses_slowly() {
    let (maker, asker) = pair().await;
    ends(&asker, &maker).await;
    let begun = Instant::now();
    let guesses = (0..32_u8).map(|guess| open_with(&asker, &maker, Proof([guess; 32])));
    let mut guesses: Vec<_> = guesses.map(Box::pin).collect();
    let mut tried = 0;
    let all = std::future::poll_fn(|context| {
        guesses.retain_mut(|guess| match guess.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                tried += usize::from(answer.unwrap_err().close_code() == Some(CloseCode::NotShared));
                false
            }
            std::task::Poll::Pending => true,
        });
        if guesses.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    all.await;
    drop(guesses);
    let windows = begun.elapsed().as_millis() / 250 + 1;
    assert!(tried as u128 <= 4 * windows, "{tried} looked at in {:?}", begun.elapsed());
    end([maker, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_removed_or_expires_ends_what_moves_within_a_second() {
    for expires in [false, true] {
        let (maker, asker) = pair().await;
        maker.engine.set_limits(Limits { up: Some(200_000), down: None }).await.unwrap();
        let mut new = maker.new_ticket();
        let end_at = SystemTime::now() + 4 * SECOND;
        new.expires = expires.then_some(end_at);
        let own = maker.engine.create_ticket(new).await.unwrap();
        asker.get(&own.ticket).await.unwrap();
        asker.until("moving", |row| row.bytes_done > 0).await;
        let begun = if expires {
            // Whole seconds: it may end a moment before.
            let left = end_at.duration_since(SystemTime::now()).unwrap_or_default();
            Instant::now() + left
        } else {
            maker.engine.remove_ticket(own.id).await.unwrap();
            Instant::now()
        };
        let row = asker.until("ended", |row| row.state.is_over()).await;
        assert_eq!(row.state, State::Cancelled, "{:?}", row.error);
        assert!(Instant::now() < begun + SECOND, "{:?} late", begun.elapsed());
        assert!(!asker.inbox().join("deep/film.mkv").exists());
        assert!(matches!(asker.get(&Ticket { expires: None, ..own.ticket }).await, Err(TicketError::NotGiven(_))));
        end([maker, asker]).await;
    }
}

/// The root names the content: what is another by now is not given, and one that hides that is found out.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_is_never_given_as_what_it_was() {
    let (maker, asker) = pair().await;
    let own = maker.ticket().await;
    std::fs::write(maker.thing("note.txt"), b"other").unwrap();
    asker.get(&own.ticket).await.unwrap();
    let row = asker.finished().await;
    assert_eq!((row.files_done, row.files_failed), (1, 1));
    assert!(!asker.inbox().join("note.txt").exists() && asker.inbox().join("deep/film.mkv").exists());
    let begun = Instant::now();
    while !maker.engine.tickets()[0].is_outdated {
        assert!(begun.elapsed() < 10 * SECOND, "its maker hears of it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    end([maker, asker]).await;

    // With the same size and the same time.
    let (maker, asker) = pair().await;
    let own = maker.ticket().await;
    let film = maker.thing("deep/film.mkv");
    let time = std::fs::metadata(&film).unwrap().modified().unwrap();
    let mut other = content(1, 5_000_000);
    other[3_000_000] ^= 1;
    std::fs::write(&film, other).unwrap();
    std::fs::File::options().write(true).open(&film).unwrap().set_modified(time).unwrap();
    asker.get(&own.ticket).await.unwrap();
    let row = asker.until("over", |row| row.state.is_over()).await;
    assert!(row.state == State::Failed || row.files_failed == 1, "{row:?}");
    assert!(!asker.inbox().join("deep/film.mkv").exists());
    end([maker, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_would_come_and_waits_for_a_person_to_choose() {
    let (maker, asker) = pair().await;
    // No rule takes what somebody wants to look at first.
    asker.engine.inner.transfers.set_accept_rule(AcceptRule::All);
    let own = maker.ticket().await;
    let offer = asker.engine.preview_ticket(&own.ticket).await.unwrap();
    assert!(offer.awaits_answer && offer.fetched);
    assert_eq!((offer.files, offer.bytes, offer.name.as_str()), (2, 5_000_005, "things"));
    let top = EntryQuery { folder: Some(0), offset: 0, limit: 10, state: None, find: None };
    let page = asker.engine.entries(offer.id, top).await.unwrap();
    assert_eq!(page.total, 2);
    assert_eq!(maker.engine.tickets()[0].used, 0, "looking is not taking");
    asker.engine.decline(offer.id).await.unwrap();
    maker.until("declined there", |row| row.state.is_over()).await;

    let offer = asker.engine.preview_ticket(&own.ticket).await.unwrap();
    // things, things/deep, things/deep/film.mkv, things/note.txt
    let note = 3..4;
    asker.engine.accept(offer.id, Consent { entries: vec![note], ..Consent::default() }).await.unwrap();
    asker.finished().await;
    assert!(asker.inbox().join("note.txt").exists() && !asker.inbox().join("deep").exists());
    assert_eq!(asker.engine.inner.devices.trust(maker.id()), Trust::Stranger);
    assert_eq!(maker.engine.inner.devices.trust(asker.id()), Trust::Stranger);

    let only = Consent { only: vec!["*.mkv".into()], into: Some(asker.place.path().join("elsewhere")), ..Consent::default() };
    std::fs::create_dir(asker.place.path().join("elsewhere")).unwrap();
    asker.engine.fetch_ticket(&own.ticket, only).await.unwrap();
    asker.finished().await;
    let came = asker.place.path().join("elsewhere/things");
    assert!(came.join("deep/film.mkv").exists() && !came.join("note.txt").exists());
    end([maker, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_by_a_ticket_is_paused_and_goes_on_after_a_restart_of_the_asker() {
    let (maker, asker) = pair().await;
    maker.engine.set_limits(Limits { up: Some(1_000_000), down: None }).await.unwrap();
    let own = maker.ticket().await;
    let id = asker.get(&own.ticket).await.unwrap().id;
    asker.until("moving", |row| row.bytes_done > 500_000).await;
    asker.engine.pause(id).await.unwrap();
    asker.until("paused", |row| row.state == State::Paused).await;
    asker.engine.resume(id).await.unwrap();
    asker.until("going on", |row| row.bytes_done > 1_000_000).await;
    let Peer { engine, place } = asker;
    engine.shutdown().await;
    drop(engine);
    maker.engine.set_limits(Limits::default()).await.unwrap();
    // A stranger is not remembered: the way to it is in the ticket.
    let asker = Peer::at(place, "asker").await;
    let row = asker.finished().await;
    assert!(row.id == id && row.bytes_moved < 6_500_000, "{row:?}");
    assert_eq!(std::fs::read(asker.inbox().join("deep/film.mkv")).unwrap(), content(1, 5_000_000));
    end([maker, asker]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_fetch_by_one_ticket_at_once() {
    let (maker, one) = pair().await;
    let other = Peer::start("other").await;
    let own = maker.ticket().await;
    let (first, second) = tokio::join!(one.get(&own.ticket), other.get(&own.ticket));
    assert_ne!(first.unwrap().id, second.unwrap().id);
    for peer in [&one, &other] {
        peer.finished().await;
        assert_eq!(std::fs::read(peer.inbox().join("deep/film.mkv")).unwrap(), content(1, 5_000_000));
    }
    let begun = Instant::now();
    while maker.engine.tickets()[0].used != 2 {
        assert!(begun.elapsed() < 10 * SECOND);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    end([maker, one, other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_ticket_tells_how_far_it_is_and_can_be_stopped() {
    let (maker, asker) = pair().await;
    let mut events = maker.engine.events();
    let next = async |events: &mut crate::Events| loop {
        match events.next().await.unwrap() {
            Event::TicketMade { making, ticket } => return (making, Ok(ticket)),
            Event::TicketFailed { making, error } => return (making, Err(error)),
            _ => {}
        }
    };
    let making = maker.engine.begin_ticket(maker.new_ticket());
    let (number, made) = next(&mut events).await;
    assert_eq!((number, made.unwrap().files), (making, 2));
    // A sparse file of 1 TiB takes minutes to read.
    std::fs::File::create(maker.thing("huge")).unwrap().set_len(1 << 40).unwrap();
    let making = maker.engine.begin_ticket(maker.new_ticket());
    loop {
        if let Event::MakingTicket { making: number, bytes_done, bytes } = events.next().await.unwrap() {
            assert!(number == making && bytes_done <= bytes && bytes > 1 << 40);
            if bytes_done > 0 {
                break;
            }
        }
    }
    maker.engine.stop_ticket(making);
    let begun = Instant::now();
    assert!(matches!(next(&mut events).await, (number, Err(_)) if number == making));
    assert_eq!(maker.engine.tickets().len(), 1);
    // Reading stops with it, or this would wait for it.
    end([maker, asker]).await;
    assert!(begun.elapsed() < 10 * SECOND);
}
