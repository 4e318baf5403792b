//! The rows: what is measured, of which guests.

use super::flow::{self, ASKED};
use super::guests::{Guest, Language};
use super::options::{Effort, Options};
use super::{broken, calls, language, memory};
use crate::bench::figures::Figures;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    kind: Kind,
}

/// What a row measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A guest that sees the payload only, beside native code.
    Payload(Language),
    /// A guest that reads everything.
    Scan(Language),
    /// A fresh instance for each event.
    Fresh(Language),
    /// From a trap to the next good answer.
    Trap(Language),
    /// What a kept instance has in memory.
    Memory(Language),
    /// Events in the room, of a type that is asked about or not.
    Room { kind: &'static str, callers: usize },
    /// Loops beside so many callers of another route.
    Loops { callers: usize },
    /// The severity router in one language.
    Language(Language),
}

/// The names of figures; units in the name.
pub(super) mod name {
    /// A call that is answered with `next`, and the same check in native Rust.
    pub(crate) const NEXT: &str = "next_ns";
    pub(crate) const NATIVE_NEXT: &str = "native_next_ns";
    pub(crate) const OVER_NEXT: &str = "next_over_native_ns";
    /// The same with nothing to read: the way in and out.
    pub(crate) const EMPTY: &str = "empty_ns";
    /// A call that is answered with `route`, and the same check in native Rust.
    pub(crate) const ROUTE: &str = "route_ns";
    pub(crate) const NATIVE_ROUTE: &str = "native_route_ns";
    pub(crate) const OVER_ROUTE: &str = "route_over_native_ns";
    /// One call, the clock not in it.
    pub(crate) const CALL: &str = "call_ns";
    /// Calls that were timed one by one, the clock in it.
    pub(crate) const P50: &str = "p50_ns";
    pub(crate) const P99: &str = "p99_ns";
    pub(crate) const P50_US: &str = "p50_us";
    pub(crate) const P99_US: &str = "p99_us";
    pub(crate) const P50_MS: &str = "p50_ms";
    pub(crate) const P99_MS: &str = "p99_ms";
    pub(crate) const MAX_MS: &str = "max_ms";
    /// The same in the room, which tries an event again that trapped.
    pub(crate) const ROOM_P50_US: &str = "room_p50_us";
    pub(crate) const ROOM_P99_US: &str = "room_p99_us";
    /// Memory of an instance, and of the process.
    pub(crate) const MEMORY: &str = "instance_kb";
    pub(crate) const MEMORY_BEFORE: &str = "instance_before_kb";
    pub(crate) const MEMORY_AFTER: &str = "instance_after_kb";
    pub(crate) const GROWN: &str = "instance_grown_kb";
    pub(crate) const RESIDENT_BEFORE: &str = "process_before_kb";
    pub(crate) const RESIDENT_AFTER: &str = "process_after_kb";
    pub(crate) const RESIDENT_GROWN: &str = "process_grown_kb";
    /// Events through the room.
    pub(crate) const RATE: &str = "events_per_second";
    pub(crate) const CPU_US: &str = "cpu_us_per_event";
    /// Of it in the guest: wall time of the calls.
    pub(crate) const GUEST_US: &str = "guest_us_per_event";
    /// The untouched route by itself, and beside the loops.
    pub(crate) const ALONE: &str = "alone_events_per_second";
    pub(crate) const BESIDE: &str = "beside_loops_events_per_second";
    pub(crate) const FALL: &str = "fall_percent";
    /// What an event of it took from its caller's thread, by itself and beside the loops.
    pub(crate) const CALLER_ALONE_US: &str = "caller_alone_us_per_event";
    pub(crate) const CALLER_BESIDE_US: &str = "caller_beside_loops_us_per_event";
    /// Processor time of all but the untouched route's callers, of all cores.
    pub(crate) const SHARE: &str = "share_of_loops_percent";
    pub(crate) const FALL_OVER_SHARE: &str = "fall_over_share_points";
    /// A component.
    pub(crate) const SIZE: &str = "size_kb";
    pub(crate) const LOAD: &str = "first_load_ms";
    pub(crate) const FRESH: &str = "fresh_p50_us";
}

/// Every row, in the order of the tables. Memory comes before what compiles large guests.
pub(super) const ALL: [Row; 21] = [
    row("payload/rust", Kind::Payload(Language::Rust)),
    row("payload/c", Kind::Payload(Language::C)),
    row("scan/rust", Kind::Scan(Language::Rust)),
    row("scan/c", Kind::Scan(Language::C)),
    row("fresh/rust", Kind::Fresh(Language::Rust)),
    row("fresh/c", Kind::Fresh(Language::C)),
    row("trap/rust", Kind::Trap(Language::Rust)),
    row("trap/c", Kind::Trap(Language::C)),
    row("memory/rust", Kind::Memory(Language::Rust)),
    row("memory/c", Kind::Memory(Language::C)),
    row("room/1", Kind::Room { kind: ASKED, callers: 1 }),
    row("room/2", Kind::Room { kind: ASKED, callers: 2 }),
    row("room/2/unasked", Kind::Room { kind: "push", callers: 2 }),
    row("loops/1", Kind::Loops { callers: 1 }),
    row("loops/2", Kind::Loops { callers: 2 }),
    row("language/rust", Kind::Language(Language::Rust)),
    row("language/c", Kind::Language(Language::C)),
    row("language/cpp", Kind::Language(Language::Cpp)),
    row("language/go", Kind::Language(Language::Go)),
    row("language/javascript", Kind::Language(Language::JavaScript)),
    row("language/python", Kind::Language(Language::Python)),
];

const fn row(name: &'static str, kind: Kind) -> Row {
    Row { name, kind }
}

impl Row {
    /// The guests that it needs.
    pub(super) fn guests(&self) -> Vec<Guest> {
        match self.kind {
            Kind::Payload(language)
            | Kind::Fresh(language)
            | Kind::Memory(language)
            | Kind::Language(language) => vec![Guest::Router(language)],
            Kind::Scan(language) | Kind::Trap(language) => vec![Guest::Scan(language)],
            Kind::Room { .. } => vec![Guest::Router(Language::Rust)],
            Kind::Loops { .. } => vec![Guest::Router(Language::Rust), Guest::Scan(Language::C)],
        }
    }

    /// One run.
    pub(super) fn run(&self, effort: &Effort) -> Result<Figures, String> {
        match self.kind {
            Kind::Payload(language) => calls::payload(language, effort),
            Kind::Scan(language) => calls::scan(language, effort),
            Kind::Fresh(language) => calls::fresh(language, effort),
            Kind::Trap(language) => broken::trap(language, effort),
            Kind::Memory(language) => memory::memory(language, effort),
            Kind::Room { kind, callers } => flow::room(kind, callers, effort),
            Kind::Loops { callers } => flow::loops(callers, effort),
            Kind::Language(language) => language::language(language, effort),
        }
    }
}

/// The rows that are asked for.
pub(super) fn wanted(options: &Options) -> Vec<Row> {
    let asked = |row: &Row| {
        options.only.is_empty() || options.only.iter().any(|text| row.name.contains(text.as_str()))
    };
    ALL.into_iter().filter(asked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_parts_of_their_names() {
        let names = |only: &str| {
            let only = only.split(',').filter(|text| !text.is_empty()).map(str::to_owned);
            let options = Options { only: only.collect(), ..Options::default() };
            wanted(&options).iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names("").len(), ALL.len());
        assert_eq!(names("scan,loops/1"), ["scan/rust", "scan/c", "loops/1"]);
        assert!(names("nothing").is_empty());
    }

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
