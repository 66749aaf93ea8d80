//! The lab itself: what a test concludes from it is worth no more than it.

use shoal_tests::{
    figure,
    lab::{Line, Net, SmallDisk},
};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddrV6, TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

const A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

#[test]
#[ignore = "needs root and ip netns"]
fn hosts_on_a_switch_reach_each_other_by_ipv4_ipv6_and_multicast() {
    let net = Net::new();
    let (_switch, [ann, ben]) = net.on_one_switch(["ann", "ben"]);
    ann.add_address("eth0", "10.77.0.1/24");
    ben.add_address("eth0", "10.77.0.2/24");
    let receiver = ben.within(|| UdpSocket::bind((B, 5000)).unwrap());
    assert!(arrives(&ann.within(|| UdpSocket::bind((A, 0)).unwrap()), (B, 5000), &receiver), "IPv4");

    let (from, to) = (ann.link_local("eth0"), ben.link_local("eth0"));
    // Each host numbers its own interfaces; a scope is the number of the one to leave by.
    let scope = |host: &shoal_tests::lab::Host| {
        let listed = host.ip("-o link show dev eth0");
        listed.split(':').next().and_then(|n| n.trim().parse::<u32>().ok()).unwrap()
    };
    let receiver = ben.within(|| UdpSocket::bind(SocketAddrV6::new(to, 5001, 0, scope(&ben))).unwrap());
    let sender = ann.within(|| UdpSocket::bind(SocketAddrV6::new(from, 0, 0, scope(&ann))).unwrap());
    assert!(arrives(&sender, SocketAddrV6::new(to, 5001, 0, scope(&ann)), &receiver), "IPv6 link-local");

    let group = Ipv4Addr::new(224, 0, 0, 251);
    let receiver = ben.within(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).unwrap());
    receiver.join_multicast_v4(&group, &B).unwrap();
    ann.ip("route add 224.0.0.0/4 dev eth0");
    assert!(arrives(&ann.within(|| UdpSocket::bind((A, 0)).unwrap()), (group, 5353), &receiver), "multicast");
    assert!(ann.counters("eth0").sent > 0 && ben.counters("eth0").received > 0);
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_cable_has_the_rate_that_was_asked_for() {
    for (asked, least) in [(100.0, 85.0), (1000.0, 500.0)] {
        let net = Net::new();
        let (ann, ben) = (net.host("ann"), net.host("ben"));
        let cable = net.cable(&ann, &ben, Line::gigabit().at(asked));
        ann.add_address("eth0", "10.77.0.1/24");
        ben.add_address("eth0", "10.77.0.2/24");
        let listener = ben.within(|| TcpListener::bind((B, 5000)).unwrap());
        let bytes = (asked * 1e6 / 8.0) as u64;
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut stream = ann.within(|| TcpStream::connect((B, 5000)).unwrap());
                std::io::copy(&mut std::io::repeat(7).take(bytes), &mut stream).unwrap();
            });
            let (mut stream, _) = listener.accept().unwrap();
            assert_eq!(std::io::copy(&mut stream, &mut std::io::sink()).unwrap(), bytes);
        });
        let mbit = bytes as f64 * 8.0 / 1e6 / started.elapsed().as_secs_f64();
        let cpu = cable.cpu().as_secs_f64() / started.elapsed().as_secs_f64() * 100.0;
        figure(&format!("cable asked for {asked} Mbit/s"), format!("{mbit:.0} Mbit/s, {cpu:.0} % of a processor"));
        assert!(mbit > least && mbit < asked * 1.02, "{mbit} Mbit/s; {:?} {:?}", cable.forth(), cable.back());
        assert!(cable.forth().bytes > bytes);
    }
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_cable_has_the_delay_and_loss_that_were_asked_for() {
    let net = Net::new();
    let (ann, ben) = (net.host("ann"), net.host("ben"));
    let line = Line { delay: Duration::from_millis(20), loss: 0.05, ..Line::gigabit() };
    let cable = net.cable(&ann, &ben, line);
    ann.add_address("eth0", "10.77.0.1/24");
    ben.add_address("eth0", "10.77.0.2/24");
    let receiver = ben.within(|| UdpSocket::bind((B, 5000)).unwrap());
    let sender = ann.within(|| UdpSocket::bind((A, 0)).unwrap());
    // The first also resolves the address, which a lost frame makes slow.
    while !arrives(&sender, (B, 5000), &receiver) {}

    // In small batches: what overflows the receiving socket's buffer is not the cable's loss.
    let (batches, batch) = (100_u8, 40);
    let (mut arrived, mut quickest) = (0, Duration::MAX);
    receiver.set_read_timeout(Some(Duration::from_millis(60))).unwrap();
    let mut buffer = [0; 64];
    for number in 0..batches {
        let started = Instant::now();
        for _ in 0..batch {
            sender.send_to(&[number; 32], (B, 5000)).unwrap();
        }
        for i in 0..batch {
            match receiver.recv_from(&mut buffer) {
                Ok(_) => arrived += 1,
                Err(_) => break,
            }
            // What is late belongs to the batch before.
            if i == 0 && buffer[0] == number {
                quickest = quickest.min(started.elapsed());
            }
        }
    }
    let sent = i32::from(batches) * batch;
    let lost = 1.0 - f64::from(arrived) / f64::from(sent);
    figure("cable asked for 20 ms and 5 % loss", format!("{:.1} ms, {:.1} %", quickest.as_secs_f64() * 1e3, lost * 100.0));
    assert!(quickest >= Duration::from_millis(20) && quickest < Duration::from_millis(25), "{quickest:?}");
    assert!((0.035..0.065).contains(&lost), "{lost}; {:?}", cable.forth());
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_cable_with_jitter_spreads_arrivals_and_keeps_their_order() {
    let net = Net::new();
    let (ann, ben) = (net.host("ann"), net.host("ben"));
    let line = Line { delay: Duration::from_millis(5), jitter: Duration::from_millis(20), ..Line::gigabit() };
    let _cable = net.cable(&ann, &ben, line);
    ann.add_address("eth0", "10.77.0.1/24");
    ben.add_address("eth0", "10.77.0.2/24");
    let receiver = ben.within(|| UdpSocket::bind((B, 5000)).unwrap());
    let sender = ann.within(|| UdpSocket::bind((A, 0)).unwrap());
    assert!(arrives(&sender, (B, 5000), &receiver), "the first, which also resolves the address");
    receiver.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let (mut quickest, mut slowest, mut buffer) = (Duration::MAX, Duration::ZERO, [0; 64]);
    for _ in 0..60 {
        let started = Instant::now();
        sender.send_to(b"a", (B, 5000)).unwrap();
        sender.send_to(b"bc", (B, 5000)).unwrap();
        assert_eq!(receiver.recv(&mut buffer).unwrap(), 1, "overtaken");
        let took = started.elapsed();
        (quickest, slowest) = (quickest.min(took), slowest.max(took));
        assert_eq!(receiver.recv(&mut buffer).unwrap(), 2);
    }
    figure("cable asked for 5 to 25 ms", format!("{quickest:.1?} to {slowest:.1?}"));
    assert!(quickest >= Duration::from_millis(5) && quickest < Duration::from_millis(10), "{quickest:?}");
    assert!(slowest > Duration::from_millis(18), "{slowest:?}");
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_cut_cable_carries_nothing_until_it_is_joined() {
    let net = Net::new();
    let (ann, ben) = (net.host("ann"), net.host("ben"));
    let cable = net.cable(&ann, &ben, Line::gigabit());
    ann.add_address("eth0", "10.77.0.1/24");
    ben.add_address("eth0", "10.77.0.2/24");
    let receiver = ben.within(|| UdpSocket::bind((B, 5000)).unwrap());
    let sender = ann.within(|| UdpSocket::bind((A, 0)).unwrap());
    assert!(arrives(&sender, (B, 5000), &receiver));
    cable.cut();
    std::thread::sleep(Duration::from_millis(50));
    assert!(!arrives(&sender, (B, 5000), &receiver));
    cable.join();
    std::thread::sleep(Duration::from_millis(50));
    assert!(arrives(&sender, (B, 5000), &receiver));
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_lab_leaves_nothing_behind() {
    let net = Net::new();
    let host = net.host("ann");
    let mut process = host.spawn(std::process::Command::new("sleep").arg("60"));
    let mine = || {
        let own = format!("sh{}-", std::process::id());
        std::fs::read_dir("/run/netns").unwrap().flatten().any(|e| e.file_name().to_string_lossy().starts_with(&own))
    };
    assert!(mine());
    drop(host);
    assert!(!mine());
    let status = process.wait().unwrap();
    assert!(!status.success(), "the process outlived its host: {status}");
}

#[test]
#[ignore = "needs root and ip netns"]
fn a_small_disk_is_full_when_it_is_full() {
    let disk = SmallDisk::new(4);
    let path = disk.path().to_owned();
    let mut file = std::fs::File::create(path.join("file")).unwrap();
    let error = file.write_all(&vec![1; 8 << 20]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    disk.resize(16);
    file.write_all(&vec![1; 8 << 20]).unwrap();
    drop(file);
    drop(disk);
    assert!(!path.exists());
}

/// A datagram sent to `to` comes out at `receiver` within 300 ms.
fn arrives(sender: &UdpSocket, to: impl std::net::ToSocketAddrs, receiver: &UdpSocket) -> bool {
    receiver.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    sender.send_to(b"hello", to).unwrap();
    let mut buffer = [0; 64];
    matches!(receiver.recv_from(&mut buffer), Ok((5, _)))
}
