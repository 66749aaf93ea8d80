//! The controller over links of pure arithmetic: flows that always have something to send, one narrow place with a queue, time that
//! no clock measures. CUBIC stands for the other program.

#![allow(clippy::unwrap_used)]
use super::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{cmp::Reverse, collections::BinaryHeap};

const MTU: u16 = 1452;

/// A narrow place and the way there and back.
#[derive(Clone, Copy)]
struct Link {
    mbit: f64,
    rtt: Duration,
    /// How long a packet may wait before it is dropped.
    buffer: Duration,
    /// Share of packets that vanish, 0 to 1.
    loss: f64,
    /// Added to a packet's way, between nothing and this.
    jitter: Duration,
    /// A packet that is late makes those behind it late, instead of letting them pass.
    in_order: bool,
}

const LONG: Link = Link {
    mbit: 100.0,
    rtt: Duration::from_millis(50),
    buffer: Duration::from_millis(50),
    loss: 0.0,
    jitter: Duration::ZERO,
    in_order: true,
};
const HOUSE: Link = Link {
    mbit: 100.0,
    rtt: Duration::from_millis(10),
    buffer: Duration::from_millis(100),
    loss: 0.0,
    jitter: Duration::ZERO,
    in_order: true,
};
const WIFI: Link = Link {
    mbit: 300.0,
    rtt: Duration::from_millis(5),
    buffer: Duration::from_millis(20),
    loss: 0.03,
    jitter: Duration::from_millis(3),
    in_order: false,
};

/// Who decides how much a flow has under way.
#[derive(Clone)]
enum Sender {
    Ours(Box<Pilot>),
    Cubic { cubic: Cubic, start: bool, answered: Instant },
}

impl Sender {
    fn ours(now: Instant) -> Self {
        Self::Ours(Box::new(Pilot::new(now, MTU.into())))
    }

    fn cubic(now: Instant) -> Self {
        Self::Cubic { cubic: Cubic::new(now, 10.0 * f64::from(MTU)), start: true, answered: now }
    }

    /// One packet at a time.
    fn idle(now: Instant) -> Self {
        Self::Cubic { cubic: Cubic::new(now, 1e-3), start: false, answered: now + Duration::from_secs(3600) }
    }

    fn window(&self) -> f64 {
        match self {
            Self::Ours(pilot) => pilot.window() as f64,
            Self::Cubic { cubic, .. } => cubic.window().max(f64::from(MTU)),
        }
    }

    fn ack(&mut self, now: Instant, sent: Instant) {
        match self {
            Self::Ours(pilot) => pilot.handle_ack(now, sent, MTU.into(), false),
            Self::Cubic { cubic, start: true, .. } => *cubic = Cubic::new(now, cubic.window() + f64::from(MTU)),
            Self::Cubic { cubic, .. } => cubic.on_ack(now, MTU.into(), now - sent, MTU.into()),
        }
    }

    fn loss(&mut self, now: Instant, sent: Instant) {
        match self {
            Self::Ours(pilot) => pilot.handle_loss(now, sent, MTU.into()),
            Self::Cubic { cubic, start, answered } => {
                if sent > *answered {
                    cubic.on_congestion(now, MTU.into());
                    (*start, *answered) = (false, now);
                }
            }
        }
    }
}

#[derive(Clone)]
struct Flow {
    sender: Sender,
    in_flight: f64,
    /// Not before this may the next packet go: 1.25 windows a round trip, as quinn paces.
    next: Instant,
    rtt: Duration,
    /// Bytes that arrived since counting began.
    arrived: u64,
    ends: Option<Instant>,
}

/// What came of it, counted after the first third.
struct Outcome {
    /// Mbit/s of each flow.
    rates: Vec<f64>,
    /// The mean wait in the queue, and the longest.
    queue: Duration,
    longest: Duration,
}

/// Ordered by time: when something happens, to which flow, sent when, arrived or lost.
type Happening = Reverse<(Instant, usize, Instant, bool)>;

fn run(link: Link, senders: &[fn(Instant) -> Sender], seconds: u64) -> Outcome {
    run_until(link, senders, seconds, |_, _| {})
}

