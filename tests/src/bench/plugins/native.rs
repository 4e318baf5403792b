//! The same check in native Rust: the severity router's own source, compiled for the host.

use sluicegate_core::event::Event;
use sluicegate_plugin::json::Value;

#[path = "../../../../plugins/severity-router/rust/src/severity.rs"]
#[expect(unreachable_pub, reason = "it is the source of a guest")]
mod severity;

use severity::Severity;

/// Whether the alert is at or above the threshold of [`super::guests::ROUTER_CONFIG`]. It begins
/// where the host begins: with bytes, of which the guest is given text.
pub(super) fn is_urgent(event: &Event) -> Option<bool> {
    let text = std::str::from_utf8(&event.payload).ok()?;
    Some(Severity::of_alert(Value::new(text)) >= Severity::High)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plugins::event::alert;

    #[test]
    fn the_native_check_says_what_the_guest_says() {
        assert_eq!(is_urgent(&alert("dependabot_alert", "critical")), Some(true));
        assert_eq!(is_urgent(&alert("dependabot_alert", "medium")), Some(false));
    }
}
