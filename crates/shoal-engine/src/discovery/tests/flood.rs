//! A flood of records costs little memory, and somebody real is found after it.

use super::{FOUND_WITHIN, Net, Node};
use shoal_proto::PeerId;
use std::{
    net::{Ipv4Addr, UdpSocket},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

/// Records in each flood.
const RECORDS: u32 = 500_000;
const RECORDS_A_PACKET: u32 = 40;
/// What a flood may cost, in bytes of resident memory.
const MAX_GROWTH: u64 = 32 << 20;
/// Set in the process that is measured: the tests beside this one use memory too, so it runs in one of its own.
const ALONE: &str = "SHOAL_TEST_FLOOD_ALONE";

#[test]
#[ignore = "makes network namespaces: needs root"]
fn half_a_million_records_cost_at_most_32_mib_and_a_real_device_is_found_after() {
    alone("half_a_million_records_cost_at_most_32_mib_and_a_real_device_is_found_after", cost_of_ours);
}

/// Why discovery does not rest on the crate `mdns-sd`, which was meant for it. When this fails, it can.
#[test]
#[ignore = "makes network namespaces: needs root"]
fn the_same_flood_costs_mdns_sd_more_though_it_is_watched_and_restarted() {
    alone("the_same_flood_costs_mdns_sd_more_though_it_is_watched_and_restarted", cost_of_mdns_sd);
}

fn alone(name: &str, test: fn()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let name = format!("discovery::tests::flood::{name}");
    alone.args(["--exact", &name, "--include-ignored", "--nocapture"]).env(ALONE, "1");
    assert!(alone.status().unwrap().success());
}

/// The watch that the crate allows: its metrics are asked 20 times a second, and past a bound it is stopped and started anew.
fn cost_of_mdns_sd() {
    const SERVICE: &str = "_shoal._udp.local.";
    const MAX_CACHED: i64 = 10_000;
    let net = Net::new();
    let lan = net.bridge();
    let [target, hostile] = [1, 2].map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/16")], false));
    let done = Arc::new(AtomicBool::new(false));
    let watched = target.inside({
        let done = done.clone();
        move || {
            let (before, mut peak, mut restarts) = (resident(), 0, 0);
            let mut daemon = mdns_sd::ServiceDaemon::new().unwrap();
            let mut found = daemon.browse(SERVICE).unwrap();
            while !done.load(Ordering::Relaxed) {
                while found.try_recv().is_ok() {}
                let metrics = daemon.get_metrics().ok().and_then(|metrics| metrics.recv_timeout(Duration::from_millis(50)).ok());
                let cached: i64 = metrics.iter().flatten().filter(|(name, _)| name.starts_with("cached")).map(|(_, n)| n).sum();
                if cached > MAX_CACHED {
                    restarts += 1;
                    if let Ok(stopped) = daemon.shutdown() {
                        let _ = stopped.recv_timeout(Duration::from_secs(1));
                    }
                    daemon = mdns_sd::ServiceDaemon::new().unwrap();
                    found = daemon.browse(SERVICE).unwrap();
                }
                peak = peak.max(resident());
                sleep(Duration::from_millis(50));
            }
            let _ = daemon.shutdown();
            (before, peak, restarts)
        }
    });
    sleep(Duration::from_secs(1));
    for pause in [Duration::ZERO, Duration::from_micros(400)] {
        hostile.inside(move || flood(pause)).join().unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let (before, peak, restarts) = watched.join().unwrap();
    let grown = (peak - before) as f64 / f64::from(1 << 20);
    println!("figure: mdns-sd under the same flood, watched: grew by {grown:.1} MiB, {restarts} restarts");
    assert!(peak - before > MAX_GROWTH, "mdns-sd keeps the bound now: use it, and delete discovery/mdns");
}

fn cost_of_ours() {
    let net = Net::new();
    let lan = net.bridge();
    let [target, hostile, friend] = [1, 2, 3].map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/16")], false));
    let node = Node::start(&target, 1);
    sleep(Duration::from_secs(1));
    let idle = processor_time();
    sleep(Duration::from_secs(3));
    println!("idle: {:.2} % of one processor", (processor_time() - idle).as_secs_f64() / 3.0 * 100.0);

    let before = resident();
    let (peak, done) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
    let watcher = std::thread::spawn({
        let (peak, done) = (peak.clone(), done.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(resident(), Ordering::Relaxed);
                sleep(Duration::from_millis(2));
            }
        }
    });
    // As fast as it goes, where the kernel drops most; and at a pace at which a reader could take everything.
    for (pace, pause) in [("at full speed", Duration::ZERO), ("at 100,000 a second", Duration::from_micros(400))] {
        let started = Instant::now();
        hostile.inside(move || flood(pause)).join().unwrap();
        println!("{RECORDS} records {pace}: {:?}, {} rows", started.elapsed(), node.devices.all().len());
    }
    let late = Node::start(&friend, 3);
    node.finds(&late);
    late.finds(&node);
    let took = late.started.elapsed();
    done.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
    let (peak, after) = (peak.load(Ordering::Relaxed), resident());
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("figure: mDNS flood of {RECORDS} records: grew by {:.1} MiB", mib(peak - before));
    println!(
        "resident: {:.1} MiB before, {:.1} at most, {:.1} after; then found in {took:?}",
        mib(before),
        mib(peak),
        mib(after)
    );
    assert!(node.devices.all().len() > 100, "the flood did not arrive");
    assert!(peak - before <= MAX_GROWTH);
    assert!(took <= FOUND_WITHIN);
}

/// [`RECORDS`] records of every kind to the group: devices that do not exist, other services, addresses, texts.
fn flood(pause: Duration) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::new(10, 77, 0, 2)).unwrap();
    let started = Instant::now();
    for number in 0..RECORDS / RECORDS_A_PACKET {
        let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, RECORDS_A_PACKET as u8, 0, 0, 0, 0];
        for index in 0..RECORDS_A_PACKET {
            bogus_record(&mut packet, number * RECORDS_A_PACKET + index);
        }
        while socket.send_to(&packet, (Ipv4Addr::new(224, 0, 0, 251), 5353)).is_err() {
            sleep(Duration::from_micros(100));
        }
        sleep((pause * number).saturating_sub(started.elapsed()));
    }
}

