//! The numbers of sources that take from MQTT brokers.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::SourceName;
use sluicegate_sources::mqtt_client::{MqttClientMetrics, MqttClientStats};

use crate::metrics::{Kind, Page};

pub(super) fn write(page: &mut Page, clients: &BTreeMap<SourceName, Arc<MqttClientMetrics>>) {
    let stats: Vec<_> = clients.iter().map(|(name, one)| (name, one.snapshot())).collect();
    let (name, help) = ("sluicegate_mqtt_client_connected", "Whether it is subscribed now.");
    page.begin(name, help, Kind::Gauge);
    for (source, one) in &stats {
        let connected = if one.connected { 1.0 } else { 0.0 };
        page.gauge(name, help, &[("source", source.as_str())], connected);
    }
    type Count = fn(&MqttClientStats) -> u64;
    let counts: [(&str, &str, Count); 6] = [
        ("sluicegate_mqtt_client_connects_total", "Times that it connected.", |s| s.connects),
        ("sluicegate_mqtt_client_faults_total", "Connections that failed or broke.", |s| s.faults),
        ("sluicegate_mqtt_client_received_total", "Messages that came.", |s| s.received),
        ("sluicegate_mqtt_client_answered_total", "Messages taken and answered.", |s| s.answered),
        ("sluicegate_mqtt_client_refused_total", "Messages refused for good.", |s| s.refused),
        ("sluicegate_mqtt_client_retried_total", "Tries that were put off.", |s| s.retried),
    ];
    for (name, help, count) in counts {
        page.begin(name, help, Kind::Counter);
        for (source, one) in &stats {
            page.counter(name, help, &[("source", source.as_str())], count(one));
        }
    }
}
