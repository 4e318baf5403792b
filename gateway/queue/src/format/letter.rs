//! A letter: why an event is in a dead-letter queue.
//!
//! ```text
//! cause text (its code), reason text, origin and route texts or options, plugin option: name and
//! 32 bytes of digest, attempts number, failures: count, each: at (nanoseconds since 1970), number
//! of the attempt, why text
//! ```

use sluicegate_core::ids::Digest;
use sluicegate_core::letter::{Cause, Failure, Letter};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};

pub(crate) fn put(out: &mut Vec<u8>, letter: &Letter) {
    out.put_text(letter.cause.code());
    out.put_text(&letter.reason);
    out.put_option(letter.origin.as_ref().map(|name| name.as_str()));
    out.put_option(letter.route.as_ref().map(|name| name.as_str()));
    out.put_option(letter.plugin.as_ref().map(|(name, _)| name.as_str()));
    if let Some((_, digest)) = &letter.plugin {
        out.put_raw(&digest.0);
    }
    out.put_number(u64::from(letter.attempts));
    put_failures(out, &letter.failures);
}

pub(crate) fn put_failures(out: &mut Vec<u8>, failures: &[Failure]) {
    out.put_number(failures.len() as u64);
    for failure in failures {
        out.put_number(failure.at.unix_ns());
        out.put_number(u64::from(failure.attempt));
        out.put_text(&failure.why);
    }
}

pub(crate) fn take_failures(from: &mut Take<'_>) -> Option<Vec<Failure>> {
    from.many(|from| {
        let at = Timestamp::from_unix_ns(from.number()?);
        Some(Failure { at, attempt: from.u32()?, why: from.text()?.into() })
    })
}

pub(crate) fn take(from: &mut Take<'_>) -> Option<Letter> {
    let cause = from.text()?;
    let cause = Cause::ALL.into_iter().find(|known| known.code() == cause)?;
    let reason = from.text()?.to_owned();
    let origin = parsed(from.option()?)?;
    let route = parsed(from.option()?)?;
    let plugin = match from.option()? {
        Some(name) => Some((name.parse().ok()?, Digest(from.array()?))),
        None => None,
    };
    let attempts = from.u32()?;
    let failures = take_failures(from)?;
    Some(Letter { cause, reason, origin, route, plugin, attempts, failures })
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<Option<T>> {
    text.map(str::parse).transpose().ok()
}
