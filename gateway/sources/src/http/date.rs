//! The `Date` of a response. The one file of this room that asks what time it is.

use std::cell::RefCell;
use std::time::{Duration, Instant, SystemTime};

struct Rendered {
    text: String,
    until: Instant,
}

thread_local! {
    static RENDERED: RefCell<Option<Rendered>> = const { RefCell::new(None) };
}

/// Adds the time as HTTP writes it (RFC 9110 section 5.6.7); rendered once a second per thread.
pub(crate) fn push_date(out: &mut Vec<u8>, now: Instant) {
    RENDERED.with_borrow_mut(|slot| {
        let fresh = slot.take().filter(|rendered| now < rendered.until);
        let rendered = fresh.unwrap_or_else(|| render(now));
        out.extend_from_slice(rendered.text.as_bytes());
        *slot = Some(rendered);
    });
}

fn render(now: Instant) -> Rendered {
    let time = SystemTime::now();
    let into_second = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let rest = Duration::from_secs(1)
        .saturating_sub(Duration::from_nanos(u64::from(into_second.subsec_nanos())));
    Rendered { text: httpdate::fmt_http_date(time), until: now + rest }
}
