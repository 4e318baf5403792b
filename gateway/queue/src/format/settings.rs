//! What operators set while the store ran, and must outlive it: `data/settings`, and once more
//! `data/settings.copy`, because either may be damaged.
//!
//! ```text
//! "SGS1"      4
//! version     1   1
//! zero        3
//! CRC32C      4   of all that follows
//! made        count, each: the configuration of a queue that was made or changed
//! deliveries  count, each: name text, 1 running or 2 paused
//! holds       count, each: name text, 1 none or 2 held
//! removed     count, each: the number of a queue that was removed
//! ```
//!
//! A configuration is its fields in the order of [`put_queue`]. Durations are nanoseconds; an
//! option is a byte 0 or 1 and the value; a field of an event is 0 for none, 1 subject, 2 type,
//! 3 source, 4 attribute and its name, 5 header and its name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Delivery, OnExpiry, QueueNumber};
use sluicegate_core::retry::RetryPolicy;

use super::bytes::{Put, Take};
use crate::config::{Hold, QueueConfig, Retain, WhenFull};
use crate::terms::{Field, TermsRules};

/// The file, and its copy.
pub(crate) const FILES: [&str; 2] = ["settings", "settings.copy"];

const MAGIC: [u8; 4] = *b"SGS1";
const SETTINGS_VERSION: u8 = 1;

/// What operators set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    /// Queues that were made or changed while the store ran.
    pub(crate) made: BTreeMap<QueueName, QueueConfig>,
    /// Queues that were paused or resumed: this is stronger than their configuration.
    pub(crate) deliveries: BTreeMap<QueueName, Delivery>,
    /// Queues that were put under a hold, or had theirs lifted: the same.
    pub(crate) holds: BTreeMap<QueueName, Hold>,
    /// Queues that were removed. Their numbers are never used again.
    pub(crate) removed: BTreeSet<QueueNumber>,
}

pub(crate) fn encode(settings: &Settings) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_number(settings.made.len() as u64);
    settings.made.values().for_each(|config| put_queue(&mut body, config));
    body.put_number(settings.deliveries.len() as u64);
    for (name, delivery) in &settings.deliveries {
        body.put_text(name.as_str());
        body.put_u8(code_of(&DELIVERIES, *delivery));
    }
    body.put_number(settings.holds.len() as u64);
    for (name, hold) in &settings.holds {
        body.put_text(name.as_str());
        body.put_u8(code_of(&HOLDS, *hold));
    }
    body.put_number(settings.removed.len() as u64);
    settings.removed.iter().for_each(|number| body.put_number(u64::from(number.0)));
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&[SETTINGS_VERSION, 0, 0, 0]);
    out.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    out.extend_from_slice(&body);
    out
}

/// Reads settings back; `None` if a bit of them is wrong.
pub(crate) fn decode(bytes: &[u8]) -> Option<Settings> {
    let mut from = Take(bytes);
    let head: [u8; 8] = from.array()?;
    let crc = u32::from_le_bytes(from.array()?);
    let known = head.starts_with(&MAGIC) && head.ends_with(&[SETTINGS_VERSION, 0, 0, 0]);
    if !known || crc != crc32c::crc32c(from.0) {
        return None;
    }
    let made = from.many(take_queue)?;
    let deliveries = from.many(|from| Some((name(from)?, of_code(&DELIVERIES, from.u8()?)?)))?;
    let holds = from.many(|from| Some((name(from)?, of_code(&HOLDS, from.u8()?)?)))?;
    let removed = from.many(|from| Some(QueueNumber(from.u16()?)))?;
    from.0.is_empty().then(|| Settings {
        made: made.into_iter().map(|config| (config.name.clone(), config)).collect(),
        deliveries: deliveries.into_iter().collect(),
        holds: holds.into_iter().collect(),
        removed: removed.into_iter().collect(),
    })
}

