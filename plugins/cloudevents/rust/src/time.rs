//! Times as providers write them, as RFC 3339. What is none of these is left out, not guessed.

/// Reads a time: RFC 3339, `2013-12-03 17:15:43 UTC`, `2021-04-28 21:50:00 +0200`, or seconds since
/// 1970.
pub fn read(text: &str) -> Option<String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return of_seconds(text.parse().ok()?);
    }
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    if !is(date, "0000-00-00") || !matches!(text.as_bytes().get(10), Some(b'T' | b' ')) {
        return None;
    }
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    if !is(clock, "00:00:00") {
        return None;
    }
    let digits = rest
        .strip_prefix('.')
        .map_or(0, |rest| 1 + rest.bytes().take_while(u8::is_ascii_digit).count());
    if digits == 1 {
        return None;
    }
    let (fraction, zone) = rest.split_at_checked(digits)?;
    let zone = match zone.trim_start() {
        "Z" | "UTC" => "Z".to_owned(),
        zone if is(zone.get(1..)?, "00:00") && zone.starts_with(['+', '-']) => zone.to_owned(),
        zone if is(zone.get(1..)?, "0000") && zone.starts_with(['+', '-']) => {
            format!("{}:{}", zone.get(..3)?, zone.get(3..)?)
        }
        _ => return None,
    };
    Some(format!("{date}T{clock}{fraction}{zone}"))
}

/// Whether a text has digits where the form has, and else the same characters.
fn is(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| {
        if form == b'0' { byte.is_ascii_digit() } else { byte == form }
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

fn of_seconds(seconds: u64) -> Option<String> {
    if seconds > LAST_SECOND {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to a date, counted from 1 March of the year 0 in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// The end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_providers_are_read() {
        for (text, wanted) in [
            ("2019-05-15T15:19:25Z", "2019-05-15T15:19:25Z"),
            ("2019-05-15T15:19:25.123+02:00", "2019-05-15T15:19:25.123+02:00"),
            ("2013-12-03 17:15:43 UTC", "2013-12-03T17:15:43Z"),
            ("2021-04-28 21:50:00 +0200", "2021-04-28T21:50:00+02:00"),
            ("0", "1970-01-01T00:00:00Z"),
            ("951782400", "2000-02-29T00:00:00Z"),
            ("1533204620", "2018-08-02T10:10:20Z"),
            ("253402300799", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_time_is_left_out() {
        for text in [
            "",
            "now",
            "2019-05-15",
            "2019-05-15T15:19:25",
            "2019-05-15T15:19:25.Z",
            "2019-05-15X15:19:25Z",
            "2019-5-15T15:19:25Z",
            "2019-05-15T15:19:25+2:00",
            "-1",
            "253402300800",
            "99999999999999999999",
            "\u{e9}019-05-15T15:19:25Z",
            "1.5",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
