//! The numbers of sources and sinks that speak to MQTT brokers, and what of them readiness tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::{SinkName, SourceName};
use sluicegate_sinks::mqtt::MqttSinkMetrics;
use sluicegate_sources::mqtt_client::{MqttClientMetrics, MqttClientStats};

use crate::metrics::{Kind, Page};

/// The sources and sinks that speak to MQTT brokers.
#[derive(Debug, Default)]
pub struct MqttBrokers {
    /// The sources.
    pub sources: BTreeMap<SourceName, Arc<MqttClientMetrics>>,
    /// The sinks.
    pub sinks: BTreeMap<SinkName, Arc<MqttSinkMetrics>>,
}

impl MqttBrokers {
    /// What is not as it should be: a code and a sentence for each source and sink. No address and
    /// no word of a broker: everyone may ask.
    pub(super) fn degraded(&self) -> impl Iterator<Item = (&'static str, String)> {
        let sources = self.sources.iter().filter(|(_, source)| !source.snapshot().connected);
        let sources = sources.map(|(name, _)| {
            (SOURCE_DOWN, format!("source {name} is not subscribed at its broker"))
        });
        let sinks = self.sinks.iter().filter(|(_, sink)| !sink.is_connected());
        let sinks = sinks.map(|(name, _)| (SINK_DOWN, format!("sink {name} has no connection")));
        sources.chain(sinks)
    }
}

const SOURCE_DOWN: &str = "mqtt_source_down";
const SINK_DOWN: &str = "mqtt_sink_down";

pub(super) fn write(page: &mut Page, brokers: &MqttBrokers) {
    write_sources(page, &brokers.sources);
    write_sinks(page, &brokers.sinks);
}

fn write_sources(page: &mut Page, clients: &BTreeMap<SourceName, Arc<MqttClientMetrics>>) {
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

fn write_sinks(page: &mut Page, sinks: &BTreeMap<SinkName, Arc<MqttSinkMetrics>>) {
    let (name, help) = ("sluicegate_mqtt_sink_connected", "Whether it has a connection now.");
    page.begin(name, help, Kind::Gauge);
    for (sink, one) in sinks {
        let connected = f64::from(u8::from(one.is_connected()));
        page.gauge(name, help, &[("sink", sink.as_str())], connected);
    }
    type Count = fn(&MqttSinkMetrics) -> u64;
    let counts: [(&str, &str, Count); 3] = [
        ("sluicegate_mqtt_sink_connections_total", "Connections that were opened.", |s| {
            s.connections.value()
        }),
        ("sluicegate_mqtt_sink_refused_total", "Messages that the broker refused.", |s| {
            s.refused.value()
        }),
        ("sluicegate_mqtt_sink_unanswered_total", "Messages of which nothing was heard.", |s| {
            s.unanswered.value()
        }),
    ];
    for (name, help, count) in counts {
        page.begin(name, help, Kind::Counter);
        for (sink, one) in sinks {
            page.counter(name, help, &[("sink", sink.as_str())], count(one));
        }
    }
}
