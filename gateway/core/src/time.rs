//! Points in time as values. Nothing here asks what time it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A point in time: nanoseconds since the Unix epoch, UTC, without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp {
    unix_ns: u64,
}

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as RFC 3339 has it, between 1970 and 2554")]
pub struct TimestampError;

impl Timestamp {
    /// A time from nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_ns(unix_ns: u64) -> Self {
        Self { unix_ns }
    }

    /// A time from milliseconds since the Unix epoch; stays at the end of time (2554) if beyond it.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self { unix_ns: unix_ms.saturating_mul(1_000_000) }
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ns(self) -> u64 {
        self.unix_ns
    }

    /// Whole milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.unix_ns / 1_000_000
    }

    /// This time and `more`; stays at the end of time if beyond it.
    #[must_use]
    pub fn plus(self, more: Duration) -> Self {
        let more = u64::try_from(more.as_nanos()).unwrap_or(u64::MAX);
        Self { unix_ns: self.unix_ns.saturating_add(more) }
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.unix_ns.saturating_sub(earlier.unix_ns))
    }

    /// The time in RFC 3339 form, UTC, as CloudEvents has it.
    #[must_use]
    pub fn rfc3339(self) -> String {
        // Every u64 of nanoseconds lies within jiff's range (to the year 9999).
        jiff::Timestamp::from_nanosecond(i128::from(self.unix_ns))
            .map_or_else(|_| String::new(), |time| time.to_string())
    }

    /// The last time that can be told: in 2554.
    pub const LAST: Self = Self { unix_ns: u64::MAX };

    /// Reads an RFC 3339 time; one that is later than the last is the last.
    ///
    /// # Errors
    /// When the text is not RFC 3339, or the time is before 1970.
    pub fn parse_rfc3339_or_last(text: &str) -> Result<Self, TimestampError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let unix_ns = u128::try_from(time.as_nanosecond()).map_err(|_| TimestampError)?;
        Ok(Self { unix_ns: u64::try_from(unix_ns).unwrap_or(u64::MAX) })
    }

    /// Reads an RFC 3339 time.
    ///
    /// # Errors
    /// When the text is not RFC 3339, or the time is before 1970 or beyond 2554.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        let unix_ns = u64::try_from(time.as_nanosecond()).map_err(|_| TimestampError)?;
        Ok(Self { unix_ns })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// One moment, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// By the machine's clock, which people and daemons set: what a deadline of the world is held
    /// against, and what is written down.
    pub wall: Timestamp,
    /// By a clock that is never set: how long something took, when a lease ends.
    pub steady: Timestamp,
}

impl Moment {
    /// The wall time at this later point of the steady clock, if nobody sets the clock until then.
    #[must_use]
    pub fn wall_at(self, steady: Timestamp) -> Timestamp {
        self.wall.plus(steady.since(self.steady))
    }

    /// The point of the steady clock at this later wall time, if nobody sets the clock until then.
    #[must_use]
    pub fn steady_at(self, wall: Timestamp) -> Timestamp {
        self.steady.plus(wall.since(self.wall))
    }
}

/// Where a room asks what time it is. The hall makes the real one; tests make their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Moment + Send + Sync>);

impl Clock {
    /// A clock that answers with this function, for both clocks of a moment: one that is never set.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::of_moments(move || {
            let now = now();
            Moment { wall: now, steady: now }
        })
    }

    /// A clock that answers with this function.
    pub fn of_moments(moment: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self(Arc::new(moment))
    }

    /// What time it is, by the wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.moment().wall
    }

    /// What time it is, by both clocks.
    #[must_use]
    pub fn moment(&self) -> Moment {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_round_trips_to_the_nanosecond() {
        for ns in [0, 1, 1_700_000_000_123_456_789, u64::MAX] {
            let time = Timestamp::from_unix_ns(ns);
            assert_eq!(Timestamp::parse_rfc3339(&time.rfc3339()), Ok(time));
        }
    }

    #[test]
    fn offsets_are_folded_into_utc() {
        let time = Timestamp::parse_rfc3339("2026-11-22T12:00:00+02:00").unwrap();
        assert_eq!(time.rfc3339(), "2026-11-22T10:00:00Z");
        assert!(Timestamp::parse_rfc3339("1969-12-31T23:59:59Z").is_err());
        assert!(Timestamp::parse_rfc3339("yesterday").is_err());
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let end = Timestamp::from_unix_ns(u64::MAX);
        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(Timestamp::default().since(end), Duration::ZERO);
    }
}
