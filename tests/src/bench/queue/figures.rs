//! The names of figures; units in the name.

pub(super) use crate::bench::figures::{Figures, median};

/// The names.
pub(super) mod name {
    /// Events per second.
    pub(crate) const RATE: &str = "events_per_second";
    /// Median latency.
    pub(crate) const P50: &str = "p50_us";
    /// Latency that one event in a hundred exceeds.
    pub(crate) const P99: &str = "p99_us";
    /// Longest latency.
    pub(crate) const MAX: &str = "max_us";
    /// CPU time of everything that took part: the bench itself, and the broker if there is one.
    pub(crate) const CPU: &str = "cpu_us_per_event";
    /// CPU time of the broker alone.
    pub(crate) const SERVER_CPU: &str = "server_cpu_us_per_event";
    /// CPU time of everything else on the machine, per cent of one core: over 10, the run was
    /// disturbed.
    pub(crate) const OTHERS: &str = "others_cpu_percent";
    /// Flushes that the system under test asked for.
    pub(crate) const FLUSHES: &str = "flushes_per_second";
    /// Flushes that reached the disk, of everything on this machine.
    pub(crate) const DISK_FLUSHES: &str = "disk_flushes_per_second";
    /// How long a flush took, on average.
    pub(crate) const FLUSH_MEAN: &str = "flush_mean_us";
    /// How long the flush took that one in a hundred exceeds.
    pub(crate) const FLUSH_P99: &str = "flush_p99_us";
    /// Memory resident once the state stood.
    pub(crate) const RESIDENT: &str = "resident_mb";
    /// The most memory that was resident.
    pub(crate) const RESIDENT_MAX: &str = "resident_max_mb";
    /// Commits with the backlog, per commits with none.
    pub(crate) const COMMIT_RATIO: &str = "commit_ratio_to_empty";
    /// Receives and acks with the backlog, per those of a queue with little in it.
    pub(crate) const DRAIN_RATIO: &str = "drain_ratio_to_empty";
    /// From the call of open to the open store, after the kill.
    pub(crate) const RECOVERY: &str = "recovery_seconds";
    /// The most memory that was resident until the store was open again.
    pub(crate) const START_MAX: &str = "start_resident_max_mb";
    /// CPU time of the idle process, per cent of one core.
    pub(crate) const IDLE_CPU: &str = "idle_cpu_percent";
}
