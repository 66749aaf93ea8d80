//! Properties of the table, each named in its test. Time is made up.

#![allow(clippy::unwrap_used)]

use super::*;
use shoal_proto::message::{Colour, Hello, Look};

const OWN: u8 = 100;

fn id(key: u8) -> PeerId {
    PeerId::from_public_key([key; 32])
}

fn numbered(number: u32) -> PeerId {
    let mut key = [0xee; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    PeerId::from_public_key(key)
}

fn hello(name: &str) -> Greeting {
    let hello = Hello { name: name.into(), platform: Platform::Linux, version: "0.1.0".into() };
    Greeting { hello, look: Look::default() }
}

fn seen_at(id: PeerId, addresses: &[&str], now: Instant) -> Sighting {
    let paths = addresses.iter().map(|text| Path { via: Via::Mdns, address: text.parse().unwrap() }).collect();
    Sighting::Seen { id, paths, link: 1, until: Some(now + Duration::from_secs(120)) }
}

fn table(remembered: Vec<Remembered>) -> (Table, Instant) {
    let now = Instant::now();
    (Table::new(id(OWN), remembered, now), now)
}

fn known(key: u8, name: &str) -> Remembered {
    let addresses = vec!["10.0.0.9:47474".parse().unwrap()];
    Remembered {
        id: id(key),
        name: Some(name.into()),
        platform: None,
        colour: None,
        trust: Trust::Known,
        accepts: None,
        addresses,
    }
}

#[test]
fn an_announcement_changes_neither_trust_nor_name_nor_who_is_online() {
    let (mut table, now) = table(vec![known(1, "nas")]);
    for key in [1, 2] {
        table.sighting(seen_at(id(key), &["10.0.0.1:5"], now), now);
    }
    let (nas, stranger) = (table.get(id(1)).unwrap(), table.get(id(2)).unwrap());
    assert_eq!((nas.trust, nas.name.as_str(), nas.online), (Trust::Known, "nas", false));
    assert_eq!((stranger.trust, stranger.name, stranger.online), (Trust::Stranger, id(2).short(), false));
    table.proved(id(2), &hello("lap\u{202e}top\n"), "10.0.0.1:5".parse().unwrap());
    let proved = table.get(id(2)).unwrap();
    assert_eq!((proved.trust, proved.name.as_str(), proved.online), (Trust::Stranger, "laptop", true));
}

#[test]
fn a_flood_evicts_only_strangers_that_proved_nothing() {
    let (mut table, now) = table(vec![known(1, "nas")]);
    table.sighting(seen_at(id(2), &["10.0.0.2:5"], now), now);
    table.proved(id(2), &hello("connected"), "10.0.0.2:5".parse().unwrap());
    table.proved(id(3), &hello("was here"), "10.0.0.3:5".parse().unwrap());
    table.disconnected(id(3), now);
    for number in 0..20_000 {
        table.sighting(seen_at(numbered(number), &["10.0.0.66:5", "10.0.0.67:5"], now), now);
    }
    assert_eq!(table.rows.len(), MAX_DEVICES + 3);
    assert!([1, 2, 3].iter().all(|&key| table.get(id(key)).is_some()));
    assert!(table.get(numbered(19_999)).is_some() && table.get(numbered(0)).is_none());
    assert!(matches!(table.take_changes(), Some(Changes::All(all)) if all.len() == MAX_DEVICES + 2));
    // Many keys that prove themselves are bounded too.
    for number in 0..5_000 {
        table.proved(numbered(number), &hello("x"), "10.0.0.66:5".parse().unwrap());
        table.disconnected(numbered(number), now);
    }
    assert!(table.rows.len() <= 2 * MAX_DEVICES + 3, "{}", table.rows.len());
    assert!(table.get(id(1)).is_some() && table.get(id(2)).is_some());
    assert_eq!(table.bounded.iter().map(BTreeMap::len).sum::<usize>() + 2, table.rows.len());
}

#[test]
fn a_real_device_is_probed_before_the_remains_of_a_flood() {
    let (mut table, now) = table(vec![]);
    for number in 0..2_000 {
        table.sighting(seen_at(numbered(number), &["10.0.0.66:5"], now), now);
    }
    let later = now + Duration::from_secs(1);
    table.sighting(seen_at(id(200), &["10.0.0.7:5"], later), later);
    assert_eq!(table.next_to_probe(later), Some(id(200)));
}

#[test]
fn addresses_are_bounded_and_announced_ones_displace_none_that_worked() {
    let (mut table, now) = table(vec![known(1, "nas")]);
    for port in 1..200 {
        let text = format!("10.0.0.1:{port}");
        let paths = vec![Path { via: Via::Mdns, address: text.parse().unwrap() }];
        table.sighting(Sighting::Seen { id: id(1), paths, link: port, until: None }, now);
        table.proved(id(1), &hello("nas"), format!("10.0.0.3:{port}").parse().unwrap());
    }
    let paths = table.get(id(1)).unwrap().paths;
    assert_eq!(paths.len(), MAX_ADDRESSES);
    assert_eq!(paths.iter().filter(|path| path.via == Via::Remembered).count(), MAX_REMEMBERED);
    assert_eq!(table.remembered(id(1)).unwrap().addresses[0], "10.0.0.3:199".parse().unwrap());
}

#[test]
fn candidates_come_best_first_with_the_versions_interleaved() {
    let (mut table, now) = table(vec![known(1, "nas")]);
    table.sighting(Sighting::address(id(1), Via::Manual, "10.9.9.9:1".parse().unwrap()), now);
    table.sighting(seen_at(id(1), &["10.0.0.1:1", "10.0.1.1:1", "10.0.2.1:1", "[fe80::1%3]:1", "[fd00::1]:1"], now), now);
    let expected = ["[fd00::1]:1", "10.0.2.1:1", "[fe80::1%3]:1", "10.0.1.1:1", "10.0.0.1:1", "10.0.0.9:47474", "10.9.9.9:1"];
    assert_eq!(table.candidates(id(1)), expected.map(|text| text.parse::<SocketAddr>().unwrap()));
}

#[test]
fn hints_end_with_their_time_their_link_or_a_goodbye() {
    let (mut table, now) = table(vec![]);
    let announce = |table: &mut Table| table.sighting(seen_at(id(2), &["10.0.0.2:5"], now), now);
    announce(&mut table);
    table.expire(now + Duration::from_secs(119));
    assert_eq!(table.all().len(), 1);
    table.take_changes();
    table.expire(now + Duration::from_secs(121));
    assert_eq!(table.take_changes(), Some(Changes::Rows(vec![Change::Gone(id(2))])));
    announce(&mut table);
    table.sighting(Sighting::Gone { id: id(2), via: Via::Mdns }, now);
    assert_eq!(table.all(), []);
    announce(&mut table);
    table.sighting(Sighting::LinkGone { link: 2 }, now);
    assert_eq!(table.all().len(), 1);
    table.sighting(Sighting::LinkGone { link: 1 }, now);
    assert_eq!(table.all(), []);
}

#[test]
fn a_changed_address_replaces_the_old_one_of_its_link_only() {
    let (mut table, now) = table(vec![]);
    table.sighting(seen_at(id(2), &["10.0.0.2:5"], now), now);
    let other = vec![Path { via: Via::Mdns, address: "10.7.0.2:5".parse().unwrap() }];
    table.sighting(Sighting::Seen { id: id(2), paths: other, link: 7, until: None }, now);
    table.sighting(seen_at(id(2), &["10.0.0.3:5"], now), now);
    let addresses = table.candidates(id(2));
    assert_eq!(addresses, ["10.0.0.3:5", "10.7.0.2:5"].map(|text| text.parse::<SocketAddr>().unwrap()));
}

#[test]
fn probes_back_off_and_start_over_when_addresses_change() {
    let (mut table, start) = table(vec![]);
    table.sighting(seen_at(id(200), &["10.0.0.2:5"], start), start);
    let mut at = start;
    for wait in [1, 5, 30, 120, 600, 600] {
        assert_eq!(table.next_to_probe(at), Some(id(200)));
        assert_eq!(table.next_to_probe(at), None);
        assert_eq!(table.next_probe_at(), Some(at + Duration::from_secs(wait)));
        at += Duration::from_secs(wait);
    }
    assert_eq!(table.next_to_probe(at), Some(id(200)));
    table.sighting(seen_at(id(200), &["10.0.0.2:5"], at), at);
    assert_eq!(table.next_probe_at(), Some(at + Duration::from_secs(600)), "the same again is no news");
    table.sighting(seen_at(id(200), &["10.0.0.3:5"], at), at);
    assert_eq!(table.next_probe_at(), Some(at + BETWEEN_PROBES), "at once, but not twice within a second");
    table.proved(id(200), &hello("x"), "10.0.0.3:5".parse().unwrap());
    assert_eq!(table.next_probe_at(), None);
}

#[test]
fn of_two_devices_that_see_each_other_one_dials_first() {
    let now = Instant::now();
    let at = |own, other| {
        let mut table = Table::new(id(own), [], now);
        table.sighting(seen_at(id(other), &["10.0.0.2:5"], now), now);
        table.next_probe_at().unwrap()
    };
    assert_eq!(at(1, 2), now);
    assert_eq!(at(2, 1), now + STAGGER);
}

#[test]
fn blocked_devices_are_neither_probed_nor_heard_of() {
    let (mut table, now) = table(vec![]);
    table.set_trust(id(2), Trust::Blocked, now);
    table.take_changes();
    table.sighting(seen_at(id(2), &["10.0.0.2:5"], now), now);
    assert_eq!((table.take_changes(), table.next_probe_at()), (None, None));
    table.set_trust(id(2), Trust::Stranger, now);
    assert!(table.next_probe_at().is_some() && table.get(id(2)).unwrap().paths.len() == 1);
}

#[test]
fn what_is_forgotten_is_gone_and_if_still_announced_a_stranger() {
    let (mut table, now) = table(vec![known(1, "nas"), known(2, "old")]);
    table.sighting(seen_at(id(1), &["10.0.0.2:5"], now), now);
    for key in [1, 2] {
        table.forget(id(key), now);
        assert_eq!(table.remembered(id(key)), None);
    }
    let device = table.get(id(1)).unwrap();
    assert_eq!((device.trust, device.name, device.paths.len()), (Trust::Stranger, id(1).short(), 1));
    assert_eq!(table.get(id(2)), None);
}

#[test]
fn nobody_takes_a_known_devices_place_by_taking_its_name() {
    let (mut table, now) = table(vec![known(1, "NAS")]);
    assert_eq!(table.find("nas"), Found::One(id(1)));
    for key in [2, 3] {
        table.proved(id(key), &hello("nas"), "10.0.0.3:5".parse().unwrap());
        table.proved(id(key + 2), &hello("twin"), "10.0.0.3:5".parse().unwrap());
    }
    assert_eq!(table.find("Nas"), Found::One(id(1)));
    assert!(matches!(table.find("twin"), Found::Several(several) if several.len() == 2));
    table.set_trust(id(2), Trust::Verified, now);
    assert!(matches!(table.find("nas"), Found::Several(several) if several.len() == 2));
    let text = id(3).to_string();
    assert_eq!(table.find(&text[..10].to_uppercase()), Found::One(id(3)));
    assert_eq!(table.find(&text[..3]), Found::None);
    assert_eq!(table.find(""), Found::None);
}

#[test]
fn this_device_is_never_in_its_own_table() {
    let (mut table, now) = table(vec![known(OWN, "me")]);
    table.sighting(seen_at(id(OWN), &["10.0.0.2:5"], now), now);
    table.set_trust(id(OWN), Trust::Verified, now);
    assert_eq!((table.all(), table.get(id(OWN))), (vec![], None));
}

#[test]
fn a_known_device_that_nothing_announces_is_looked_for_again() {
    let (mut table, now) = table(vec![known(1, "nas")]);
    assert_eq!(table.next_to_probe(now + STAGGER), Some(id(1)));
    table.proved(id(1), &hello("nas"), "[::ffff:10.0.0.9]:47474".parse().unwrap());
    assert_eq!(table.candidates(id(1)), ["10.0.0.9:47474".parse::<SocketAddr>().unwrap()]);
    assert!(table.get(id(1)).unwrap().online);
    table.disconnected(id(1), now);
    assert!(!table.get(id(1)).unwrap().online);
    assert!(table.next_probe_at().is_some());
}

#[test]
fn only_verified_devices_have_an_allowance_and_it_ends_with_that() {
    let now = Instant::now();
    for trust in [Trust::Stranger, Trust::Known, Trust::Blocked] {
        let kept = |trust| Remembered { trust, accepts: Some(5), ..known(2, "Bob") };
        let mut table = Table::new(id(1), [kept(Trust::Verified)], now);
        assert_eq!(table.allowance(id(2)), Some(5));
        assert!(table.set_allowance(id(2), Some(7)));
        assert_eq!(table.remembered(id(2)).unwrap().accepts, Some(7));
        table.set_trust(id(2), trust, now);
        assert!(!table.set_allowance(id(2), Some(9)), "{trust:?}");
        table.set_trust(id(2), Trust::Verified, now);
        assert_eq!(table.allowance(id(2)), None, "{trust:?}");
        assert_eq!(Table::new(id(1), [kept(trust)], now).allowance(id(2)), None, "{trust:?} when it was kept");
    }
    let mut table = Table::new(id(1), [Remembered { trust: Trust::Verified, accepts: Some(5), ..known(2, "Bob") }], now);
    table.forget(id(2), now);
    assert_eq!(table.allowance(id(2)), None);
    assert!(!table.set_allowance(id(3), Some(1)), "never seen");
}

#[test]
fn a_colour_is_shown_and_kept_while_it_is_one_of_the_palette() {
    let (mut table, now) = table(vec![known(1, "nas")]);
    let address = "10.0.0.1:5".parse().unwrap();
    let mut greeting = hello("nas");
    for (said, shown) in
        [(Some(0), Colour::new(0)), (Some(11), Colour::new(11)), (Some(12), None), (Some(255), None), (None, None)]
    {
        greeting.look.colour = said;
        table.proved(id(1), &greeting, address);
        assert_eq!(table.get(id(1)).unwrap().colour, shown, "{said:?}");
        assert_eq!(table.remembered(id(1)).unwrap().colour, shown, "{said:?}");
    }
    greeting.look.colour = Some(5);
    table.proved(id(1), &greeting, address);
    table.disconnected(id(1), now);
    assert_eq!(table.get(id(1)).unwrap().colour, Colour::new(5), "as it was last");
}
