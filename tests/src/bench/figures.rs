//! Figures by name, and the median over runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one run measured: figures by name, units in the name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Figures(BTreeMap<String, f64>);

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
            figures.set("rate", rate);
            figures.set("p99_us", p99);
            figures
        };
        let medians = Figures::medians(&[run(1.0, 30.0), run(3.0, 10.0), run(2.0, 20.0)]);
        assert_eq!((medians.get("rate"), medians.get("p99_us")), (Some(2.0), Some(20.0)));
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert!(median(Vec::new()).is_nan());
    }
}
