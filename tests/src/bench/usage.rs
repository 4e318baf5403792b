//! What a process has used, read from `/proc`.

use std::fs;
use std::time::Duration;

/// CPU time, user and system, of a process with all its threads since it started.
///
/// The kernel's per-thread run time (`schedstat`) counts nanoseconds; `stat` counts ticks of 10 ms,
/// which is too coarse for a run of a second. Threads that have ended are not in the sum: the
/// servers measured here keep theirs, and `stat` is the floor of the answer for those that do not.
///
/// # Panics
/// When there is no such process, or the machine has no `/proc`.
#[must_use]
pub fn cpu_time(pid: u32) -> Duration {
    let mut fine = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives").flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let ns = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
        fine += Duration::from_nanos(ns.unwrap_or(0));
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    fine.max(ticks(&stat).saturating_sub(Duration::from_millis(20)))
}

/// CPU time of everything on this machine since it started: user, nice, system and interrupts.
///
/// # Panics
/// When the machine has no `/proc`.
#[must_use]
pub fn machine_cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/stat").expect("the machine has /proc");
    let words = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    // Fields 4 and 5 are idle and waiting for the disk; what follows 7 is not ours to count.
    let busy = ticks.iter().take(3).chain(ticks.iter().skip(5).take(2));
    Duration::from_millis(busy.sum::<u64>() * 10)
}

/// User and system time from a line of `/proc/PID/stat`: fields 14 and 15, in ticks of 10 ms.
fn ticks(stat: &str) -> Duration {
    // The name may hold spaces and brackets; the fields after its last bracket may not.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory that a process has ever had resident, in bytes.
///
/// # Panics
/// When there is no such process, or the machine has no `/proc`.
#[must_use]
pub fn resident_bytes_max(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

/// The memory that a process has resident now, in bytes.
///
/// # Panics
/// When there is no such process, or the machine has no `/proc`.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0);
    kib * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_any_process_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 1 0 0 0 150 50 0 0 20 0 4 0 1 1 1";
        assert_eq!(ticks(stat), Duration::from_secs(2));
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let mut sum = 0_u64;
        while cpu_time(std::process::id()).is_zero() {
            sum = sum.wrapping_add(1);
        }
        assert!(resident_bytes_max(std::process::id()) > 100_000, "{sum}");
    }
}
