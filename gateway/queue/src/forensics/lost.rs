//! How many events of each queue can be read back, and which cannot.

use std::io;
use std::sync::Arc;

use sluicegate_core::queue::{Place, QueueNumber};

use super::finding::{Finding, Severity, What};
use super::lying;
use super::report::QueueCount;
use super::stopped::Stopped;
use super::verify::Examined;
use crate::format::entry::Position;

/// Counts, queue by queue, on a look at the folder as start-up would have it.
pub(super) fn count(stopped: &Stopped, out: &mut Examined) -> io::Result<()> {
    if stopped.locked.is_some() {
        let finding = Finding::new(What::Locked, Severity::Note, "log");
        let detail = format!("{} entries", out.report.locked);
        out.report.add(finding.detail(detail));
        return Ok(());
    }
    let disk = stopped.overlay();
    let recovered = stopped.recover(&disk)?;
    let listings = Arc::clone(&recovered.listings);
    let now = stopped.clock.moment();
    let mut counts = Vec::with_capacity(recovered.states.len());
    for ((state, name), number) in recovered.states.iter().zip(&recovered.names).zip(0_u16..) {
        let (mut readable, mut events, mut letters) = (0, Lost::default(), Lost::default());
        let extents = &out.extents;
        let is_readable = |place: Place| {
            extents.get(&place.segment()).is_some_and(|extent| extent.is_readable(place))
        };
        let missing = lying::each(QueueNumber(number), state, now, &listings, |item, _| {
            if !is_readable(item.event) {
                events.add(item.event);
                return;
            }
            readable += 1;
            item.letter.filter(|letter| !is_readable(*letter)).into_iter().for_each(|letter| {
                letters.add(letter);
            });
        })?;
        let queue = name.to_string();
        let mut say = |what, severity, lost: &Lost| {
            if lost.count > 0 {
                let finding = Finding::new(what, severity, queue.clone()).detail(lost.places());
                out.report.add(finding.lost(format!("{} of queue {queue}", lost.count)));
            }
        };
        say(What::UnreadableEvents, Severity::Lost, &events);
        say(What::UnreadableLetters, Severity::Damaged, &letters);
        let of_segments =
            out.report.findings.iter().any(|known| {
                known.what == What::MissingSegment && known.severity == Severity::Lost
            });
        if missing > 0 && !of_segments {
            let finding = Finding::new(What::MissingEvents, Severity::Lost, queue.clone());
            out.report.add(finding.lost(format!("{missing} of queue {queue}")));
        }
        counts.push(QueueCount { name: queue, readable, unreadable: events.count + missing });
    }
    out.report.queues = Some(counts);
    Ok(())
}

/// Places that cannot be read: how many, and the first of them.
#[derive(Debug, Default)]
struct Lost {
    count: u64,
    first: Vec<Place>,
}

impl Lost {
    fn add(&mut self, place: Place) {
        self.count += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(place);
        }
    }

    fn places(&self) -> String {
        let place = |place: &Place| {
            let Position { segment, offset } = Position::unpack(place.position);
            format!("segment {segment} offset {offset}")
        };
        let more = if self.count > self.first.len() as u64 { ", ..." } else { "" };
        format!("at {}{more}", self.first.iter().map(place).collect::<Vec<_>>().join(", "))
    }
}

const SHOWN_MAX: usize = 10;
