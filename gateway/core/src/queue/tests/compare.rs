//! The model beside the machine: after each turn, and after a crash.

use std::collections::BTreeMap;

use super::super::{Held, Place, Replayed, Snapshot, Standing, View};
use super::model::{Model, Note, Where};
use crate::time::Timestamp;

impl Model {
    /// Holds what the machine shows against what is known.
    pub(super) fn compare(&mut self, view: &View) {
        let shown: BTreeMap<Place, Standing> =
            view.held.iter().map(|(item, standing)| (item.id, *standing)).collect();
        for (id, standing) in &shown {
            let known = self.events[id];
            if known.at == Where::Lane {
                assert_eq!(*standing, Standing::Blocked, "it came up only to wait");
                assert!(self.is_blocked(&known.item));
                self.put(known.item, known.at, Where::Up);
            }
        }
        for (item, standing) in &view.held {
            let known = self.events[&item.id];
            assert_eq!(known.item, *item);
            let expected = match known.at {
                Where::Lane => panic!("{item:?} is held"),
                Where::Up if self.is_blocked(item) => Standing::Blocked,
                Where::Up => Standing::Ready,
                Where::Leased(_, until) => Standing::Leased(until),
                Where::Waits(until) => Standing::Delayed(self.now.wall_at(until)),
                Where::Scheduled(until) => Standing::Delayed(until),
            };
            assert_eq!(*standing, expected, "{item:?}");
        }
        let held = self.events.values().filter(|known| known.at != Where::Lane);
        for known in held.clone() {
            assert!(shown.contains_key(&known.item.id), "{known:?} is not shown");
            let expired = known.is_over(self.now);
            assert!(!expired || matches!(known.at, Where::Leased(..)), "{known:?} has expired");
        }
        let in_lanes: u64 = view.lanes.iter().flat_map(|lane| &lane.runs).map(|run| run.left).sum();
        assert_eq!(in_lanes, (self.events.len() - held.count()) as u64);
    }

    /// The process ended: what is left is what the snapshot and the notes say.
    pub(super) fn crash(&mut self, base: &Snapshot) {
        let (wall, steady) = (self.now.wall, self.now.steady);
        // A delay never grows; the time that a sender asked for is what it is.
        let delayed = |at: Timestamp, until: Timestamp| {
            let left = until.since(wall).min(until.since(at));
            if left.is_zero() { Where::Up } else { Where::Waits(steady.plus(left)) }
        };
        let scheduled =
            |until: Timestamp| if until > wall { Where::Scheduled(until) } else { Where::Up };
        let kept = |held: &Held| match held.until {
            Some(until) if held.item.attempts == 0 => scheduled(until),
            Some(until) => delayed(base.at, until),
            None => Where::Up,
        };
        let mut states: BTreeMap<Place, Where> =
            base.held.iter().map(|held| (held.item.id, kept(held))).collect();
        for note in &self.notes {
            match note {
                Note::Arrived(item) => {
                    if let Some(at) = item.terms.deliver_at {
                        states.insert(item.id, scheduled(at));
                    }
                }
                Note::Happened(id, Replayed::Failed { at, until, .. }) => {
                    states.insert(*id, delayed(*at, *until));
                }
                Note::Happened(id, _) => {
                    states.insert(*id, Where::Up);
                }
            }
        }
        for (id, known) in &mut self.events {
            known.at = states.get(id).copied().unwrap_or(Where::Lane);
            // What its life has left is known by the wall clock alone.
            known.end = known.item.terms.expires_at.map(|at| self.now.steady_at(at));
        }
        self.clocks = self.now;
        self.wishes.clear();
        self.failing.clear();
        self.purges.clear();
        self.leases.clear();
        self.acked = 0;
        self.lost = 0;
    }
}
