//! The numbers of the store: its log, its disk, its flushes.

use sluicegate_queue::{FsyncMode, StateUsage, StoreMetrics};

use super::US;
use crate::metrics::{Kind, Page};

pub(super) fn write(page: &mut Page, store: &StoreMetrics, fsync: FsyncMode) {
    let (time, entries) = (&store.fsync_us, &store.batch_entries);
    page.histogram("sluicegate_store_fsync_seconds", "Time of a flush.", &[], time, US);
    page.histogram("sluicegate_store_batch_entries", "Entries in one flush.", &[], entries, 1.0);
    write_mode(page, fsync);
    for (name, help, value) in [
        ("sluicegate_store_entries_total", "Entries written.", store.entries),
        ("sluicegate_store_bytes_total", "Bytes written.", store.bytes),
        ("sluicegate_store_commit_bytes_total", "Those that brought events.", store.commit_bytes),
        ("sluicegate_store_duplicates_total", "Repeated idempotency keys.", store.duplicates),
        (
            "sluicegate_store_dedupe_evicted_total",
            "Idempotency keys forgotten before their window was over.",
            store.dedupe_keys_evicted,
        ),
        ("sluicegate_store_quarantined_total", "Damaged places set aside.", store.quarantined),
        (
            "sluicegate_store_unread_total",
            "Events that the disk could not read for a consumer, each time.",
            store.unread,
        ),
        ("sluicegate_store_checkpoints_total", "Checkpoints written.", store.checkpoints),
        (
            "sluicegate_store_archive_faults_total",
            "Indexes, checkpoints and deletions that failed.",
            store.archive_faults,
        ),
    ] {
        page.counter(name, help, &[], value);
    }
    write_gauges(page, store);
    write_state(page, store);
}

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
fn write_gauges(page: &mut Page, store: &StoreMetrics) {
    for (name, help, value) in [
        ("sluicegate_store_disk_bytes", "Bytes of segments on disk.", store.disk_bytes as f64),
        ("sluicegate_store_segments", "Segments on disk.", store.segments as f64),
        ("sluicegate_store_free_bytes", "Free bytes of the disk.", store.free_bytes as f64),
        (
            "sluicegate_store_disk_full",
            "1 while the disk has too little free space for events.",
            f64::from(u8::from(store.disk_full)),
        ),
        (
            "sluicegate_store_data_keys",
            "Data keys of the folder; 0: it is not encrypted.",
            store.data_keys as f64,
        ),
        (
            "sluicegate_store_recounted",
            "1 if no checkpoint could be read at the start.",
            f64::from(u8::from(store.recounted)),
        ),
        (
            "sluicegate_store_poisoned",
            "1 after a failed flush.",
            f64::from(u8::from(store.poisoned)),
        ),
        ("sluicegate_store_dedupe_keys", "Idempotency keys remembered.", store.dedupe_keys as f64),
        (
            "sluicegate_store_recovery_seconds",
            "Time of the last recovery.",
            store.recovery_time.as_secs_f64(),
        ),
        (
            "sluicegate_store_recovered_entries",
            "Entries of the log that the last recovery read.",
            store.recovered_entries as f64,
        ),
    ] {
        page.gauge(name, help, &[], value);
    }
}

/// What filters remember, by plugin and route.
#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
fn write_state(page: &mut Page, store: &StoreMetrics) {
    let (name, help) = ("sluicegate_state_keys", "Keys that a plugin remembers on a route.");
    page.begin(name, help, Kind::Gauge);
    for StateUsage { scope, keys, .. } in &store.state {
        let labels = [("plugin", scope.plugin.as_str()), ("route", scope.route.as_str())];
        page.gauge(name, help, &labels, *keys as f64);
    }
    let (name, help) = ("sluicegate_state_bytes", "Bytes of those keys and their values.");
    page.begin(name, help, Kind::Gauge);
    for StateUsage { scope, bytes, .. } in &store.state {
        let labels = [("plugin", scope.plugin.as_str()), ("route", scope.route.as_str())];
        page.gauge(name, help, &labels, *bytes as f64);
    }
    let help = "Events whose filters ran again, because another one had changed the state.";
    page.counter("sluicegate_state_conflicts_total", help, &[], store.state_conflicts);
}

/// The mode as a label, so that a dashboard can name it; and the interval, to alert on.
fn write_mode(page: &mut Page, fsync: FsyncMode) {
    let (mode, interval) = match fsync {
        FsyncMode::Always => ("always", 0.0),
        FsyncMode::Interval(every) => ("interval", every.as_secs_f64()),
    };
    let help = "When commits are flushed: always (before every answer) or in an interval.";
    page.gauge("sluicegate_store_fsync_mode", help, &[("mode", mode)], 1.0);
    let help = "Time between flushes; 0 where every answer waits for one.";
    page.gauge("sluicegate_store_fsync_interval_seconds", help, &[], interval);
}
