//! What a window costs that nobody uses.

use super::hosts;
use shoal_tests::{figure, lab::Net, window::Window};
use std::time::Duration;

/// How long an idle window is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// Most processor time that all its processes together may take of that.
const MAX_IDLE: f64 = 0.05;
/// Longest time to a usable window, on a machine that is busy with other things.
const MAX_START: Duration = Duration::from_secs(20);

/// A window that stays open all day must not be felt.
#[test]
#[ignore = "needs root and a display"]
fn an_idle_window_takes_next_to_nothing() {
    let net = Net::new();
    let (_switch, [ann]) = hosts(&net, ["ann"]);
    let mut ann = Window::open(&ann, "Ann's laptop");
    figure("first start to a usable window", format!("{:.2?}", ann.usable_after));
    ann.restart();
    figure("start to a usable window", format!("{:.2?}", ann.usable_after));
    assert!(ann.usable_after < MAX_START, "{:?}", ann.usable_after);
    std::thread::sleep(Duration::from_secs(5));
    let (before, all) = (ann.processor_time(), ann.figures());
    std::thread::sleep(WATCHED);
    let part = (ann.processor_time() - before).as_secs_f64() / WATCHED.as_secs_f64();
    figure("idle window, processor time", format!("{:.2} % of one core", part * 100.0));
    let resident = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
    figure("idle window, memory of the program itself", resident(all[0].resident));
    figure("idle window, memory with the web view's processes", resident(all.iter().map(|one| one.resident).sum()));
    assert!(part < MAX_IDLE, "{part}");
}
