//! What a kept instance has in memory before and after many calls, and what the process has.

use sluicegate_filters::Reuse;

use super::calls::{ask, to_urgent};
use super::event::alert;
use super::guests::{Guest, Language};
use super::options::Effort;
use super::rows::name;
use crate::bench::figures::Figures;
use crate::bench::usage;

/// Asks one instance again and again.
pub(super) fn memory(language: Language, effort: &Effort) -> Result<Figures, String> {
    let (mut trial, _) = Guest::Router(language).start()?;
    let event = alert("dependabot_alert", "critical");
    let right = to_urgent();
    let mut asked = |calls: u32| {
        let mut most = 0;
        for _ in 0..calls {
            most = most.max(ask(&mut trial, &event, Reuse::Kept, &right)?.memory_bytes);
        }
        Ok::<_, String>((most as f64 / KB, resident() / KB))
    };
    let (guest_before, process_before) = asked(SETTLED)?;
    let (guest_after, process_after) = asked(effort.kept)?;
    let mut figures = Figures::default();
    figures.set(name::MEMORY_BEFORE, guest_before);
    figures.set(name::MEMORY_AFTER, guest_after);
    figures.set(name::GROWN, guest_after - guest_before);
    figures.set(name::RESIDENT_BEFORE, process_before);
    figures.set(name::RESIDENT_AFTER, process_after);
    figures.set(name::RESIDENT_GROWN, process_after - process_before);
    Ok(figures)
}

fn resident() -> f64 {
    usage::resident_bytes(std::process::id()) as f64
}

/// Calls after which pools and buffers are what they will be.
const SETTLED: u32 = 1_000;
const KB: f64 = 1024.0;
