//! The log of a guest: lines in the gateway's log, marked with the plugin, its digest and the
//! event.
//!
//! A guest cannot flood it: lines over the rate are counted, not written; text over the bounds is
//! cut; control characters are replaced, so that a line stays one line.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use sluicegate_core::limits::bounded_reason;

use crate::contract::sluicegate::plugin::log::{Host, Level};
use crate::imports::Context;

impl Host for Context {
    fn enabled(&mut self, level: Level) -> bool {
        match level {
            Level::Trace => tracing::enabled!(target: TARGET, tracing::Level::TRACE),
            Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
            Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
            Level::Warn => tracing::enabled!(target: TARGET, tracing::Level::WARN),
            Level::Error => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
        }
    }

    fn write(&mut self, level: Level, message: String, fields: Vec<(String, String)>) {
        if !self.enabled(level) {
            return;
        }
        if !self.about.log.pass(Instant::now()) {
            self.about.counts.log_lines_dropped.increment();
            return;
        }
        let message = one_line(message);
        let fields = one_line(listed(&fields));
        match level {
            Level::Trace => self.line(tracing::Level::TRACE, &message, &fields),
            Level::Debug => self.line(tracing::Level::DEBUG, &message, &fields),
            Level::Info => self.line(tracing::Level::INFO, &message, &fields),
            Level::Warn => self.line(tracing::Level::WARN, &message, &fields),
            Level::Error => self.line(tracing::Level::ERROR, &message, &fields),
        }
    }
}

impl Context {
    fn line(&self, level: tracing::Level, message: &str, fields: &str) {
        let plugin = self.about.name.as_str();
        let digest = self.about.digest_short.as_str();
        let event = self.event.map(tracing::field::display);
        // Written only where it is true.
        let shadow = self.about.is_shadow().then_some(true);
        // The level of a tracing call site is a constant, so each has its own.
        macro_rules! at {
            ($level:ident) => {
                tracing::event!(
                    target: TARGET, tracing::Level::$level,
                    plugin, digest, shadow, event, fields, "{message}"
                )
            };
        }
        match level {
            tracing::Level::TRACE => at!(TRACE),
            tracing::Level::DEBUG => at!(DEBUG),
            tracing::Level::INFO => at!(INFO),
            tracing::Level::WARN => at!(WARN),
            _ => at!(ERROR),
        }
    }
}

/// Lets so many lines per second through, all instances of a plugin together.
#[derive(Debug)]
pub(crate) struct LogGate(Mutex<Second>);

#[derive(Debug)]
struct Second {
    began: Instant,
    lines: u32,
}

impl LogGate {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Second { began: now, lines: 0 }))
    }

    pub(crate) fn pass(&self, now: Instant) -> bool {
        // A poisoned gate stays shut: a log line is not worth a panic.
        let Ok(mut second) = self.0.lock() else { return false };
        if now.saturating_duration_since(second.began) >= Duration::from_secs(1) {
            *second = Second { began: now, lines: 0 };
        }
        second.lines = second.lines.saturating_add(1);
        second.lines <= LINES_PER_SECOND_MAX
    }
}

fn listed(fields: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields.iter().take(FIELDS_MAX) {
        let gap = if text.is_empty() { "" } else { " " };
        text.extend([gap, name, "=", value]);
    }
    text
}

fn one_line(text: String) -> String {
    bounded_reason(text).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The target of guests' lines, so that an operator can filter for them.
const TARGET: &str = "sluicegate::plugin";

/// Lines that one plugin may write in a second.
const LINES_PER_SECOND_MAX: u32 = 100;

/// Fields of one line.
const FIELDS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_passes_only_its_first_lines_of_each_second() {
        let start = Instant::now();
        let gate = LogGate::new(start);
        let flood = |at: Instant| (0..1000).filter(|_| gate.pass(at)).count();
        assert_eq!(flood(start), 100);
        assert_eq!(flood(start + Duration::from_millis(999)), 0);
        assert_eq!(flood(start + Duration::from_secs(1)), 100);
    }

    #[test]
    fn a_line_stays_one_line_within_its_bound() {
        assert_eq!(one_line("a\nb\u{1b}[31m".into()), "a\u{fffd}b\u{fffd}[31m");
        assert!(one_line("x".repeat(1_000_000)).len() <= 1024);
        let fields: Vec<_> = (0..100).map(|n| (format!("k{n}"), "v".into())).collect();
        assert!(listed(&fields).ends_with("k15=v"));
    }
}
