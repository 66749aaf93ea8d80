//! What a tree of processes costs: processor time and memory, as `/proc` counts them.

use std::{fs, time::Duration};

/// Processor time, user and system, of a process, its descendants, and those of them that have ended and were waited for. To
/// 10 ms for each process; zero when it is gone.
pub(crate) fn cpu(root: u32) -> Duration {
    let ticks: u64 = tree(root).iter().map(|pid| ticks(*pid).unwrap_or(0)).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The sum of the peaks of resident memory (VmHWM) of the descendants, in bytes; `root` itself is left out.
pub(crate) fn memory_below(root: u32) -> u64 {
    tree(root).iter().filter(|pid| **pid != root).filter_map(|pid| status_kib(*pid, "VmHWM:")).sum::<u64>() * 1024
}

/// Memory in use now (VmRSS) by the descendants, in bytes.
pub(crate) fn resident_below(root: u32) -> u64 {
    tree(root).iter().filter(|pid| **pid != root).filter_map(|pid| status_kib(*pid, "VmRSS:")).sum::<u64>() * 1024
}

/// A process and its descendants.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        // A child belongs to the thread that started it.
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    found
}

fn ticks(pid: u32) -> Option<u64> {
    ticks_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// utime, stime, cutime and cstime: fields 14 to 17. The second is a name in brackets that may hold anything.
fn ticks_in(stat: &str) -> Option<u64> {
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().skip(11).take(4).map(|field| field.parse::<u64>().ok()).sum()
}

fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_shifts_no_field() {
        let line = "7 (a) b (c) S 1 7 7 0 -1 4194560 10 20 30 40 100 20 3 4 20 0 1 0 5 6 7";
        assert_eq!(ticks_in(line), Some(127));
        assert_eq!(ticks_in("7 (cut off) S 1 2"), Some(0));
        assert_eq!(ticks_in("nonsense"), None);
    }

    #[test]
    fn a_child_is_found_and_what_it_used_is_counted() {
        let own = std::process::id();
        let before = cpu(own);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 9"]);
        let mut child = shell.spawn().unwrap();
        assert!(tree(own).contains(&child.id()));
        while cpu(own) < before + Duration::from_millis(50) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(memory_below(own) > 100 << 10);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
