//! Scenes about what a transfer leaves to others: to further transfers, to a ping, to a TCP flow.

use super::{Bench, Scene};
use crate::{
    Result,
    contest::Place,
    data::Shape,
    lab::{Lab, Link, Side, address},
    report::{Figure, Report},
    rivals::{iperf, shoal},
    run::{READY, Run},
    stats::{jain, median},
};
use shoal_tests::{data::random_file, lab::Line};
use std::{
    net::UdpSocket,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// How long a run may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Transfers at once.
const TRANSFERS: usize = 8;
/// Of each of them, in MiB.
const EACH_MIB: u64 = 64;
/// Where pings are answered.
const ECHO_PORT: u16 = 4777;
/// From ping to ping.
const BETWEEN_PINGS: Duration = Duration::from_millis(20);
/// How long pings are sent on an idle link.
const IDLE_PINGS: Duration = Duration::from_secs(2);
/// How long a TCP flow goes on beside a transfer, in seconds.
const BESIDE: u64 = 15;

/// 8 senders at one receiver, against one sender with as much.
pub(super) fn fair(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let data = bench.data(Shape::File { mib: EACH_MIB * TRANSFERS as u64 })?;
    let parts = bench.folder().join("fair");
    let files: Vec<_> = (0..TRANSFERS).map(|i| parts.join(format!("part-{i}.bin"))).collect();
    for (file, seed) in files.iter().zip(1000..) {
        random_file(file, EACH_MIB << 20, seed);
    }
    let (mut index, mut ratio) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds {
        let mut took = [Duration::ZERO; 2];
        for (took, senders) in took.iter_mut().zip([1, TRANSFERS]) {
            let place = Place::new(&bench.folder().join("runs"), &format!("fair-{round}-{senders}"))?;
            let lab = Lab::new(Link::Shaped(Line::gigabit()));
            let mut run = Run::new(&lab, &data, &place.target(), &place.scratch(), LONGEST);
            run.server(Side::Receiver, &shoal::serve(&run))?.wait_for_word("\"ready\"", READY)?;
            let sent = if senders == 1 { std::slice::from_ref(&data.path) } else { files.as_slice() };
            let mut clients = Vec::new();
            for (i, path) in sent.iter().enumerate() {
                let mut send = shoal::peer(&run, &format!("sender-{i}"));
                send.arg("send").arg(path).args(["--to", &shoal::receiver(&run)]);
                clients.push(run.start(Side::Sender, &send)?);
            }
            let times = clients.into_iter().map(|client| run.wait(client)).collect::<Result<Vec<_>>>()?;
            *took = times.iter().copied().max().unwrap_or_default();
            if senders > 1 {
                index.push(jain(&times.iter().map(|time| 1.0 / time.as_secs_f64()).collect::<Vec<_>>()));
            }
        }
        let [one, eight] = took.map(|time| time.as_secs_f64());
        eprintln!("fair {}/{}: one {one:.2} s, eight {eight:.2} s", round + 1, bench.rounds);
        ratio.push(one / eight);
    }
    let mut figure = |what: &str, value: f64| {
        report.figure(Figure { scene: scene.name.into(), what: what.into(), value, unit: "" });
    };
    figure("8 transfers at once, Jain's index", median(&index).unwrap_or(f64::NAN));
    figure("8 transfers at once, rate of all against that of one", median(&ratio).unwrap_or(f64::NAN));
    Ok(())
}

/// The round trip of a small datagram at 100 Mbit/s: alone, and while a rival uses all of the link.
pub(super) fn ping(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let data = bench.data(Shape::File { mib: 64 })?;
    let line = Line::gigabit().at(100.0);
    for rival in bench.rivals.iter().filter(|rival| rival.suits(&data)) {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for round in 0..bench.rounds {
            let place = Place::new(&bench.folder().join("runs"), &format!("ping-{round}-{}", rival.name()))?;
            let lab = Lab::new(Link::Shaped(line));
            without.extend(pings(&lab, || std::thread::sleep(IDLE_PINGS)).1);
            let mut run = Run::new(&lab, &data, &place.target(), &place.scratch(), LONGEST);
            let (done, times) = pings(&lab, || rival.transfer(&mut run));
            if let Err(error) = done {
                eprintln!("ping: {} failed: {error}", rival.name());
                break;
            }
            with.extend(times);
        }
        let (Some(without), Some(with)) = (median(&without), median(&with)) else { continue };
        eprintln!("ping: {}: {without:.1} ms alone, {with:.1} ms beside", rival.name());
        let what = format!("{}: round trip beside it less that without", rival.name());
        report.figure(Figure { scene: scene.name.into(), what, value: with - without, unit: "ms" });
    }
    Ok(())
}

/// Round trips in milliseconds, one every 20 ms, while `work` goes on.
fn pings<T: Send>(lab: &Lab, work: impl FnOnce() -> T + Send) -> (T, Vec<f64>) {
    let bound = |side: Side, port: u16| {
        let socket = lab.host(side).within(|| UdpSocket::bind((address(side), port)));
        let socket = socket.unwrap_or_else(|e| panic!("a UDP socket: {e}"));
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap_or_else(|e| panic!("a time limit: {e}"));
        socket
    };
    let (echo, own) = (bound(Side::Receiver, ECHO_PORT), bound(Side::Sender, 0));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = [0; 8];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((_, from)) = echo.recv_from(&mut buffer) {
                    let _ = echo.send_to(&buffer, from);
                }
            }
        });
        let pinger = scope.spawn(|| {
            let (mut times, mut buffer) = (Vec::new(), [0; 8]);
            for number in 0_u64.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let sent = Instant::now();
                let _ = own.send_to(&number.to_le_bytes(), (address(Side::Receiver), ECHO_PORT));
                // An answer that comes after its time is not that of this ping.
                while own.recv(&mut buffer).is_ok() {
                    if u64::from_le_bytes(buffer) == number {
                        times.push(sent.elapsed().as_secs_f64() * 1e3);
                        break;
                    }
                }
                std::thread::sleep(BETWEEN_PINGS);
            }
            times
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        (done, pinger.join().unwrap_or_default())
    })
}

