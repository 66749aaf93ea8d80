//! How fast two real engines are over bad networks, in simulated time: what the machine does meanwhile does not count.

use shoal_engine::{AbstractSocket, AcceptRule, Config, Engine, Event, Outgoing, OutgoingContent};
use shoal_tests::{
    compare, data, figure,
    sim::{SimNetwork, Weather},
};
use std::{path::Path, time::Duration};
use tokio::time::{Instant, timeout};

const FROM: &str = "10.0.0.1:47474";
const TO: &str = "10.0.0.2:47474";

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// 100 Mbit/s, 50 ms there and back.
const LONG: Weather = Weather {
    latency: Duration::from_millis(25),
    jitter: Duration::ZERO,
    loss: 0.0,
    reorder: 0.0,
    rate: Some(12_500_000),
    buffer: Duration::from_millis(40),
    mtu: 1472,
};

async fn engine(network: &SimNetwork, folder: &Path, address: &str) -> Engine {
    let mut config = Config::new(folder.join("data"));
    config.inbox = Some(folder.join("inbox"));
    config.accept = Some(AcceptRule::All);
    config.mdns = false;
    config.socket = Some(AbstractSocket(network.socket(address.parse().unwrap())));
    Engine::start(config).await.unwrap()
}

/// Sends a file of `len` bytes while `meanwhile` happens to the network; returns how long it took.
fn send(weather: Weather, len: usize, meanwhile: impl AsyncFnOnce(&SimNetwork)) -> Duration {
    send_what(weather, |what| data::random_file(what, len as u64, 1), meanwhile)
}

/// The same with whatever `make` puts there.
fn send_what(weather: Weather, make: impl FnOnce(&Path), meanwhile: impl AsyncFnOnce(&SimNetwork)) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    let what = folder.path().join("film");
    make(&what);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let network = SimNetwork::with_weather(1, weather);
        let (sender, receiver) = (engine(&network, &a, FROM).await, engine(&network, &b, TO).await);
        let mut events = sender.events();
        let to = sender.find(TO, Duration::from_secs(10)).await.unwrap();
        let start = Instant::now();
        sender.send(Outgoing { to: vec![to], content: OutgoingContent::Paths(vec![what.clone()]) }).await.unwrap();
        let finished = async {
            loop {
                match events.next().await.unwrap() {
                    Event::Finished { .. } => return start.elapsed(),
                    Event::Failed { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
        };
        let both = async { tokio::join!(finished, meanwhile(&network)).0 };
        let took = timeout(PATIENCE, both).await.unwrap();
        sender.shutdown().await;
        receiver.shutdown().await;
        compare::assert_same(&what, &b.join("inbox").join("film"));
        took
    })
}

fn mbit(len: usize, took: Duration) -> f64 {
    len as f64 * 8e-6 / took.as_secs_f64()
}

/// Why it matters: other programs fall to a fiftieth of the link there.
#[test]
fn a_long_path_is_used_with_and_without_losses() {
    const LEN: usize = 100_000_000;
    for (loss, least) in [(0.0, 85.0), (0.01, 80.0), (0.03, 70.0)] {
        let rate = mbit(LEN, send(Weather { loss, ..LONG }, LEN, async |_| {}));
        figure(&format!("simulated: 100 Mbit/s, 50 ms, {} % lost", loss * 100.0), format!("{rate:.1} Mbit/s"));
        assert!(rate > least, "{loss}: {rate}");
    }
}

/// 300 Mbit/s, 5 ms and up to 3 more each way, which reorders: a laptop in the next room but one.
#[test]
fn poor_wifi_is_used() {
    const LEN: usize = 60_000_000;
    let wifi = Weather {
        latency: Duration::from_micros(2500),
        jitter: Duration::from_millis(3),
        loss: 0.03,
        rate: Some(37_500_000),
        ..LONG
    };
    let rate = mbit(LEN, send(wifi, LEN, async |_| {}));
    figure("simulated: Wi-Fi of 300 Mbit/s, 3 % lost, jitter", format!("{rate:.1} Mbit/s"));
    assert!(rate > 180.0, "{rate}");
}

/// Half of everything is lost for a while: whatever gives up for it, on either end, is begun again by itself.
#[test]
fn a_storm_in_the_middle_only_delays() {
    let fast = Weather { rate: Some(125_000_000), ..LONG };
    let took = send(fast, 60_000_000, async |network| {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            network.set_weather(Weather { loss: 0.5, ..fast });
            tokio::time::sleep(Duration::from_millis(300)).await;
            network.set_weather(fast);
        }
    });
    figure("simulated: 60 MB through three storms that lose half", format!("{:.1} s", took.as_secs_f64()));
}

/// Why it matters: over a link of 50 ms each of them costs more than a small file does.
#[test]
fn a_small_transfer_takes_few_round_trips() {
    let took = send(LONG, 10_000, async |_| {});
    let round_trips = took.as_secs_f64() / (LONG.latency * 2).as_secs_f64();
    figure("simulated: round trips of a small transfer, connecting and all", format!("{round_trips:.1}"));
    assert!(round_trips < 7.0, "{took:?}");
}

/// 10,000 files of 4 KiB over a fast link, near and far.
#[test]
fn many_small_files_are_not_slowed_by_distance() {
    let over = |latency| {
        let weather = Weather { latency, rate: Some(125_000_000), buffer: Duration::from_millis(4), ..LONG };
        send_what(weather, |what| data::many_files(what, 10_000, 4096, 100, 1), async |_| {})
    };
    let (near, far) = (over(Duration::from_micros(500)), over(Duration::from_millis(25)));
    let seconds = (far.saturating_sub(near)).as_secs_f64();
    figure("simulated: 10,000 small files, 50 ms against 1 ms", format!("{seconds:.2} s more ({:.2} s)", far.as_secs_f64()));
    assert!(seconds < 1.0, "{near:?} {far:?}");
}
