//! The severity router in one language: size, first load, calls, memory.

use std::time::Instant;

use sluicegate_core::decision::Decision;
use sluicegate_filters::Reuse;

use super::calls::ask;
use super::event::alert;
use super::guests::{Guest, Language};
use super::options::Effort;
use super::rows::name;
use super::timing::{ms, ns, percentile, single, us};
use crate::bench::figures::Figures;

/// Compiles it, and asks it on one instance and on fresh ones.
pub(super) fn language(language: Language, effort: &Effort) -> Result<Figures, String> {
    let began = Instant::now();
    let (mut trial, bytes) = Guest::Router(language).start()?;
    let loaded = began.elapsed();
    let event = alert("dependabot_alert", "medium");
    let mut memory_bytes = 0;
    let mut asked = |reuse| {
        let asked = ask(&mut trial, &event, reuse, &Decision::Next)?;
        memory_bytes = asked.memory_bytes;
        Ok(())
    };
    let kept = single(effort.calls, effort.at_most, || asked(Reuse::Kept))?;
    let fresh = single(effort.fresh, effort.at_most, || asked(Reuse::Fresh))?;
    let mut figures = Figures::default();
    figures.set(name::SIZE, bytes as f64 / 1024.0);
    figures.set(name::LOAD, ms(loaded));
    figures.set(name::P50, ns(percentile(&kept, 0.5)));
    figures.set(name::P99, ns(percentile(&kept, 0.99)));
    figures.set(name::FRESH, us(percentile(&fresh, 0.5)));
    figures.set(name::MEMORY, memory_bytes as f64 / 1024.0);
    Ok(figures)
}