fn bogus_record(packet: &mut Vec<u8>, number: u32) {
    const SERVICE: &[u8] = b"\x06_shoal\x04_udp\x05local\0";
    let mut key = [0x5a; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    let instance = [&[52], PeerId::from_public_key(key).to_string().as_bytes(), SERVICE].concat();
    let host = b"\x04host\x05local\0";
    let mut record = |name: &[u8], kind: u16, data: &[u8]| {
        packet.extend_from_slice(name);
        packet.extend_from_slice(&kind.to_be_bytes());
        packet.extend_from_slice(&[0x80, 1, 0, 0, 0x11, 0x94]);
        packet.extend_from_slice(&(data.len() as u16).to_be_bytes());
        packet.extend_from_slice(data);
    };
    let unique = format!("{number:08}");
    let other = [&[8], unique.as_bytes(), b"\x05local\0"].concat();
    match number % 8 {
        0 => record(host, 1, &[10, 77, (number >> 11) as u8, (number >> 3) as u8]),
        1 | 2 => record(&instance, 33, &[&[0, 0, 0, 0, 0xb9, 0x72], &host[..]].concat()),
        3 => record(SERVICE, 12, &instance),
        4 => record(b"\x04_ipp\x04_tcp\x05local\0", 12, &other),
        5 => record(&instance, 16, b"\x03v=1"),
        6 => record(&other, 28, &[0xfe; 16]),
        _ => record(&other, 1, &[10, 77, 1, 1]),
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Processor time that this process used, to 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>())
}