/// The same, with `each` called every millisecond.
fn run_until(
    link: Link,
    senders: &[fn(Instant) -> Sender],
    seconds: u64,
    mut each: impl FnMut(Duration, &mut [Flow]),
) -> Outcome {
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let counted = start + Duration::from_secs(seconds) / 3;
    let mut random = StdRng::seed_from_u64(7);
    let mut flows: Vec<Flow> = senders
        .iter()
        .map(|make| Flow { sender: make(start), in_flight: 0.0, next: start, rtt: link.rtt, arrived: 0, ends: None })
        .collect();
    let mut happenings: BinaryHeap<Happening> = BinaryHeap::new();
    let serialize = Duration::from_secs_f64(f64::from(MTU) * 8.0 / link.mbit / 1e6);
    let (mut free, mut now, mut last) = (start, start, start);
    let (mut waits, mut longest, mut sent) = (Duration::ZERO, Duration::ZERO, 0u32);
    let mut looked = start;
    while now < end {
        if now - looked >= Duration::from_millis(1) {
            each(now - start, &mut flows);
            looked = now;
        }
        while let Some(&Reverse((at, flow, when, arrived))) = happenings.peek()
            && at <= now
        {
            happenings.pop();
            let flow = &mut flows[flow];
            flow.in_flight -= f64::from(MTU);
            if arrived {
                flow.rtt = now - when;
                flow.arrived += if now >= counted { u64::from(MTU) } else { 0 };
                flow.sender.ack(now, when);
            } else {
                flow.sender.loss(now, when);
            }
        }
        let mut next = happenings.peek().map_or(end, |&Reverse((at, ..))| at);
        let first = random.random_range(0..flows.len());
        for index in (0..flows.len()).map(|offset| (first + offset) % senders.len()) {
            let flow = &mut flows[index];
            let window = flow.sender.window();
            if flow.ends.is_some_and(|end| now >= end) || flow.in_flight + f64::from(MTU) > window {
                continue;
            }
            if flow.next > now {
                next = next.min(flow.next);
                continue;
            }
            flow.next = flow.next.max(now - Duration::from_millis(1)) + flow.rtt.mul_f64(f64::from(MTU) / window / 1.25);
            next = next.min(flow.next.max(now));
            flow.in_flight += f64::from(MTU);
            let wait = free.saturating_duration_since(now);
            let full = wait > link.buffer;
            let jitter = link.jitter.mul_f64(random.random());
            if now >= counted {
                (waits, longest, sent) = (waits + wait, longest.max(wait), sent + 1);
            }
            if !full {
                free = now.max(free) + serialize;
            }
            let lost = full || random.random_bool(link.loss);
            // A gap shows when what was sent after it arrives: half a round trip later than the packet itself would have.
            let mut at = if lost { now + wait + link.rtt.mul_f64(1.5) } else { free + link.rtt + jitter };
            if link.in_order && !lost {
                last = last.max(at);
                at = last;
            }
            happenings.push(Reverse((at, index, now, !lost)));
        }
        now = next.max(now + Duration::from_micros(1));
    }
    let rates = flows.iter().map(|flow| flow.arrived as f64 * 8e-6 / (end - counted).as_secs_f64()).collect();
    Outcome { rates, queue: waits / sent.max(1), longest }
}

fn jain(rates: &[f64]) -> f64 {
    let (sum, squares) = rates.iter().fold((0.0, 0.0), |(sum, squares), rate| (sum + rate, squares + rate * rate));
    sum * sum / squares / rates.len() as f64
}

#[test]
fn a_long_clean_path_is_filled_and_its_queue_is_not() {
    let Outcome { rates, queue, longest } = run(LONG, &[Sender::ours], 15);
    assert!(rates[0] > 95.0, "{rates:?}");
    assert!(queue < QUEUE && longest < 2 * QUEUE, "{queue:?} {longest:?}");
}

#[test]
fn a_deep_buffer_makes_no_ping_slow() {
    let Outcome { rates, longest, .. } = run(HOUSE, &[Sender::ours], 15);
    assert!(rates[0] > 95.0, "{rates:?}");
    assert!(longest < Duration::from_millis(15), "{longest:?}");
}

#[test]
fn a_buffer_too_short_for_a_queue_to_show_costs_little() {
    let link = Link { buffer: Duration::from_millis(4), ..LONG };
    let rates = run(link, &[Sender::ours], 15).rates;
    assert!(rates[0] > 85.0, "{rates:?}");
}

#[test]
fn losses_without_a_queue_do_not_slow_a_flow_where_cubic_falls_to_a_tenth() {
    for (loss, least) in [(0.01, 90.0), (0.03, 85.0), (0.05, 75.0)] {
        let link = Link { loss, ..LONG };
        let rates = run(link, &[Sender::ours], 15).rates;
        assert!(rates[0] > least, "{loss}: {rates:?}");
        let cubic = run(link, &[Sender::cubic], 15).rates;
        assert!(cubic[0] < 10.0, "{loss}: {cubic:?}");
    }
}

