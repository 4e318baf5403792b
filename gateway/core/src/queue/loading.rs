//! How a lane gets its first arrivals back from disk: one wish at a time.

use std::time::Duration;

use super::item::{Item, Place};
use super::lane::{Lane, before};
use super::traffic::Wish;
use crate::time::Timestamp;

/// A wish that is not yet answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loading {
    wish: Wish,
    /// What it finds is to be loaded once more.
    pub(super) stale: bool,
}

impl Lane {
    /// Whether a wish is due.
    pub(super) fn is_wishing(&self, now: Timestamp) -> bool {
        self.loading.is_none()
            && self.runs.unloaded() > 0
            && self.front.len() * 2 < self.front_max
            && self.retry_at.is_none_or(|at| at <= now)
    }

    /// The next wish, if one is due. It counts as under way from now on.
    pub(super) fn wish(&mut self, newest: Place, now: Timestamp) -> Option<Wish> {
        self.retry_at = self.retry_at.filter(|at| *at > now);
        if !self.is_wishing(now) {
            return None;
        }
        self.join_recent();
        let wish = self.next_wish(newest)?;
        self.loading = Some(Loading { wish, stale: false });
        Some(wish)
    }

    /// Takes in the answer to a wish. Returns how many arrivals turned out to be missing.
    pub(super) fn answer(&mut self, wish: Wish, found: Option<Vec<Item>>, now: Timestamp) -> u64 {
        let Some(loading) = self.loading.filter(|loading| loading.wish == wish) else { return 0 };
        self.loading = None;
        if loading.stale {
            return 0;
        }
        let Some(found) = found else {
            self.retry_at = Some(now.plus(RETRY_AFTER));
            return 0;
        };
        let missing = self.fill(wish, &found);
        self.join_recent();
        missing
    }

    /// Loads until this one is in memory, as long as there is room. Returns how many arrivals
    /// turned out to be missing.
    pub(super) fn load_to(
        &mut self,
        id: Place,
        newest: Place,
        load: &mut dyn FnMut(Wish) -> Vec<Item>,
    ) -> u64 {
        let mut missing = 0;
        while self.loaded_to < id && self.front.len() < self.front_max {
            let Some(wish) = self.next_wish(newest) else { break };
            if wish.segment > id.segment() {
                break;
            }
            missing += self.fill(wish, &load(wish));
        }
        missing
    }

    /// Takes out this one alone, which may be on disk.
    pub(super) fn fetch(
        &mut self,
        id: Place,
        load: &mut dyn FnMut(Wish) -> Vec<Item>,
    ) -> Option<Item> {
        let segment = id.segment();
        if id <= self.loaded_to || self.holes.contains(&id) || self.runs.unloaded_in(segment) == 0 {
            return None;
        }
        let wish =
            Wish { priority: self.priority, segment, after: before(id), up_to: id, count: 1 };
        let item = load(wish).into_iter().find(|item| item.id == id && self.is_ours(item))?;
        self.take_from_disk(id).then_some(item)
    }

    fn next_wish(&self, newest: Place) -> Option<Wish> {
        Some(Wish {
            priority: self.priority,
            segment: self.runs.first_unloaded()?,
            after: self.loaded_to,
            up_to: newest,
            count: self.front_max.saturating_sub(self.front.len()).max(1),
        })
    }

    /// Puts what was found behind the first ones. A segment in which nothing more is found, though
    /// some should be there, is damaged: what is missing is written off, so that nobody asks for
    /// it for ever.
    fn fill(&mut self, wish: Wish, found: &[Item]) -> u64 {
        let wanted = |item: &&Item| item.id > wish.after && item.id <= wish.up_to;
        if !found.iter().any(|item| wanted(&item)) {
            let missing = self.runs.write_off(wish.segment);
            self.forget_if_empty();
            return missing;
        }
        for item in found.iter().filter(wanted) {
            if self.front.len() >= self.front_max {
                break;
            }
            // A direct arrival may have been faster.
            if item.id <= self.loaded_to {
                continue;
            }
            self.loaded_to = item.id;
            if self.is_ours(item) && !self.holes.contains(&item.id) {
                self.runs.load(item.id, item.received_at);
                self.front.push_back(*item);
            }
        }
        0
    }

    fn is_ours(&self, item: &Item) -> bool {
        item.terms.priority == self.priority && item.terms.deliver_at.is_none()
    }
}

/// How long a lane waits after a load that failed.
const RETRY_AFTER: Duration = Duration::from_millis(100);
