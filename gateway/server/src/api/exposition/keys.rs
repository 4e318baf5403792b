//! The numbers of keys and their secrets.

use sluicegate_admission::KeyState;

use crate::metrics::{Kind, Page};

pub(super) fn write(page: &mut Page, keys: &[KeyState], secrets: &[(String, Option<String>)]) {
    let (name, help) = ("sluicegate_key_matches_total", "Deliveries that a key has proven.");
    page.begin(name, help, Kind::Counter);
    for KeyState { used, .. } in keys {
        let labels = [("source", used.source.as_str()), ("key", used.key.as_str())];
        page.counter(name, help, &labels, used.matched);
    }
    let name = "sluicegate_key_last_used_timestamp_seconds";
    let help = "Arrival of the last delivery that a key has proven; no sample: none yet.";
    page.begin(name, help, Kind::Gauge);
    for KeyState { used, .. } in keys {
        let labels = [("source", used.source.as_str()), ("key", used.key.as_str())];
        if let Some(last) = used.last_used {
            #[expect(clippy::cast_precision_loss, reason = "seconds are read as floats")]
            page.gauge(name, help, &labels, last.unix_ms() as f64 / 1000.0);
        }
    }
    let name = "sluicegate_secret_in_force";
    let help = "Whether the newest value of a secret is in force.";
    page.begin(name, help, Kind::Gauge);
    for (secret, fault) in secrets {
        let in_force = if fault.is_none() { 1.0 } else { 0.0 };
        page.gauge(name, help, &[("secret", secret)], in_force);
    }
}
