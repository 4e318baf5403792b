//! A guest that traps: how long until the next good answer.

use std::time::Instant;

use sluicegate_core::decision::Decision;
use sluicegate_core::letter::Cause;
use sluicegate_filters::{End, Reuse, Said};

use super::calls::ask;
use super::event::alert;
use super::guests::{Guest, Language};
use super::options::Effort;
use super::room::{Room, require, require_dead, runtime};
use super::rows::name;
use super::timing::{percentile, us};
use crate::bench::figures::Figures;

/// From the start of a call that traps to the end of the next good one. First by itself; then in
/// the room, which asks about the event again on a fresh instance before it gives it up, so that
/// two calls trap and two instances are started.
pub(super) fn trap(language: Language, effort: &Effort) -> Result<Figures, String> {
    let (once, twice) = (alone(language, effort)?, in_the_room(language, effort)?);
    let mut figures = Figures::default();
    figures.set(name::P50_US, once.0);
    figures.set(name::P99_US, once.1);
    figures.set(name::ROOM_P50_US, twice.0);
    figures.set(name::ROOM_P99_US, twice.1);
    Ok(figures)
}

/// The p50 and the p99 in microseconds.
fn alone(language: Language, effort: &Effort) -> Result<(f64, f64), String> {
    let (mut trial, _) = Guest::Scan(language).start()?;
    let (good, bad) = (alert("push", "low"), alert("trap", "low"));
    let mut times = Vec::with_capacity(effort.traps);
    for _ in 0..effort.traps {
        ask(&mut trial, &good, Reuse::Kept, &Decision::Next)?;
        let began = Instant::now();
        let said = trial.ask(&bad, Reuse::Kept).said;
        let next = trial.ask(&good, Reuse::Kept).said;
        times.push(began.elapsed());
        if !matches!(said, Said::Broke { cause: Cause::Trap, .. }) {
            return Err(format!("it answered {said:?} where it traps"));
        }
        if next != Said::Decided(Decision::Next) {
            return Err(format!("after a trap it answered {next:?}"));
        }
    }
    times.sort_unstable();
    Ok((us(percentile(&times, 0.5)), us(percentile(&times, 0.99))))
}

fn in_the_room(language: Language, effort: &Effort) -> Result<(f64, f64), String> {
    let room = Room::start()?;
    let route = room.route(Guest::Scan(language))?;
    let (good, bad) = (alert("push", "low"), alert("trap", "low"));
    let mut times = Vec::with_capacity(effort.traps);
    runtime()?.block_on(async {
        for _ in 0..effort.traps {
            // A used instance: only then the event is tried again.
            for _ in 0..USED {
                require(&room.decide(&good, &route).await?, &End::Through)?;
            }
            let began = Instant::now();
            let end = room.decide(&bad, &route).await?;
            let next = room.decide(&good, &route).await?;
            times.push(began.elapsed());
            require_dead(&end, Cause::Trap)?;
            require(&next, &End::Through)?;
        }
        Ok::<_, String>(())
    })?;
    times.sort_unstable();
    Ok((us(percentile(&times, 0.5)), us(percentile(&times, 0.99))))
}

/// Good calls before each that traps.
const USED: u32 = 3;
