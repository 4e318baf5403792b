//! What the kernel says about the disk under the bench: flushes that reached it, and free space.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How many flush requests the disk that holds `path` has completed since the machine started;
/// `None` if the kernel does not show them.
pub(super) fn flushes(path: &Path) -> Option<u64> {
    // Field 16 after the name (Linux 5.5 and later).
    word_of(&fs::read_to_string("/proc/diskstats").ok()?, device(path)?, 18)?.parse().ok()
}

/// The name of the disk that holds `path`.
pub(super) fn name(path: &Path) -> Option<String> {
    word_of(&fs::read_to_string("/proc/diskstats").ok()?, device(path)?, 2).map(str::to_owned)
}

/// Major and minor number.
fn device(path: &Path) -> Option<[u32; 2]> {
    let device = fs::metadata(path).ok()?.dev();
    Some([rustix::fs::major(device), rustix::fs::minor(device)])
}

/// A word of the line of a device: its numbers, its name, and its counters.
fn word_of(stats: &str, device: [u32; 2], at: usize) -> Option<&str> {
    let line = stats.lines().find(|line| {
        let words = line.split_whitespace().take(2);
        words.map(str::parse).eq(device.map(Ok))
    })?;
    line.split_whitespace().nth(at)
}

/// Fails if the disk that holds `path` has less than `wanted` bytes free.
///
/// # Errors
/// A sentence with both numbers.
pub(super) fn require_free(path: &Path, wanted: u64) -> Result<(), String> {
    let stat = rustix::fs::statvfs(path).map_err(|fault| format!("no free space seen: {fault}"))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free >= wanted {
        return Ok(());
    }
    let gb = |bytes: u64| bytes as f64 / 1e9;
    Err(format!(
        "too little free space: it needs {:.1} GB in {}, and there are {:.1} GB",
        gb(wanted),
        path.display(),
        gb(free)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_device_number() {
        let stats = "   7   0 loop0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n\
                     254   0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 564388 31395\n";
        assert_eq!(word_of(stats, [254, 0], 18), Some("564388"));
        assert_eq!(word_of(stats, [254, 0], 2), Some("vda"));
        assert_eq!(word_of(stats, [8, 0], 18), None);
        assert_eq!(word_of("254 0 vda 1 2 3", [254, 0], 18), None);
    }

    #[test]
    fn too_little_space_is_said_with_both_numbers() {
        let folder = std::env::temp_dir();
        assert_eq!(require_free(&folder, 1), Ok(()));
        let fault = require_free(&folder, u64::MAX).unwrap_err();
        assert!(fault.contains("needs 18446744073.7 GB"), "{fault}");
    }
}
