//! A flood of records costs little memory, and somebody real is found after it.

use super::{Net, Node};
use shoal_proto::PeerId;
use std::{
    net::{Ipv4Addr, UdpSocket},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

/// Records in each flood.
const RECORDS: u32 = 500_000;
const RECORDS_A_PACKET: u32 = 40;
/// What a flood may cost, in bytes of resident memory.
const MAX_GROWTH: u64 = 32 << 20;
/// Somebody real is found in this time after one: a first announcement may be lost in it, the second comes in a second.
const FOUND_AFTER_FLOOD: Duration = Duration::from_secs(3);
/// Set in the process that is measured: the tests beside this one use memory too, so it runs in one of its own.
const ALONE: &str = "SHOAL_TEST_FLOOD_ALONE";

#[test]
#[ignore = "makes network namespaces: needs root"]
fn half_a_million_records_cost_at_most_32_mib_and_a_real_device_is_found_after() {
    alone("half_a_million_records_cost_at_most_32_mib_and_a_real_device_is_found_after", cost_of_ours);
}

/// Why discovery does not rest on the crate `mdns-sd`, which was meant for it. When this fails, it can.
///
/// The daemon reads as long as packets come and takes no command meanwhile, so a watch over its metrics is in time only where
/// the daemon is faster than the flood. Measured with mdns-sd 0.21.7 on two busy processors, 500,000 records each time:
/// - of every kind: 4 to 15 MiB, because it compares each with all others and so reads few;
/// - of names that come once, 100,000 a second: 2 to 32 MiB here, 33 to 115 MiB as a whole provider that waits before it
///   starts a new daemon;
/// - the same, 500,000 a second: 21, 34, 42, 74, 90 and 156 MiB here, up to 136 MiB as a whole provider.
///
/// Ours: 2.3 MiB for all of them in a row.
///
/// What a crate costs on a given day is no property of ours: it is looked at in the long form of the tests.
#[test]
#[ignore = "makes network namespaces: needs root"]
fn long_a_flood_costs_mdns_sd_more_though_it_is_watched_and_restarted() {
    alone("long_a_flood_costs_mdns_sd_more_though_it_is_watched_and_restarted", cost_of_mdns_sd);
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

fn cost_of_mdns_sd() {
    /// How much is read in one go differs: the worst of so many floods counts.
    const TRIES: usize = 10;
    let net = Net::new();
    let lan = net.bridge();
    let [target, hostile] = [1, 2].map(|n| net.host().attach(lan, &[&format!("10.77.0.{n}/16")], false));
    let keeps_the_bound = FLOODS.iter().rev().cycle().take(TRIES).all(|&(name, pause, record)| {
        let (started, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let watched = target.inside({
            let (started, done) = (started.clone(), done.clone());
            move || watched_mdns_sd(&started, &done)
        });
        while !started.load(Ordering::Relaxed) && !watched.is_finished() {
            sleep(Duration::from_millis(10));
        }
        hostile.inside(move || flood(pause, record)).join().unwrap();
        done.store(true, Ordering::Relaxed);
        let (grown, restarts) = watched.join().unwrap();
        println!("figure: mdns-sd, {RECORDS} records {name}: grew by {:.1} MiB, {restarts} restarts", mib(grown));
        grown <= MAX_GROWTH
    });
    assert!(!keeps_the_bound, "mdns-sd keeps the bound now: use it, and delete discovery/mdns");
}

/// The watch that the crate allows: its metrics are asked 50 times a second, and past a bound it is stopped and started anew.
/// Gives how much the process grew meanwhile, in bytes, and the number of restarts.
fn watched_mdns_sd(started: &AtomicBool, done: &Arc<AtomicBool>) -> (u64, u32) {
    const SERVICE: &str = "_shoal._udp.local.";
    const MAX_CACHED: i64 = 3000;
    let start = || {
        let daemon = mdns_sd::ServiceDaemon::new().unwrap();
        let found = daemon.browse(SERVICE).unwrap();
        (daemon, found)
    };
    let (mut daemon, mut found) = start();
    // It has set itself up when it answers.
    daemon.get_metrics().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
    let (before, peak) = (resident(), Peak::watch());
    started.store(true, Ordering::Relaxed);
    let mut restarts = 0;
    while !done.load(Ordering::Relaxed) {
        while found.try_recv().is_ok() {}
        let metrics = daemon.get_metrics().ok().and_then(|metrics| metrics.recv_timeout(Duration::from_millis(100)).ok());
        let cached: i64 = metrics.iter().flatten().filter(|(name, _)| name.starts_with("cached")).map(|(_, n)| n).sum();
        if cached > MAX_CACHED {
            restarts += 1;
            if let Ok(stopped) = daemon.shutdown() {
                let _ = stopped.recv_timeout(Duration::from_secs(1));
            }
            (daemon, found) = start();
        }
        sleep(Duration::from_millis(20));
    }
    let peak = peak.end();
    // Its thread would go on beside the next one's.
    while daemon.shutdown().is_ok_and(|stopped| stopped.recv_timeout(Duration::from_secs(10)).is_err()) {}
    (peak.saturating_sub(before), restarts)
}

/// Samples this process's memory until it is asked for the most.
struct Peak {
    done: Arc<AtomicBool>,
    sampler: JoinHandle<u64>,
}

impl Peak {
    fn watch() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let sampler = std::thread::spawn({
            let done = done.clone();
            move || {
                let mut peak = resident();
                while !done.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(2));
                    peak = peak.max(resident());
                }
                peak
            }
        });
        Self { done, sampler }
    }

    fn end(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        self.sampler.join().unwrap()
    }
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

    let (before, peak) = (resident(), Peak::watch());
    for (name, pause, record) in FLOODS {
        let started = Instant::now();
        hostile.inside(move || flood(pause, record)).join().unwrap();
        println!("{RECORDS} records {name}: {:?}, {} rows", started.elapsed(), node.devices.all().len());
    }
    let late = Node::start(&friend, 3);
    node.finds(&late);
    late.finds(&node);
    let took = late.started.elapsed();
    let (peak, after) = (peak.end(), resident());
    println!("figure: {} mDNS floods of {RECORDS} records: grew by {:.1} MiB", FLOODS.len(), mib(peak - before));
    println!(
        "resident: {:.1} MiB before, {:.1} at most, {:.1} after; then found in {took:?}",
        mib(before),
        mib(peak),
        mib(after)
    );
    assert!(node.devices.all().len() > 100, "the flood did not arrive");
    assert!(peak - before <= MAX_GROWTH);
    assert!(took <= FOUND_AFTER_FLOOD);
}

