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
        let Some(time) = parse(text)? else { return Ok(Self::LAST) };
        let unix_ns = u128::try_from(time.as_nanosecond()).map_err(|_| TimestampError)?;
        Ok(Self { unix_ns: u64::try_from(unix_ns).unwrap_or(u64::MAX) })
    }

    /// Reads an RFC 3339 time.
    ///
    /// # Errors
    /// When the text is not RFC 3339, or the time is before 1970 or beyond 2554.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        let time = parse(text)?.ok_or(TimestampError)?;
        let unix_ns = u64::try_from(time.as_nanosecond()).map_err(|_| TimestampError)?;
        Ok(Self { unix_ns })
    }

    /// Whether a text is an RFC 3339 time, also one before 1970 or beyond 2554.
    #[must_use]
    pub fn is_rfc3339(text: &str) -> bool {
        parse(text).is_ok()
    }
}

/// The time of a text in the grammar of RFC 3339, section 5.6; `None` for the last day of the year
/// 9999, which the library cannot tell. By itself the library takes more: a space for the `T`, a
/// day without a time.
fn parse(text: &str) -> Result<Option<jiff::Timestamp>, TimestampError> {
    let Some((seconds, rest)) = text.split_at_checked(SECONDS.len()) else {
        return Err(TimestampError);
    };
    let is_there = seconds.parse::<jiff::civil::DateTime>().is_ok();
    if !is_like(seconds, SECONDS) || !is_there || !ends_well(rest) {
        return Err(TimestampError);
    }
    Ok(text.parse().ok())
}

/// Whether this is a fraction, if there is one, and an offset.
fn ends_well(rest: &str) -> bool {
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|char: char| char.is_ascii_digit());
            if offset.len() == fraction.len() {
                return false;
            }
            offset
        }
        None => rest,
    };
    let within = |hours: &str, minutes: &str| hours < "24" && minutes < "60";
    offset.eq_ignore_ascii_case("Z")
        || ((is_like(offset, "+00:00") || is_like(offset, "-00:00"))
            && offset.get(1..3).zip(offset.get(4..)).is_some_and(|(h, m)| within(h, m)))
}

/// Whether a text has a digit where the form has one, and elsewhere what the form has.
fn is_like(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            other => byte.eq_ignore_ascii_case(&other),
        })
}

const SECONDS: &str = "0000-00-00T00:00:00";

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
pub struct Clock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Asked far more often, and by itself: a look at a clock is not free.
    steady: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Clock {
    /// A clock that answers with this function, for both clocks of a moment: one that is never set.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let now: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(now);
        Self { wall: Arc::clone(&now), steady: now }
    }

    /// A clock that answers with these functions: the wall clock, and the one that is never set.
    pub fn of_two(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        steady: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Arc::new(wall), steady: Arc::new(steady) }
    }

    /// What time it is, by the wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.wall)()
    }

    /// What time it is, by the clock that is never set.
    #[must_use]
    pub fn steady(&self) -> Timestamp {
        (self.steady)()
    }

    /// What time it is, by both clocks.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { wall: self.now(), steady: self.steady() }
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
    fn only_the_grammar_of_rfc3339_is_read() {
        for good in [
            "2026-11-22T12:00:00Z",
            "2026-11-22t12:00:00z",
            "2026-11-22T12:00:00.123456789-05:30",
            "2026-12-31T23:59:60Z",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59.9999999+00:00",
        ] {
            assert!(Timestamp::is_rfc3339(good), "{good}");
        }
        let end = Timestamp::parse_rfc3339_or_last("9999-12-31T23:59:59.9999999Z");
        assert_eq!(end, Ok(Timestamp::LAST));
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22 12:00:00Z",
            "2026-11-22T12:00:00",
            "2026-11-22T12:00Z",
            "2026-11-22T12:00:00.Z",
            "2026-11-22T12:00:00,5Z",
            "2026-11-22T12:00:00+0200",
            "2026-11-22T12:00:00+02",
            "2026-11-22T12:00:00Z[UTC]",
            "20261122T120000Z",
            "+002026-11-22T12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T12:00:00+24:00",
            "2026-11-22T12:00:00-02:60",
            " 2026-11-22T12:00:00Z",
            "2026-11-22T12:00:00\u{ff3a}",
        ] {
            assert!(!Timestamp::is_rfc3339(bad), "{bad}");
            assert!(Timestamp::parse_rfc3339(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let end = Timestamp::from_unix_ns(u64::MAX);
        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(Timestamp::default().since(end), Duration::ZERO);
    }
}
