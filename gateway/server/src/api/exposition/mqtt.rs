//! The numbers of the MQTT listener.

use sluicegate_sources::mqtt::MqttStats;

use crate::metrics::Page;

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
pub(super) fn write(page: &mut Page, mqtt: &MqttStats) {
    for (name, help, value) in [
        ("sluicegate_mqtt_connections", "Connections open.", mqtt.connections_open),
        ("sluicegate_mqtt_sessions", "Sessions, connected or not.", mqtt.sessions),
        ("sluicegate_mqtt_retained", "Retained messages.", mqtt.retained),
        ("sluicegate_mqtt_waiting", "Messages kept for sessions.", mqtt.waiting),
    ] {
        page.gauge(name, help, &[], value as f64);
    }
    for (name, help, value) in [
        ("sluicegate_mqtt_connections_total", "Connections taken.", mqtt.connections),
        ("sluicegate_mqtt_refused_total", "Connections over a bound.", mqtt.refused),
        ("sluicegate_mqtt_unauthorised_total", "Packets not allowed.", mqtt.unauthorised),
        ("sluicegate_mqtt_timeouts_total", "Connections silent or too slow.", mqtt.timeouts),
        ("sluicegate_mqtt_violations_total", "Connections against protocol.", mqtt.violations),
        ("sluicegate_mqtt_takeovers_total", "Connections that lost their place.", mqtt.takeovers),
        ("sluicegate_mqtt_published_total", "Messages that came.", mqtt.published),
        ("sluicegate_mqtt_unclaimed_total", "Messages that no source takes.", mqtt.unclaimed),
        ("sluicegate_mqtt_sent_total", "Messages sent to subscribers.", mqtt.sent),
        ("sluicegate_mqtt_overflowed_total", "Messages without room.", mqtt.overflowed),
        ("sluicegate_mqtt_retained_full_total", "Retained without room.", mqtt.retained_full),
        ("sluicegate_mqtt_sessions_ended_total", "Sessions that ended.", mqtt.sessions_ended),
    ] {
        page.counter(name, help, &[], value);
    }
}