fn put_queue(out: &mut Vec<u8>, config: &QueueConfig) {
    out.put_text(config.name.as_str());
    out.put_number(u64::from(config.retry.attempts_max));
    put_duration(out, config.retry.wait_min);
    put_duration(out, config.retry.wait_max);
    out.put_text(config.dead_letter.as_str());
    put_maybe(out, config.retain.time.map(nanoseconds));
    put_maybe(out, config.retain.bytes);
    out.put_u8(code_of(&HOLDS, config.retain.hold));
    put_maybe(out, config.events_max);
    put_maybe(out, config.bytes_max);
    out.put_u8(code_of(&WHEN_FULL, config.when_full));
    put_maybe(out, config.rate_max.map(u64::from));
    put_field(out, config.terms.order_by.as_ref());
    put_field(out, config.terms.priority_by.as_ref());
    put_duration(out, config.terms.delay);
    put_field(out, config.terms.deliver_at.as_ref());
    put_maybe(out, config.terms.ttl.map(nanoseconds));
    put_field(out, config.terms.expires_at.as_ref());
    out.put_u8(code_of(&ON_EXPIRY, config.on_expiry));
    out.put_u8(code_of(&DELIVERIES, config.delivery));
    put_maybe(out, config.delivery_rate.map(u64::from));
    out.put_number(config.held_max as u64);
}

fn take_queue(from: &mut Take<'_>) -> Option<QueueConfig> {
    Some(QueueConfig {
        name: name(from)?,
        retry: RetryPolicy {
            attempts_max: from.u32()?,
            wait_min: duration(from)?,
            wait_max: duration(from)?,
        },
        dead_letter: name(from)?,
        retain: Retain {
            time: maybe(from)?.map(Duration::from_nanos),
            bytes: maybe(from)?,
            hold: of_code(&HOLDS, from.u8()?)?,
        },
        events_max: maybe(from)?,
        bytes_max: maybe(from)?,
        when_full: of_code(&WHEN_FULL, from.u8()?)?,
        rate_max: maybe_u32(from)?,
        terms: TermsRules {
            order_by: field(from)?,
            priority_by: field(from)?,
            delay: duration(from)?,
            deliver_at: field(from)?,
            ttl: maybe(from)?.map(Duration::from_nanos),
            expires_at: field(from)?,
        },
        on_expiry: of_code(&ON_EXPIRY, from.u8()?)?,
        delivery: of_code(&DELIVERIES, from.u8()?)?,
        delivery_rate: maybe_u32(from)?,
        held_max: from.size()?,
    })
}

fn put_field(out: &mut Vec<u8>, field: Option<&Field>) {
    let (code, name) = match field {
        None => (0, None),
        Some(Field::Subject) => (1, None),
        Some(Field::Type) => (2, None),
        Some(Field::Source) => (3, None),
        Some(Field::Attribute(name)) => (4, Some(name)),
        Some(Field::Header(name)) => (5, Some(name)),
    };
    out.put_u8(code);
    if let Some(name) = name {
        out.put_text(name);
    }
}

fn field(from: &mut Take<'_>) -> Option<Option<Field>> {
    Some(match from.u8()? {
        0 => None,
        1 => Some(Field::Subject),
        2 => Some(Field::Type),
        3 => Some(Field::Source),
        4 => Some(Field::Attribute(from.text()?.to_owned())),
        5 => Some(Field::Header(from.text()?.to_owned())),
        _ => return None,
    })
}

fn name(from: &mut Take<'_>) -> Option<QueueName> {
    from.text()?.parse().ok()
}

fn put_duration(out: &mut Vec<u8>, duration: Duration) {
    out.put_number(nanoseconds(duration));
}

fn duration(from: &mut Take<'_>) -> Option<Duration> {
    from.number().map(Duration::from_nanos)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn put_maybe(out: &mut Vec<u8>, number: Option<u64>) {
    out.put_u8(u8::from(number.is_some()));
    if let Some(number) = number {
        out.put_number(number);
    }
}

fn maybe(from: &mut Take<'_>) -> Option<Option<u64>> {
    Some(if from.flag()? { Some(from.number()?) } else { None })
}

fn maybe_u32(from: &mut Take<'_>) -> Option<Option<u32>> {
    maybe(from)?.map(u32::try_from).transpose().ok()
}

/// Which of two values it is: 1 or 2.
fn code_of<T: PartialEq>([first, _]: &[T; 2], value: T) -> u8 {
    if value == *first { 1 } else { 2 }
}

fn of_code<T: Copy>([first, second]: &[T; 2], code: u8) -> Option<T> {
    match code {
        1 => Some(*first),
        2 => Some(*second),
        _ => None,
    }
}

const DELIVERIES: [Delivery; 2] = [Delivery::Running, Delivery::Paused];
const HOLDS: [Hold; 2] = [Hold::None, Hold::Held];
const WHEN_FULL: [WhenFull; 2] = [WhenFull::Reject, WhenFull::DropOldest];
const ON_EXPIRY: [OnExpiry; 2] = [OnExpiry::Drop, OnExpiry::DeadLetter];