/// What a flood is called, the time for each of its packets, and its records.
///
/// As fast as it goes, where the kernel drops most, and at paces at which a reader could take most of it.
const FLOODS: [(&str, Duration, Record); 5] = [
    ("of every kind at full speed", Duration::ZERO, record_of_some_kind),
    ("of every kind at 100,000 a second", Duration::from_micros(400), record_of_some_kind),
    ("of names that come once at 100,000 a second", Duration::from_micros(400), record_of_a_lone_host),
    ("of names that come once at 250,000 a second", Duration::from_micros(160), record_of_a_lone_host),
    ("of names that come once at 500,000 a second", Duration::from_micros(80), record_of_a_lone_host),
];

/// Appends the record of that number to a packet.
type Record = fn(&mut Vec<u8>, u32);

/// [`RECORDS`] records to the group.
fn flood(pause: Duration, record: Record) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::new(10, 77, 0, 2)).unwrap();
    let started = Instant::now();
    for number in 0..RECORDS / RECORDS_A_PACKET {
        let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, RECORDS_A_PACKET as u8, 0, 0, 0, 0];
        for index in 0..RECORDS_A_PACKET {
            record(&mut packet, number * RECORDS_A_PACKET + index);
        }
        while socket.send_to(&packet, (Ipv4Addr::new(224, 0, 0, 251), 5353)).is_err() {
            sleep(Duration::from_micros(100));
        }
        sleep((pause * number).saturating_sub(started.elapsed()));
    }
}

/// An address of a host that nothing else names: what a cache keeps most cheaply, so what fills it fastest.
fn record_of_a_lone_host(packet: &mut Vec<u8>, number: u32) {
    packet.push(8);
    packet.extend_from_slice(format!("{number:08}").as_bytes());
    packet.extend_from_slice(b"\x05local\0\x00\x1c\x80\x01\x00\x00\x11\x94\x00\x10");
    packet.extend_from_slice(&[0xfd; 16]);
}

/// Devices that do not exist, other services, addresses, texts.
fn record_of_some_kind(packet: &mut Vec<u8>, number: u32) {
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

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
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
