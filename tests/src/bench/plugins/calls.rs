//! Calls of guests that behave: what a kept instance costs, and what a fresh one for each event.

use std::hint::black_box;

use bytes::Bytes;
use sluicegate_core::decision::Decision;
use sluicegate_core::event::Event;
use sluicegate_filters::{Asked, Reuse, Said, Trial};

use super::event::alert;
use super::guests::{Guest, Language};
use super::native;
use super::options::Effort;
use super::rows::name;
use super::timing::{batched, ns, percentile, single, us};
use crate::bench::figures::Figures;

/// Asks, and holds the answer against the right one.
pub(super) fn ask(
    trial: &mut Trial,
    event: &Event,
    reuse: Reuse,
    right: &Decision,
) -> Result<Asked, String> {
    let asked = trial.ask(event, reuse);
    match &asked.said {
        Said::Decided(decision) if decision == right => Ok(asked),
        other => Err(format!("it answered {other:?}, not {right:?}")),
    }
}

/// What the severity router says to an alert that is urgent.
pub(super) fn to_urgent() -> Decision {
    Decision::Route(vec!["urgent".parse().expect("it is a name")])
}

/// The severity router, which sees the payload only, beside its own check in native Rust.
pub(super) fn payload(language: Language, effort: &Effort) -> Result<Figures, String> {
    let (mut trial, _) = Guest::Router(language).start()?;
    let mut figures = Figures::default();
    let mut empty = alert("dependabot_alert", "low");
    empty.parts_mut().payload = Bytes::new();
    let crossed = || ask(&mut trial, black_box(&empty), Reuse::Kept, &Decision::Next).map(drop);
    figures.set(name::EMPTY, batched(effort.batches, crossed)?);
    let below = alert("dependabot_alert", "medium");
    let above = alert("dependabot_alert", "critical");
    let names = [
        (name::NEXT, name::NATIVE_NEXT, name::OVER_NEXT, below, Decision::Next, false),
        (name::ROUTE, name::NATIVE_ROUTE, name::OVER_ROUTE, above, to_urgent(), true),
    ];
    for (guest, of_native, over, event, right, is_urgent) in names {
        let asked = || ask(&mut trial, black_box(&event), Reuse::Kept, &right).map(drop);
        let guest_ns = batched(effort.batches, asked)?;
        let native_ns = batched(effort.batches, || match native::is_urgent(black_box(&event)) {
            Some(said) if said == is_urgent => Ok(()),
            other => Err(format!("the native check said {other:?}, not {is_urgent}")),
        })?;
        figures.set(guest, guest_ns);
        figures.set(of_native, native_ns);
        figures.set(over, guest_ns - native_ns);
    }
    Ok(figures)
}

/// A guest that reads every byte of every field.
pub(super) fn scan(language: Language, effort: &Effort) -> Result<Figures, String> {
    let (mut trial, _) = Guest::Scan(language).start()?;
    let event = alert("push", "low");
    let mut asked = || ask(&mut trial, &event, Reuse::Kept, &Decision::Next).map(drop);
    let mut figures = Figures::default();
    figures.set(name::CALL, batched(effort.batches, &mut asked)?);
    let times = single(effort.calls, effort.at_most, &mut asked)?;
    figures.set(name::P99, ns(percentile(&times, 0.99)));
    Ok(figures)
}

/// The severity router on a fresh instance for each event. The time is from one answer to the
/// next: the end of the instance before is in it.
pub(super) fn fresh(language: Language, effort: &Effort) -> Result<Figures, String> {
    let (mut trial, _) = Guest::Router(language).start()?;
    let event = alert("dependabot_alert", "critical");
    let right = to_urgent();
    let asked = || ask(&mut trial, &event, Reuse::Fresh, &right).map(drop);
    let times = single(effort.fresh, effort.at_most, asked)?;
    let mut figures = Figures::default();
    figures.set(name::P50_US, us(percentile(&times, 0.5)));
    figures.set(name::P99_US, us(percentile(&times, 0.99)));
    Ok(figures)
}