/// One TCP flow (Cubic) of iperf3 beside a transfer: the share of the link that each gets.
pub(super) fn beside(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let data = bench.data(Shape::File { mib: 512 })?;
    let line = Line { delay: Duration::from_millis(5), ..Line::gigabit().at(100.0) };
    for rival in bench.rivals.iter().filter(|rival| rival.suits(&data) && rival.delivers()) {
        let mut shares = Vec::new();
        for round in 0..bench.rounds {
            let place = Place::new(&bench.folder().join("runs"), &format!("beside-{round}-{}", rival.name()))?;
            let lab = Lab::new(Link::Shaped(line));
            let flow_folder = place.scratch().join("flow");
            std::fs::create_dir_all(&flow_folder).map_err(|e| e.to_string())?;
            let limit = Duration::from_secs(BESIDE + 2);
            let mut run = Run::new(&lab, &data, &place.target(), &place.scratch(), limit);
            let mut flow = Run::new(&lab, &data, &place.target(), &flow_folder, LONGEST);
            iperf::serve(&mut flow)?;
            let before = lab.host(Side::Receiver).counters("eth0").received;
            let to = flow.to().to_string();
            let mut iperf = Command::new("iperf3");
            iperf.args(["--client", &to, "--time", &BESIDE.to_string(), "--congestion", "cubic", "--json"]);
            let client = flow.start(Side::Sender, &iperf)?;
            let (transferred, crossed) = std::thread::scope(|scope| {
                let transfer = scope.spawn(|| rival.transfer(&mut run));
                let waited = flow.wait(client);
                let crossed = lab.host(Side::Receiver).counters("eth0").received - before;
                (transfer.join().unwrap_or_else(|_| Err("it panicked".to_owned())), waited.map(|took| (crossed, took)))
            });
            let (crossed, took) = crossed?;
            if let Err(error) = transferred {
                eprintln!("beside: {} failed: {error}", rival.name());
                break;
            }
            let all = crossed as f64 * 8.0 / 1e6 / took.as_secs_f64();
            let tcp = iperf::received_mbit(&flow.log(client)).ok_or("iperf3 did not say what arrived")?;
            eprintln!("beside {}/{}: {}: TCP {tcp:.0} of {all:.0} Mbit/s", round + 1, bench.rounds, rival.name());
            shares.push((1.0 - tcp / all) * 100.0);
        }
        if let Some(share) = median(&shares) {
            let what = format!("{}: its share beside one TCP Cubic flow", rival.name());
            report.figure(Figure { scene: scene.name.into(), what, value: share, unit: "%" });
        }
    }
    Ok(())
}
