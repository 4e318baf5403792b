//! The rows of the table: what is measured, and beside what.

use super::options::Options;
use super::ours::raw::Ground;
use super::peers::Peer;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a row measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Producers in a closed loop, and consumers beside them if there are any.
    Drive { under: Under, producers: usize, consumers: usize, disk: Disk },
    /// A backlog, a kill, a recovery.
    Backlog,
    /// Leased and delayed events, and an idle process.
    Timers,
}

/// What is under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    Raw(Ground),
    Engine { queues: usize },
    Peer(Peer),
}

/// The disk as it is, or with every flush slowed by [`SLOW_US`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    AsItIs,
    Slow,
}

/// What is added to each flush of a slow disk.
pub(super) const SLOW_US: u64 = 2000;

/// Consumers beside 64 producers, for every system.
const CONSUMERS: usize = 2;

const RAW: Under = Under::Raw(Ground::Allocated);
const ENGINE: Under = Under::Engine { queues: 1 };
const RABBITMQ: Under = Under::Peer(Peer::RabbitMq);
const REDIS: Under = Under::Peer(Peer::Redis);

/// Every row, in the order of the table.
pub(super) const ALL: [Row; 20] = [
    commit("raw/64", RAW, 64),
    commit("commit/64", ENGINE, 64),
    commit("commit/64/10-queues", Under::Engine { queues: 10 }, 64),
    commit("raw/1", RAW, 1),
    commit("commit/1", ENGINE, 1),
    through("through/64", ENGINE),
    through("rabbitmq/through", RABBITMQ),
    through("redis/through", REDIS),
    commit("rabbitmq/commit", RABBITMQ, 64),
    commit("redis/commit", REDIS, 64),
    slow("slow/raw", RAW, 0),
    slow("slow/commit", ENGINE, 0),
    slow("slow/through", ENGINE, CONSUMERS),
    slow("slow/rabbitmq", RABBITMQ, 0),
    slow("slow/redis", REDIS, 0),
    commit("ground/64/zeroed", Under::Raw(Ground::Zeroed), 64),
    commit("ground/64/recycled", Under::Raw(Ground::Recycled), 64),
    commit("ground/1/zeroed", Under::Raw(Ground::Zeroed), 1),
    Row { name: "backlog", kind: Kind::Backlog },
    Row { name: "timers", kind: Kind::Timers },
];

const fn commit(name: &'static str, under: Under, producers: usize) -> Row {
    Row { name, kind: Kind::Drive { under, producers, consumers: 0, disk: Disk::AsItIs } }
}

const fn through(name: &'static str, under: Under) -> Row {
    let (producers, consumers) = (64, CONSUMERS);
    Row { name, kind: Kind::Drive { under, producers, consumers, disk: Disk::AsItIs } }
}

const fn slow(name: &'static str, under: Under, consumers: usize) -> Row {
    Row { name, kind: Kind::Drive { under, producers: 64, consumers, disk: Disk::Slow } }
}

/// The rows that are asked for, and those that their targets compare them with.
pub(super) fn wanted(options: &Options) -> Vec<Row> {
    let asked = |name: &str| {
        options.only.is_empty() || options.only.iter().any(|text| name.contains(text.as_str()))
    };
    let needed = |name: &str| {
        let mut targets = super::targets::ALL.iter();
        targets.any(|target| asked(target.row) && target.against == Some(name))
    };
    let peer = |row: &Row| matches!(row.kind, Kind::Drive { under: Under::Peer(_), .. });
    // A broker is measured only if its own name is asked for: it may not be installed.
    ALL.into_iter().filter(|row| asked(row.name) || (needed(row.name) && !peer(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &str) -> Vec<&'static str> {
        let only = only.split(',').filter(|text| !text.is_empty()).map(str::to_owned);
        let options = Options { only: only.collect(), ..Options::default() };
        wanted(&options).iter().map(|row| row.name).collect()
    }

    #[test]
    fn a_row_brings_what_it_is_compared_with() {
        assert_eq!(names("").len(), ALL.len());
        assert_eq!(names("commit/1"), ["raw/1", "commit/1"]);
        assert_eq!(names("10-queues"), ["commit/64", "commit/64/10-queues"]);
        assert_eq!(names("backlog,timers"), ["backlog", "timers"]);
    }

    #[test]
    fn a_broker_is_measured_only_when_it_is_named() {
        assert_eq!(names("through/64"), ["through/64"]);
        assert_eq!(names("redis/through"), ["redis/through"]);
    }
}
