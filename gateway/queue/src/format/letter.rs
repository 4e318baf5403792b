//! A letter: why an event is in a dead-letter queue.
//!
//! ```text
//! cause text (its code), reason text, origin and route texts or options, plugin option: name and
//! 32 bytes of digest, attempts number
//! ```

use sluicegate_core::ids::Digest;
use sluicegate_core::letter::{Cause, Letter};

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
    Some(Letter { cause, reason, origin, route, plugin, attempts })
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<Option<T>> {
    text.map(str::parse).transpose().ok()
}
