//! What the engine is held to, and whether it holds.

use serde_json::{Value, json};

use super::figures::{Figures, median, name};

/// One target: a figure of a row, alone or divided by that of another row in the same round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) row: &'static str,
    figure: &'static str,
    pub(super) against: Option<&'static str>,
    bound: Bound,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A target beside what was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// What is held against what.
    pub(super) text: String,
    /// The median over the rounds.
    pub(super) measured: f64,
    /// Whether it holds.
    pub(super) held: bool,
    /// For machines.
    pub(super) json: Value,
}

/// All of them.
pub(super) const ALL: [Target; 18] = [
    ratio("commit/64", name::RATE, "raw/64", Bound::AtLeast(0.70)),
    ratio("commit/64", name::P99, "raw/64", Bound::AtMost(2.0)),
    ratio("commit/64/10-queues", name::RATE, "commit/64", Bound::AtLeast(0.80)),
    ratio("commit/1", name::RATE, "raw/1", Bound::AtLeast(0.85)),
    alone("through/64", name::RATE, Bound::AtLeast(100_000.0)),
    ratio("through/64", name::RATE, "rabbitmq/through", Bound::AtLeast(4.0)),
    ratio("through/64", name::RATE, "redis/through", Bound::AtLeast(1.0)),
    alone("slow/commit", name::RATE, Bound::AtLeast(25_000.0)),
    ratio("slow/commit", name::RATE, "slow/rabbitmq", Bound::AtLeast(1.0)),
    ratio("slow/commit", name::RATE, "slow/redis", Bound::AtLeast(1.0)),
    alone("backlog", name::RESIDENT, Bound::AtMost(100.0)),
    alone("backlog", name::RESIDENT_MAX, Bound::AtMost(100.0)),
    alone("backlog", name::COMMIT_RATIO, Bound::AtLeast(0.80)),
    alone("backlog", name::DRAIN_RATIO, Bound::AtLeast(0.80)),
    alone("backlog", name::RECOVERY, Bound::AtMost(2.0)),
    alone("backlog", name::START_MAX, Bound::AtMost(300.0)),
    alone("timers", name::IDLE_CPU, Bound::AtMost(2.0)),
    ratio("slow/commit", name::RATE, "slow/raw", Bound::AtLeast(0.70)),
];

const fn alone(row: &'static str, figure: &'static str, bound: Bound) -> Target {
    Target { row, figure, against: None, bound }
}

const fn ratio(
    row: &'static str,
    figure: &'static str,
    against: &'static str,
    bound: Bound,
) -> Target {
    Target { row, figure, against: Some(against), bound }
}

impl Target {
    /// Holds the rounds against the target; `None` if the row, or what it is compared with, was
    /// not measured.
    pub(super) fn judge(&self, runs_of: impl Fn(&str) -> Vec<Figures>) -> Option<Verdict> {
        let figures = |row: &str| -> Option<Vec<f64>> {
            let runs = runs_of(row);
            let values: Option<Vec<f64>> = runs.iter().map(|run| run.get(self.figure)).collect();
            values.filter(|values| !values.is_empty())
        };
        let mut values = figures(self.row)?;
        if let Some(against) = self.against {
            let others = figures(against)?;
            values = values.iter().zip(&others).map(|(one, other)| one / other).collect();
        }
        let measured = median(values);
        let (word, bound, held) = match self.bound {
            Bound::AtLeast(bound) => ("at least", bound, measured >= bound),
            Bound::AtMost(bound) => ("at most", bound, measured <= bound),
        };
        let against = self.against.map_or(String::new(), |against| format!(" x {against}"));
        let text = format!("{} {}: {word} {bound}{against}", self.row, self.figure);
        let json = json!({
            "row": self.row, "figure": self.figure, "against": self.against,
            "bound": word, "target": bound, "measured": measured, "held": held,
        });
        Some(Verdict { text, measured, held, json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::queue::rows;

    fn runs(rates: &[f64]) -> Vec<Figures> {
        let run = |rate: &f64| {
            let mut figures = Figures::default();
            figures.set(name::RATE, *rate);
            figures
        };
        rates.iter().map(run).collect()
    }

    #[test]
    fn a_ratio_is_that_of_the_same_round() {
        let target = ratio("a", name::RATE, "b", Bound::AtLeast(0.7));
        let measured = |row: &str| match row {
            "a" => runs(&[70.0, 10.0, 900.0]),
            _ => runs(&[100.0, 10.0, 1000.0]),
        };
        let verdict = target.judge(measured).unwrap();
        assert_eq!((verdict.measured, verdict.held), (0.9, true));
        assert_eq!(verdict.text, "a events_per_second: at least 0.7 x b");
        assert_eq!(target.judge(|row| if row == "a" { runs(&[1.0]) } else { Vec::new() }), None);
    }

    #[test]
    fn a_bound_holds_from_its_own_side() {
        let held = |bound| alone("a", name::RATE, bound).judge(|_| runs(&[5.0])).unwrap().held;
        assert!(held(Bound::AtMost(5.0)) && held(Bound::AtLeast(5.0)));
        assert!(!held(Bound::AtMost(4.9)) && !held(Bound::AtLeast(5.1)));
    }

    #[test]
    fn every_target_names_rows_that_there_are() {
        let is_row = |name: &str| rows::ALL.iter().any(|row| row.name == name);
        for target in ALL {
            assert!(is_row(target.row), "{target:?}");
            assert!(target.against.is_none_or(is_row), "{target:?}");
        }
    }
}
