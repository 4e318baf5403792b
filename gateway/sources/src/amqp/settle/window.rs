//! The messages of one channel that the broker waits for an answer to, in the order of their tags.
//!
//! One `basic.ack` answers for all tags up to its own. So what has a receipt waits until
//! everything before it has one, or was rejected; then the last one answers for all.

use std::collections::BTreeMap;

/// The messages on their way. Pure: it sends nothing. It holds no more than the broker waits for.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// By tag.
    places: BTreeMap<u64, State>,
    /// Places that have a receipt, and wait for one before them.
    waiting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is known yet.
    Open,
    /// There is a receipt, and the broker does not know.
    Durable,
}

/// What is to be acknowledged now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Acks {
    /// This tag, and all before it.
    pub(crate) through: Option<u64>,
    /// These tags alone.
    pub(crate) singly: Vec<u64>,
    /// How many messages these answer for.
    pub(crate) count: u64,
}

impl Acks {
    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Window {
    /// A message has come. Tags grow.
    pub(crate) fn open(&mut self, tag: u64) {
        self.places.insert(tag, State::Open);
    }

    /// The message is durable.
    pub(crate) fn durable(&mut self, tag: u64) {
        if let Some(state) = self.places.get_mut(&tag)
            && *state == State::Open
        {
            *state = State::Durable;
            self.waiting += 1;
        }
    }

    /// The broker was told of the message by itself: it was rejected. Called when that was said,
    /// not before: an acknowledgement of a later tag would be an answer for this one too.
    pub(crate) fn told(&mut self, tag: u64) {
        if self.places.get(&tag) == Some(&State::Open) {
            self.places.remove(&tag);
        }
    }

    /// How many messages the broker waits for.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// What can be acknowledged now. If more than `behind_max` messages with a receipt wait for one
    /// before them, they are acknowledged singly: a message that is put off must not hold up the
    /// rest.
    pub(crate) fn due(&mut self, behind_max: usize) -> Acks {
        let mut acks = Acks::default();
        while let Some(place) = self.places.first_entry().filter(|e| *e.get() == State::Durable) {
            acks.through = Some(*place.key());
            acks.count += 1;
            self.waiting -= 1;
            place.remove();
        }
        if self.waiting > behind_max {
            let durable = self.places.extract_if(.., |_, state| *state == State::Durable);
            acks.singly.extend(durable.map(|(tag, _)| tag));
            acks.count += acks.singly.len() as u64;
            self.waiting = 0;
        }
        acks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(count: u64) -> Window {
        let mut window = Window::default();
        (1..=count).for_each(|tag| window.open(tag));
        window
    }

    fn through(tag: u64, count: u64) -> Acks {
        Acks { through: Some(tag), singly: Vec::new(), count }
    }

    #[test]
    fn the_longest_durable_front_is_acknowledged_at_once() {
        let mut window = window(5);
        [2, 3, 5].into_iter().for_each(|tag| window.durable(tag));
        assert!(window.due(9).is_empty());
        window.durable(1);
        assert_eq!(window.due(9), through(3, 3));
        window.durable(4);
        assert_eq!(window.due(9), through(5, 2));
        assert_eq!((window.len(), window.due(9)), (0, Acks::default()));
    }

    #[test]
    fn a_rejected_message_holds_the_front_until_the_broker_was_told() {
        let mut window = window(3);
        window.durable(1);
        window.durable(3);
        assert_eq!(window.due(9), through(1, 1));
        window.told(2);
        assert_eq!(window.due(9), through(3, 1));
    }

    #[test]
    fn rejections_alone_need_no_acknowledgement() {
        let mut window = window(2);
        window.told(1);
        window.told(2);
        assert!(window.due(9).is_empty());
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn a_message_that_is_put_off_does_not_hold_up_more_than_it_may() {
        let mut window = window(4);
        (2..=4).for_each(|tag| window.durable(tag));
        assert!(window.due(3).is_empty());
        let singly = vec![2, 3, 4];
        assert_eq!(window.due(2), Acks { through: None, singly, count: 3 });
        window.durable(1);
        assert_eq!(window.due(2), through(1, 1));
    }

    #[test]
    fn what_was_answered_for_takes_no_room_while_one_before_it_is_put_off() {
        let mut window = Window::default();
        window.open(1);
        for tag in 2..=100_000 {
            window.open(tag);
            window.durable(tag);
            window.due(8);
            assert!(window.len() <= 10, "{}", window.len());
        }
        window.durable(1);
        assert_eq!((window.due(8).is_empty(), window.len()), (false, 0));
    }

    proptest! {
        /// Against a broker that knows what was answered: each message is answered once, none
        /// without a receipt, and none that was to be rejected is acknowledged.
        #[test]
        fn nothing_is_acknowledged_without_a_receipt(
            steps in prop::collection::vec((0_u8..4, any::<prop::sample::Index>()), 1..200),
            behind_max in 0_usize..8,
        ) {
            let (mut window, mut next) = (Window::default(), 1_u64);
            let mut open: Vec<u64> = Vec::new();
            let mut durable = std::collections::BTreeSet::new();
            let mut unanswered = std::collections::BTreeSet::new();
            for (step, index) in steps {
                match step {
                    0 => { window.open(next); open.push(next); unanswered.insert(next); next += 1; }
                    1 | 2 if !open.is_empty() => {
                        let tag = open.swap_remove(index.index(open.len()));
                        if step == 1 { window.durable(tag); durable.insert(tag); }
                        else { prop_assert!(unanswered.remove(&tag)); window.told(tag); }
                    }
                    _ => {
                        let acks = window.due(behind_max);
                        let through = acks.through.unwrap_or(0);
                        let front: Vec<u64> = unanswered.range(..=through).copied().collect();
                        prop_assert_eq!(acks.count as usize, front.len() + acks.singly.len());
                        for tag in front.into_iter().chain(acks.singly) {
                            prop_assert!(durable.contains(&tag));
                            prop_assert!(unanswered.remove(&tag));
                        }
                    }
                }
            }
            prop_assert_eq!(window.len(), unanswered.len());
            open.iter().for_each(|tag| { window.durable(*tag); durable.insert(*tag); });
            let acks = window.due(usize::MAX);
            prop_assert_eq!(acks.count as usize, unanswered.len());
        }
    }
}
