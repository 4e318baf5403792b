//! What calls of filters are held to, and whether they hold.

use serde_json::{Value, json};

use super::rows::name;
use crate::bench::figures::Figures;

/// One target: the most that a figure may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    row: &'static str,
    figure: &'static str,
    at_most: f64,
}

/// A target beside what was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// What is held against what.
    pub(super) text: String,
    /// The median over the runs.
    pub(super) measured: f64,
    /// Whether it holds.
    pub(super) held: bool,
    /// For machines.
    pub(super) json: Value,
}

/// All of them.
pub(super) const ALL: [Target; 17] = [
    target("payload/rust", name::OVER_NEXT, 600.0),
    target("payload/c", name::OVER_NEXT, 600.0),
    target("scan/rust", name::CALL, 2_500.0),
    target("scan/c", name::CALL, 2_500.0),
    target("fresh/rust", name::P50_US, 11.0),
    target("fresh/c", name::P50_US, 11.0),
    target("trap/rust", name::P50_US, 20.0),
    target("trap/c", name::P50_US, 20.0),
    target("trap/rust", name::ROOM_P50_US, 20.0),
    target("trap/c", name::ROOM_P50_US, 20.0),
    target("memory/rust", name::GROWN, 0.0),
    target("memory/rust", name::RESIDENT_GROWN, RESIDENT_GROWN_KB_MAX),
    target("memory/c", name::GROWN, 0.0),
    target("memory/c", name::RESIDENT_GROWN, RESIDENT_GROWN_KB_MAX),
    // With a core for the loops: a call may run for 10 ms of processor time, so where more wants
    // to run than there are cores, it ends later by the clock.
    target("loops/1", name::P99_MS, 12.0),
    target("loops/1", name::FALL_OVER_SHARE, 0.0),
    target("loops/2", name::FALL_OVER_SHARE, SHARE_NOISE_POINTS),
];

/// What the allocator may keep for itself: a leak of five bytes a call would be more.
const RESIDENT_GROWN_KB_MAX: f64 = 4096.0;

/// On a machine that is full, the fall is the share and what its callers lose in caches.
const SHARE_NOISE_POINTS: f64 = 2.0;

const fn target(row: &'static str, figure: &'static str, at_most: f64) -> Target {
    Target { row, figure, at_most }
}

impl Target {
    /// Holds the medians of its row against it; `None` if the row was not measured.
    pub(super) fn judge(&self, medians: impl Fn(&str) -> Option<Figures>) -> Option<Verdict> {
        let measured = medians(self.row)?.get(self.figure)?;
        let held = measured <= self.at_most;
        let text = format!("{} {}: at most {}", self.row, self.figure, self.at_most);
        let json = json!({
            "row": self.row, "figure": self.figure, "bound": "at most",
            "target": self.at_most, "measured": measured, "held": held,
        });
        Some(Verdict { text, measured, held, json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plugins::rows;

    #[test]
    fn a_figure_holds_up_to_its_target() {
        let target = target("a", name::CALL, 5.0);
        let verdict = |measured| {
            let mut figures = Figures::default();
            figures.set(name::CALL, measured);
            target.judge(|row| (row == "a").then(|| figures.clone())).unwrap()
        };
        assert!(verdict(5.0).held && !verdict(5.1).held);
        assert_eq!(verdict(5.0).text, "a call_ns: at most 5");
        assert_eq!(target.judge(|_| None), None);
        assert_eq!(target.judge(|_| Some(Figures::default())), None);
    }

    #[test]
    fn every_target_names_a_row_that_there_is() {
        for target in ALL {
            assert!(rows::ALL.iter().any(|row| row.name == target.row), "{target:?}");
        }
    }
}
