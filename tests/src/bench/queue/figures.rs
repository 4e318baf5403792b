//! Figures by name, and the median over runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one run measured: figures by name, units in the name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Figures(BTreeMap<String, f64>);

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

impl Figures {
    /// Sets a figure.
    pub(super) fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes over all figures of another.
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A figure.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Every figure, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The median of each figure over runs.
    pub(super) fn medians(runs: &[Self]) -> Self {
        let names = runs.iter().flat_map(|run| run.0.keys());
        let median = |name: &String| {
            let values = runs.iter().filter_map(|run| run.get(name));
            (name.clone(), median(values.collect()))
        };
        Self(names.map(median).collect())
    }
}

/// The median; of an even count, the lower one of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median() {
        let run = |rate: f64, p99: f64| {
            let mut figures = Figures::default();
            figures.set(name::RATE, rate);
            figures.set(name::P99, p99);
            figures
        };
        let medians = Figures::medians(&[run(1.0, 30.0), run(3.0, 10.0), run(2.0, 20.0)]);
        assert_eq!((medians.get(name::RATE), medians.get(name::P99)), (Some(2.0), Some(20.0)));
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert!(median(Vec::new()).is_nan());
    }
}