#[test]
fn poor_wifi_with_jitter_and_loss_keeps_seven_tenths() {
    for (jitter, in_order, least) in [(3, false, 210.0), (3, true, 210.0), (6, true, 100.0)] {
        let link = Link { jitter: Duration::from_millis(jitter), in_order, ..WIFI };
        let rates = run(link, &[Sender::ours], 6).rates;
        assert!(rates[0] > least, "{jitter} ms, in order {in_order}: {rates:?}");
    }
}

#[test]
fn eight_flows_come_to_equal_shares_and_together_fill_the_path() {
    let rates = run(HOUSE, &[Sender::ours as fn(Instant) -> Sender; 8], 30).rates;
    assert!(jain(&rates) > 0.95, "{rates:?}");
    assert!(rates.iter().sum::<f64>() > 95.0, "{rates:?}");
}

#[test]
fn beside_cubic_neither_falls_under_a_third() {
    for buffer in [10, 20, 40, 100].map(Duration::from_millis) {
        let rates = run(Link { buffer, rtt: Duration::from_millis(20), ..HOUSE }, &[Sender::cubic, Sender::ours], 60).rates;
        let sum = rates.iter().sum::<f64>();
        assert!(rates.iter().all(|rate| *rate > sum * 0.3) && sum > 90.0, "{buffer:?}: {rates:?}");
    }
}

#[test]
fn the_queue_runs_empty_again_when_the_other_is_gone() {
    let mut worst = Duration::ZERO;
    run_until(HOUSE, &[Sender::cubic, Sender::ours], 60, |now, flows| {
        if now >= Duration::from_secs(20) && flows[0].ends.is_none() {
            flows[0].ends = Some(flows[0].next);
        }
        if now >= Duration::from_secs(50) {
            worst = worst.max(flows[1].rtt);
        }
    });
    assert!(worst < HOUSE.rtt + Duration::from_millis(20), "{worst:?}");
}

#[test]
fn a_path_that_carries_nothing_for_long_is_begun_anew_from_few_packets() {
    let start = Instant::now();
    let mut pilot = Pilot::new(start, MTU.into());
    let later = start + Duration::from_secs(3);
    Controller::on_congestion_event(&mut pilot, later, start + Duration::from_secs(2), true, 100_000);
    assert_eq!(Controller::window(&pilot), 4 * u64::from(MTU));
    for packet in 0..100 {
        let sent = later + Duration::from_millis(packet);
        pilot.handle_ack(sent + Duration::from_millis(10), sent, MTU.into(), false);
    }
    assert!(Controller::window(&pilot) >= 20 * u64::from(MTU));
}

#[test]
fn a_sender_with_nothing_to_say_does_not_grow_its_window() {
    let start = Instant::now();
    let mut pilot = Pilot::new(start, MTU.into());
    let before = Controller::window(&pilot);
    for packet in 0..1000 {
        let sent = start + Duration::from_millis(packet);
        pilot.handle_ack(sent + Duration::from_millis(10), sent, MTU.into(), true);
    }
    assert_eq!(Controller::window(&pilot), before);
}

/// Or a receiver that was slow for a while would get all of it at once.
#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let start = Instant::now();
    let mut pilot = Pilot::new(start, MTU.into());
    for packet in 0..10_000 {
        let sent = start + Duration::from_millis(packet);
        pilot.handle_ack(sent + Duration::from_millis(10), sent, MTU.into(), false);
    }
    assert!(Controller::window(&pilot) <= 64 * u64::from(MTU), "{}", Controller::window(&pilot));
}

/// It never saw the path empty, so that the other's queue looks like the path itself.
#[test]
fn beside_cubic_that_was_there_first_it_still_gets_a_share() {
    for buffer in [20, 42, 100].map(Duration::from_millis) {
        let mut late = false;
        let link = Link { buffer, ..HOUSE };
        let rates = run_until(link, &[Sender::cubic, Sender::idle], 30, |now, flows| {
            if !late && now >= Duration::from_secs(1) {
                late = true;
                flows[1].sender = Sender::ours(flows[1].next);
            }
        })
        .rates;
        assert!(rates[1] > 25.0, "{buffer:?}: {rates:?}");
    }
}
