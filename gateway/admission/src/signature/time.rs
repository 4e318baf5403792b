//! Reading and writing the time of sending, and judging it by the time of arrival.

use std::time::Duration;

use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::signature::generic::{TimeRule, TimeUnit};

impl TimeUnit {
    /// Reads a time; strictly: no sign, no space, no fraction where digits are due.
    pub(crate) fn read(self, text: &str) -> Option<Timestamp> {
        match self {
            Self::Seconds => digits(text)?.checked_mul(1_000_000_000),
            Self::Milliseconds => digits(text)?.checked_mul(1_000_000),
            Self::Rfc3339 => Timestamp::parse_rfc3339(text).ok().map(Timestamp::unix_ns),
            Self::Rfc1123 => rfc1123(text)?.checked_mul(1_000_000_000),
        }
        .map(Timestamp::from_unix_ns)
    }

    /// Writes a time.
    pub(crate) fn write(self, time: Timestamp) -> String {
        match self {
            Self::Seconds => (time.unix_ms() / 1000).to_string(),
            Self::Milliseconds => time.unix_ms().to_string(),
            Self::Rfc3339 => time.rfc3339(),
            Self::Rfc1123 => write_rfc1123(time.unix_ms() / 1000),
        }
    }
}

/// Judges a time of sending by the time of arrival; arrival minus sending, in milliseconds.
pub(crate) fn judge(
    rule: &TimeRule,
    tolerance: Option<Duration>,
    sent: Timestamp,
    at: Timestamp,
) -> Result<i64, SignatureFault> {
    let (past, future) = tolerance.map_or((rule.past, rule.future), |both| (both, both));
    let age = at.since(sent);
    let lead = sent.since(at);
    let skew_ms = skew_ms(sent, at);
    if age > past {
        Err(SignatureFault::Stale { skew_ms })
    } else if lead > future {
        Err(SignatureFault::Future { skew_ms })
    } else {
        Ok(skew_ms)
    }
}

/// Arrival minus sending, in milliseconds.
pub(crate) fn skew_ms(sent: Timestamp, at: Timestamp) -> i64 {
    let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
    ms(at.since(sent)) - ms(sent.since(at))
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Seconds since 1970 of `Thu, 07 Sep 2017 06:30:04 GMT`.
fn rfc1123(text: &str) -> Option<u64> {
    let mut words = text.split(' ');
    let mut next = || words.next();
    let weekday = next()?;
    let weekday = weekday.strip_suffix(',').unwrap_or(weekday);
    let day = fixed(next()?, 2)?;
    let month = next()?;
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let year = fixed(next()?, 4)?;
    let mut clock = next()?.split(':');
    let (hour, minute, second) = (clock.next()?, clock.next()?, clock.next()?);
    let (hour, minute, second) = (fixed(hour, 2)?, fixed(minute, 2)?, fixed(second, 2)?);
    let zone = next()?;
    let known = WEEKDAYS.contains(&weekday)
        && matches!(zone, "GMT" | "UTC" | "+0000")
        && next().is_none()
        && clock.next().is_none();
    let in_range = (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !(known && in_range && year >= 1970) {
        return None;
    }
    let days = days_from_civil(year, u64::try_from(month).ok()?, day);
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn fixed(text: &str, len: usize) -> Option<u64> {
    if text.len() == len { digits(text) } else { None }
}

/// Days from 1970-01-01 (proleptic Gregorian; years 1970 and on). The year is taken to start in
/// March, so that the leap day comes last.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn write_rfc1123(seconds: u64) -> String {
    let days = seconds / 86_400;
    // The inverse of `days_from_civil`.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let name = |names: &[&'static str], at: u64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&WEEKDAYS, (days + 3) % 7),
        name(&MONTHS, month - 1),
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::generic::TimeFrom;
    use proptest::prelude::*;

    const UNITS: [TimeUnit; 4] =
        [TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Rfc3339, TimeUnit::Rfc1123];

    proptest! {
        #[test]
        fn times_round_trip_to_the_second(seconds in 0_u64..17_000_000_000) {
            let time = Timestamp::from_unix_ms(seconds * 1000);
            for unit in UNITS {
                prop_assert_eq!(unit.read(&unit.write(time)), Some(time));
            }
        }

        #[test]
        fn reading_a_time_never_panics(text: String) {
            for unit in UNITS {
                unit.read(&text);
            }
        }
    }

    #[test]
    fn a_time_that_is_not_exactly_of_its_form_is_not_read() {
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "٣", "99999999999999999999"]
        {
            assert_eq!(TimeUnit::Seconds.read(text), None, "{text:?}");
            assert_eq!(TimeUnit::Milliseconds.read(text), None, "{text:?}");
        }
        for text in ["Thu, 07 Sep 2017 06:30:04 CEST", "Thu, 7 Sep 2017 06:30:04 GMT", "Thu"] {
            assert_eq!(TimeUnit::Rfc1123.read(text), None, "{text:?}");
        }
    }

    #[test]
    fn http_dates_are_read_and_written() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        let time = TimeUnit::Rfc1123.read(text).unwrap();
        assert_eq!(time.unix_ms(), 784_111_777_000);
        assert_eq!(TimeUnit::Rfc1123.write(time), text);
    }

    #[test]
    fn a_time_is_judged_both_ways_with_its_bounds_inside() {
        let rule = TimeRule::new(TimeFrom::Pair, TimeUnit::Seconds);
        let at = |s: u64| Timestamp::from_unix_ms(s * 1000);
        assert_eq!(judge(&rule, None, at(1000), at(1300)), Ok(300_000));
        assert_eq!(judge(&rule, None, at(1300), at(1000)), Ok(-300_000));
        let stale = Err(SignatureFault::Stale { skew_ms: 301_000 });
        assert_eq!(judge(&rule, None, at(1000), at(1301)), stale);
        let future = Err(SignatureFault::Future { skew_ms: -301_000 });
        assert_eq!(judge(&rule, None, at(1301), at(1000)), future);
        let five = Some(Duration::from_secs(5));
        assert!(judge(&rule, five, at(1000), at(1006)).is_err());
    }
}
