#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;
use std::net::IpAddr;

fn ticket() -> impl Strategy<Value = Ticket> {
    let few = |max: usize| 0..=max;
    let makers = prop::collection::vec(any::<[u8; 32]>().prop_map(PeerId::from_public_key), 1..=MAX_MAKERS);
    let address = (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port));
    let addresses = prop::collection::vec(address, few(MAX_ADDRESSES));
    let tracker = "(udp|http|https)://[!-~]{1,100}".prop_map(|text| text.parse().unwrap());
    let trackers = prop::collection::vec(tracker, few(MAX_TRACKERS));
    let parts = (any::<[u8; 32]>(), any::<[u8; 16]>(), any::<bool>(), makers, addresses, trackers, any::<Option<u64>>());
    parts.prop_map(|(root, secret, lan_only, makers, addresses, trackers, expires)| Ticket {
        root: root.into(),
        secret: Secret(secret),
        lan_only,
        makers: makers.try_into().unwrap(),
        addresses: addresses.try_into().unwrap(),
        trackers: trackers.try_into().unwrap(),
        expires,
    })
}

fn usual() -> Ticket {
    Ticket {
        root: Hash::of(b"manifest"),
        secret: Secret([7; 16]),
        lan_only: false,
        makers: vec![PeerId::from_public_key([9; 32])].try_into().unwrap(),
        addresses: ["192.168.1.7:47474", "10.0.0.1:47474", "[fd00::1]:47474"]
            .map(|at| at.parse().unwrap())
            .to_vec()
            .try_into()
            .unwrap(),
        trackers: Few::default(),
        expires: None,
    }
}

proptest! {
    #[test]
    fn the_text_form_round_trips_in_either_case(ticket in ticket()) {
        let text = ticket.to_string();
        prop_assert!(text.len() <= MAX_TEXT, "{}", text.len());
        prop_assert_eq!(text.to_ascii_uppercase().parse(), Ok(ticket.clone()));
        prop_assert_eq!(format!(" {text}\n").parse(), Ok(ticket));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,300}", tail in "[a-zA-Z2-7]{0,300}") {
        let _ = text.parse::<Ticket>();
        let made_up = format!("shoal:{tail}").parse::<Ticket>();
        prop_assert!(made_up.is_err());
    }

    /// Nobody fetches by half a link, or by one in which a letter was typed wrongly, and nobody is told that it expired.
    #[test]
    fn a_damaged_ticket_is_told_from_a_whole_one(ticket in ticket(), at: prop::sample::Index, by in 1..32_usize, cut: prop::sample::Index) {
        let text = ticket.to_string();
        let at = PREFIX.len() + at.index(text.len() - PREFIX.len());
        let letters = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut wrong = text.clone().into_bytes();
        let was = letters.iter().position(|letter| *letter == wrong[at]).unwrap();
        wrong[at] = letters[(was + by) % 32];
        prop_assert_eq!(String::from_utf8(wrong).unwrap().parse::<Ticket>(), Err(ParseTicketError::Damaged));
        prop_assert_eq!(text[..cut.index(text.len())].parse::<Ticket>(), Err(ParseTicketError::Damaged));
    }

    #[test]
    fn every_bit_of_what_a_proof_is_bound_to_counts(ends: ([u8; 32], [u8; 32], [u8; 32]), root: [u8; 32], secret: [u8; 16], bit in 0..(96 + 48) * 8_usize) {
        let all: Vec<u8> = [&ends.0[..], &ends.1, &ends.2, &root, &secret].concat();
        let proof = |all: &[u8], role| {
            let part = |at: usize| -> [u8; 32] { all[at..at + 32].try_into().unwrap() };
            let id = |at| PeerId::from_public_key(part(at));
            let key = TicketKey::new(&part(96).into(), &Secret(all[128..].try_into().unwrap()));
            key.proof(role, &Ends { exporter: part(0), asker: id(32), holder: id(64) })
        };
        let mut other = all.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(proof(&all, Role::Asker), proof(&all, Role::Asker));
        prop_assert_ne!(proof(&all, Role::Asker), proof(&other, Role::Asker));
        prop_assert_ne!(proof(&all, Role::Asker), proof(&all, Role::Holder));
    }
}

#[test]
fn a_usual_ticket_is_short_enough_for_a_qr_code_that_a_phone_reads() {
    let len = usual().to_string().len();
    assert!(len <= 220, "{len} characters");
}

/// Logs and errors print with `Debug`.
#[test]
fn nothing_but_the_text_form_shows_the_secret() {
    let mut ticket = usual();
    ticket.secret = Secret(*b"\xab\xcd\xef\xab\xcd\xef\xab\xcd\xef\xab\xcd\xef\xab\xcd\xef\xab");
    let shown = format!("{ticket:?} {:?} {:?} {:#?}", ticket.secret, ticket.key(), ticket);
    assert!(!shown.contains("171") && !shown.to_lowercase().contains("abcd"), "{shown}");
}

#[test]
fn a_link_to_a_device_is_no_ticket() {
    assert!(!Ticket::is_one("shoal:peer/abc") && !Ticket::is_one("other:abc") && !Ticket::is_one("shoal"));
    assert!(Ticket::is_one("SHOAL:ABC") && Ticket::is_one("shoal:"));
}

#[test]
fn a_later_version_is_told_from_damage() {
    let mut bytes = vec![VERSION + 1, 2, 3];
    bytes.extend_from_slice(&checksum(&bytes));
    assert_eq!(format!("shoal:{}", BASE32.encode(&bytes)).parse::<Ticket>(), Err(ParseTicketError::Newer));
}

#[test]
fn a_ticket_has_one_text() {
    let mut bytes = postcard::to_extend(&usual(), vec![VERSION]).unwrap();
    bytes.push(0);
    bytes.extend_from_slice(&checksum(&bytes));
    assert_eq!(format!("shoal:{}", BASE32.encode(&bytes)).parse::<Ticket>(), Err(ParseTicketError::Damaged));
}

#[test]
fn trackers_are_addresses_and_nothing_else() {
    for good in ["udp://tracker.example:6969", "https://t.example/announce"] {
        assert_eq!(&*good.parse::<Tracker>().unwrap(), good);
    }
    for bad in
        ["", "udp://", "ftp://a", "udp://a b", "udp://ä", "file:///etc/passwd", &format!("udp://{}", "a".repeat(MAX_TRACKER))]
    {
        assert_eq!(bad.parse::<Tracker>(), Err(ParseTrackerError), "{bad}");
    }
}
