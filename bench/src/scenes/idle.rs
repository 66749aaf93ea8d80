//! A peer that has nothing to do, and knows many.

use super::{Bench, Scene};
use crate::{
    Result,
    contest::Place,
    cost,
    data::Shape,
    lab::{Lab, Link, Side},
    report::{Figure, Report},
    rivals::shoal,
    run::{READY, Run},
};
use std::time::Duration;

/// Peers that it knows, from real handshakes.
const PEERS: usize = 50;
/// How long it is left alone before it is watched: connections of those that left must be over.
const SETTLE: Duration = Duration::from_secs(15);
/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// How long all handshakes may take.
const LONGEST: Duration = Duration::from_secs(120);

pub(super) fn idle(bench: &mut Bench, scene: &Scene, report: &mut Report) -> Result {
    let data = bench.data(Shape::File { mib: 1 })?;
    let place = Place::new(&bench.folder().join("runs"), "idle")?;
    let lab = Lab::new(Link::Unlimited);
    let mut run = Run::new(&lab, &data, &place.target(), &place.scratch(), LONGEST);
    let server = run.server(Side::Receiver, &shoal::serve(&run))?;
    server.wait_for_word("\"ready\"", READY)?;
    let root = server.id();
    for i in 0..PEERS {
        let mut hello = shoal::peer(&run, &format!("peer-{i}"));
        hello.args(["send", "--text", "hello", "--to", &shoal::receiver(&run)]);
        run.client(Side::Sender, &hello)?;
    }
    let mut peers = shoal::peer(&run, shoal::RECEIVER);
    let client = run.start(Side::Receiver, peers.arg("peers"))?;
    run.wait(client)?;
    let known = run.log(client).lines().count();
    eprintln!("idle: it knows {known} peers; left alone for {} s", (SETTLE + WATCHED).as_secs());
    std::thread::sleep(SETTLE);
    let before = cost::cpu(root);
    std::thread::sleep(WATCHED);
    let share = (cost::cpu(root) - before).as_secs_f64() / WATCHED.as_secs_f64();
    let resident = cost::resident_below(root) as f64 / f64::from(1 << 20);
    let mut figure = |what: String, value: f64, unit: &'static str| {
        report.figure(Figure { scene: scene.name.into(), what, value, unit });
    };
    figure(format!("{known} known peers: of a processor over {} s", WATCHED.as_secs()), share * 100.0, "%");
    figure(format!("{known} known peers: resident"), resident, "MiB");
    Ok(())
}
