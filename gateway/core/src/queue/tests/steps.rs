//! What random walks are made of.

use proptest::prelude::*;

/// What a walk does next; times are milliseconds.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Arrive(Vec<Kind>),
    Ask(usize, u64),
    Settle(usize, Word),
    Return(usize),
    Lose(usize),
    Redrive(Vec<usize>),
    Purge,
    Pause(bool),
    Attempts(u32),
    HeldMax(usize),
    Room(Option<u64>),
    DeadLetterExpired(bool),
    Wait(u64),
    SetClock(u64),
    Answer(Found),
    Checkpoint,
    Crash,
}

/// What arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) level: u8,
    pub(super) key: u64,
    /// Milliseconds.
    pub(super) delay: Option<u64>,
    /// Milliseconds.
    pub(super) ttl: Option<u64>,
    pub(super) dead: bool,
}

/// How a lease is settled.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Ack,
    Nack(Option<u64>),
    GiveUp,
    Extend(u64),
}

/// How a load is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    All,
    Some,
    Unreadable,
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let kind = (
        prop_oneof![3 => Just(0_u8), 1 => Just(4), 1 => Just(9)],
        prop_oneof![3 => Just(0_u64), 1 => Just(1), 1 => Just(2)],
        prop_oneof![5 => Just(None), 1 => (0_u64..30).prop_map(Some)],
        prop_oneof![4 => Just(None), 1 => (0_u64..60).prop_map(Some)],
        any::<bool>(),
    );
    let kind =
        kind.prop_map(|(level, key, delay, ttl, dead)| Kind { level, key, delay, ttl, dead });
    proptest::collection::vec(kind, 1..12)
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        4 => Just(Word::Ack),
        3 => proptest::option::of(0_u64..30).prop_map(Word::Nack),
        1 => Just(Word::GiveUp),
        2 => (0_u64..60).prop_map(Word::Extend),
    ]
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let found =
        prop_oneof![5 => Just(Found::All), 2 => Just(Found::Some), 1 => Just(Found::Unreadable)];
    let step = prop_oneof![
        6 => kinds().prop_map(Step::Arrive),
        8 => (1_usize..8, 1_u64..50).prop_map(|(max, lease)| Step::Ask(max, lease)),
        10 => (any::<usize>(), word()).prop_map(|(at, word)| Step::Settle(at, word)),
        1 => any::<usize>().prop_map(Step::Return),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => proptest::collection::vec(any::<usize>(), 1..6).prop_map(Step::Redrive),
        1 => Just(Step::Purge),
        1 => any::<bool>().prop_map(Step::Pause),
        1 => (1_u32..5).prop_map(Step::Attempts),
        1 => prop_oneof![Just(3_usize), Just(1_000)].prop_map(Step::HeldMax),
        1 => prop_oneof![2 => Just(None), 1 => (5_u64..20).prop_map(Some)].prop_map(Step::Room),
        1 => any::<bool>().prop_map(Step::DeadLetterExpired),
        5 => (0_u64..30).prop_map(Step::Wait),
        1 => prop_oneof![1_970_u64..2_030, 0_u64..4_000].prop_map(Step::SetClock),
        9 => found.prop_map(Step::Answer),
        1 => Just(Step::Checkpoint),
        2 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..150)
}
