//! Every bound of the house in one place. Crossing one is back-pressure with a clear answer.
//!
//! These are ceilings. Configuration may set lower values; it may not set higher ones.

/// Bytes in a name (source, queue, route, plugin, key).
pub const NAME_BYTES_MAX: usize = 64;

/// Payload bytes of one event, when a source does not say otherwise.
pub const PAYLOAD_BYTES_DEFAULT: usize = 1024 * 1024;

/// Payload bytes of one event that a source may be configured to take.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Header fields of one delivery.
pub const HEADERS_MAX: usize = 100;

/// Bytes of all header names and values of one delivery.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Tables and arrays within one another in a header of a protocol that has such. Nobody writes them
/// by hand; `x-death` of RabbitMQ has two.
pub const HEADER_DEPTH_MAX: usize = 16;

/// Attributes of one event, those that filters add included.
pub const ATTRIBUTES_MAX: usize = 64;

/// Queues that one commit may place an event in.
pub const DESTINATIONS_MAX: usize = 64;

/// Events of one batch that comes in as a whole.
pub const BATCH_EVENTS_MAX: usize = 256;

/// Events that one commit may place: their numbers have twelve bits.
pub const PLACEMENTS_MAX: usize = 4095;

/// Events that filters may make out of one received event.
pub const OUTPUTS_MAX: usize = 256;

/// Bytes of one entry of the log: payloads, headers and attributes of one commit.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of a reason that travels with an event: a refusal's, a drop's, a dead letter's.
pub const REASON_BYTES_MAX: usize = 1024;

/// Violations reported for one payload.
pub const VIOLATIONS_MAX: usize = 20;

/// Bytes of an idempotency key as the sender gave it.
pub const DEDUPE_KEY_BYTES_MAX: usize = 256;

/// Deliveries in one batch that a consumer receives.
pub const RECEIVE_BATCH_MAX: usize = 1000;

/// Bytes of the events of one batch; the event that goes over it is still in the batch.
pub const RECEIVE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Receipts in one settle call.
pub const SETTLE_BATCH_MAX: usize = 1000;

/// Milliseconds of a long poll.
pub const RECEIVE_WAIT_MS_MAX: u64 = 60_000;

/// Milliseconds of a lease: twelve hours, as the field has it.
pub const LEASE_MS_MAX: u64 = 12 * 60 * 60 * 1000;

/// Milliseconds of a lease when the consumer does not say.
pub const LEASE_MS_DEFAULT: u64 = 30_000;

/// Milliseconds of delay of one event: thirty days.
pub const DELAY_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;

/// Milliseconds of an event's life in a queue, and of what is kept or remembered after it: ten
/// years.
pub const LIFE_MS_MAX: u64 = 3650 * 24 * 60 * 60 * 1000;

/// Events of one queue that may be leased or wait for a next attempt at one time.
pub const HELD_MAX: usize = 1_000_000;

/// Events of one queue that may wait for others with their ordering key at one time.
pub const BLOCKED_MAX: usize = 20_000;

/// Failed attempts that are remembered of one event: the last ones.
pub const FAILURES_MAX: usize = 8;

/// Bytes of a plugin's file. The largest known, a Python interpreter with its library, has 18 MB.
pub const PLUGIN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of memory that one instance of a plugin may be configured to use.
pub const PLUGIN_MEMORY_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Bytes of memory of one instance of a plugin, when its configuration does not say.
pub const PLUGIN_MEMORY_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// Milliseconds of one call of a filter, when its configuration does not say.
pub const FILTER_DEADLINE_MS_DEFAULT: u64 = 10;

/// Milliseconds that a filter may be configured to take for one call.
pub const FILTER_DEADLINE_MS_MAX: u64 = 10_000;

/// Payload, header and attribute bytes of all events that filters make out of one received event.
pub const EMITTED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of an event type or a media type that a filter sets.
pub const TYPE_BYTES_MAX: usize = 256;

/// Bytes of a key of a plugin's state.
pub const STATE_KEY_BYTES_MAX: usize = 512;

/// Bytes of one value of a plugin's state that it may be granted.
pub const STATE_VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one value of a plugin's state, when its grant does not say.
pub const STATE_VALUE_BYTES_DEFAULT: usize = 64 * 1024;

/// Keys that a plugin may be granted on each route.
pub const STATE_KEYS_MAX: u64 = 1_000_000;

/// Keys of a plugin on each route, when its grant does not say.
pub const STATE_KEYS_DEFAULT: u64 = 10_000;

/// Bytes of keys and values that a plugin may be granted on each route.
pub const STATE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Bytes of keys and values of a plugin on each route, when its grant does not say.
pub const STATE_BYTES_DEFAULT: u64 = 16 * 1024 * 1024;

/// Keys that all filters together may read or write for one event.
pub const STATE_TOUCHED_MAX: usize = 1024;

/// Bytes of keys and values that all filters together may write for one event.
pub const STATE_WRITTEN_BYTES_MAX: usize = 4 * 1024 * 1024;

const _: () = assert!(PAYLOAD_BYTES_DEFAULT <= PAYLOAD_BYTES_MAX);
const _: () = assert!(STATE_VALUE_BYTES_DEFAULT <= STATE_VALUE_BYTES_MAX);
const _: () = assert!(STATE_VALUE_BYTES_MAX + STATE_KEY_BYTES_MAX < STATE_WRITTEN_BYTES_MAX);
const _: () = assert!(STATE_KEYS_DEFAULT <= STATE_KEYS_MAX);
const _: () = assert!(STATE_BYTES_DEFAULT <= STATE_BYTES_MAX);
const _: () = assert!(PAYLOAD_BYTES_MAX < ENTRY_BYTES_MAX);
const _: () = assert!(OUTPUTS_MAX <= PLACEMENTS_MAX && BATCH_EVENTS_MAX <= PLACEMENTS_MAX);
const _: () = assert!(HEADER_BYTES_MAX < PAYLOAD_BYTES_DEFAULT);
const _: () = assert!(OUTPUTS_MAX <= 4095, "a part number has twelve bits");
const _: () = assert!(PLUGIN_MEMORY_BYTES_DEFAULT <= PLUGIN_MEMORY_BYTES_MAX);
const _: () = assert!(FILTER_DEADLINE_MS_DEFAULT <= FILTER_DEADLINE_MS_MAX);
const _: () =
    assert!(EMITTED_BYTES_MAX + PAYLOAD_BYTES_MAX + STATE_WRITTEN_BYTES_MAX < ENTRY_BYTES_MAX);
const _: () = assert!(LEASE_MS_DEFAULT <= LEASE_MS_MAX);
const _: () = assert!(DELAY_MS_MAX <= LIFE_MS_MAX);

/// Cuts a reason to [`REASON_BYTES_MAX`] at a character boundary.
#[must_use]
pub fn bounded_reason(mut reason: String) -> String {
    if reason.len() > REASON_BYTES_MAX {
        let cut = (0..=REASON_BYTES_MAX).rev().find(|at| reason.is_char_boundary(*at));
        reason.truncate(cut.unwrap_or(0));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_cut_between_characters() {
        let cut = bounded_reason("é".repeat(600));
        assert!(cut.len() <= REASON_BYTES_MAX && cut.chars().all(|c| c == 'é'));
        assert_eq!(bounded_reason("short".into()), "short");
    }
}
