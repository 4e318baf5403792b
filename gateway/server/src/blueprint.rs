//! From a plan to rooms: everything that can be built without a data folder or a listener. `check`
//! builds it too, and throws it away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicegate_admission::{Admission, Anchors, Registry};
use sluicegate_core::ids::{PluginName, SinkName};
use sluicegate_core::seams::Sink;
use sluicegate_filters::{Chain, Compiler, Host, HostConfig, PluginSpec, Slot};
use sluicegate_sinks::amqp::{AmqpSink, AmqpSinkMetrics};
use sluicegate_sinks::http::{Fetcher, HttpSink, HttpSinkConfig, Roots, SinkFault};
use sluicegate_sinks::mqtt::{MqttSink, MqttSinkConfig, MqttSinkMetrics};

use crate::config::{AmqpSinkPlan, ConfigFault, ConfigFaults, FetchPlan, Plan, SinkPlan, WayOut};
use crate::origins::{Watch, Watched};
use crate::routes::{Matcher, Route};
use crate::wiring::LineParts;

/// Everything that can be built without touching disk or network: what `check` builds too.
pub struct Blueprint {
    /// What the line is made of.
    pub(crate) line: LineParts,
    /// The schemas of files.
    pub(crate) schemas: Arc<Registry>,
    pub(crate) plugins: Vec<BuiltPlugin>,
    pub(crate) sinks: Vec<BuiltSink>,
    pub(crate) watch: Watch,
}

/// A plugin in its place, with what it was made from.
pub(crate) struct BuiltPlugin {
    pub(crate) slot: Slot,
    pub(crate) spec: PluginSpec,
}

/// A sink, built, with the plan that it was built from.
pub(crate) struct BuiltSink {
    pub(crate) name: SinkName,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) plan: SinkPlan,
    /// What it counts beside its attempts.
    pub(crate) broker: Option<BrokerMetrics>,
}

/// What a sink counts that speaks to a broker.
pub(crate) enum BrokerMetrics {
    Amqp(Arc<AmqpSinkMetrics>),
    Mqtt(Arc<MqttSinkMetrics>),
}

/// A way out, and its counters if it has any of its own.
type BuiltWay = (Arc<dyn Sink>, Option<BrokerMetrics>);

impl Blueprint {
    /// Builds the rooms of a plan; takes from the plan what they keep.
    ///
    /// # Errors
    /// Every fault of the plan, and those that show only here: a plugin that is not Wasm, a key
    /// that is too short, a URL that may not be called.
    pub fn build(plan: &mut Plan, compiler: Compiler) -> Result<Self, ConfigFaults> {
        let mut faults = std::mem::take(&mut plan.found);
        let shelf = plan.shelf();
        let (filters, plugins, watched) = build_filters(plan, compiler, &mut faults);
        let watch = Watch::new(watched, shelf);
        let sinks = build_sinks(plan, &mut faults);
        let schemas = Arc::new(std::mem::take(&mut plan.registry));
        let admission = build_admission(plan, &schemas, &mut faults).map(Arc::new);
        let fetching = build_fetcher(plan, &mut faults);
        match (admission, filters, fetching) {
            (Some(admission), Some(filters), Some((fetcher, anchors))) if faults.is_empty() => {
                let routes = build_routes(plan, &plugins);
                let line = LineParts { admission, fetcher, anchors, filters, routes };
                Ok(Self { line, schemas, plugins, sinks, watch })
            }
            _ => Err(plan.faults(faults)),
        }
    }
}

fn build_admission(
    plan: &mut Plan,
    schemas: &Arc<Registry>,
    faults: &mut Vec<ConfigFault>,
) -> Option<Admission> {
    match Admission::build(std::mem::take(&mut plan.gates), Registry::clone(schemas)) {
        Ok(admission) => Some(admission),
        Err(found) => {
            for fault in found {
                let pointer = format!("/sources/{}/verify", fault.source_name);
                faults.push(plan.fault(&pointer, "source_invalid", fault.problem.to_string()));
            }
            None
        }
    }
}

fn build_fetcher(plan: &Plan, faults: &mut Vec<ConfigFault>) -> Option<(Arc<Fetcher>, Anchors)> {
    let fetcher = Fetcher::new(plan.fetch.allow.clone(), &plan.fetch.roots);
    let fetcher = fetcher.map_err(|fault| ("/fetch/ca_file", fault));
    let anchors = anchors(&plan.fetch);
    let anchors = anchors.ok_or(("/fetch/signer_ca_file", SinkFault::RootsMalformed));
    match (fetcher, anchors) {
        (Ok(fetcher), Ok(anchors)) => Some((Arc::new(fetcher), anchors)),
        (fetcher, anchors) => {
            for (pointer, fault) in fetcher.err().into_iter().chain(anchors.err()) {
                faults.push(plan.fault(pointer, fault.code(), fault.to_string()));
            }
            None
        }
    }
}

/// Who vouches for the certificate of a signer. Not who is believed when a server is called: the
/// authority of a proxy that looks into TLS must not be able to sign as a provider.
fn anchors(fetch: &FetchPlan) -> Option<Anchors> {
    match &fetch.signers {
        Roots::Web => Some(Anchors::web()),
        Roots::Pem(text) => std::str::from_utf8(text).ok().and_then(Anchors::pem),
    }
}

fn build_filters(
    plan: &mut Plan,
    compiler: Compiler,
    faults: &mut Vec<ConfigFault>,
) -> (Option<Host>, Vec<BuiltPlugin>, Vec<Watched>) {
    let (mut plugins, mut watched) = (Vec::new(), Vec::new());
    let queues: BTreeSet<_> = plan.store.queues.iter().map(|queue| queue.name.clone()).collect();
    let config = HostConfig {
        threads: plan.filter_threads,
        jobs_max: JOBS_MAX,
        plugins_max: plan.plugins.len().max(1),
        queues: Arc::new(queues),
        compiler,
    };
    let host = match Host::start(config) {
        Ok(host) => host,
        Err(fault) => {
            faults.push(plan.fault("/plugins", fault.code(), fault.to_string()));
            return (None, plugins, watched);
        }
    };
    for plugin in std::mem::take(&mut plan.plugins) {
        watched.push(Watched::new(plugin.origin, &plugin.spec));
        match host.load(plugin.spec.clone()) {
            Ok(loaded) => {
                let slot = Slot::new(loaded, plugin.breaker);
                plugins.push(BuiltPlugin { slot, spec: plugin.spec });
            }
            Err(fault) => {
                faults.push(plan.fault(&plugin.pointer, fault.code(), fault.to_string()));
            }
        }
    }
    (Some(host), plugins, watched)
}

fn build_sinks(plan: &mut Plan, faults: &mut Vec<ConfigFault>) -> Vec<BuiltSink> {
    let mut built = Vec::new();
    for sink in std::mem::take(&mut plan.sinks) {
        match build_sink(&sink) {
            Ok((way_out, broker)) => {
                let name = sink.name.clone();
                built.push(BuiltSink { name, sink: way_out, plan: sink, broker });
            }
            Err((protocol, code, message)) => {
                let pointer = format!("{}/{protocol}", sink.pointer);
                faults.push(plan.fault(&pointer, code, message));
            }
        }
    }
    built
}

/// A way out, and its counters if it has any of its own; or the protocol, the code and the fault.
fn build_sink(sink: &SinkPlan) -> Result<BuiltWay, (&'static str, &'static str, String)> {
    match &sink.way {
        WayOut::Http(http) => match HttpSink::new(HttpSinkConfig::clone(http)) {
            Ok(way_out) => Ok((Arc::new(way_out), None)),
            Err(fault) => Err(("http", fault.code(), fault.to_string())),
        },
        WayOut::Amqp(AmqpSinkPlan(config)) => match AmqpSink::new(config) {
            Ok(way_out) => {
                let metrics = BrokerMetrics::Amqp(way_out.metrics());
                Ok((Arc::new(way_out), Some(metrics)))
            }
            Err(fault) => Err(("amqp", fault.code(), fault.to_string())),
        },
        WayOut::Mqtt(mqtt) => match MqttSink::new(MqttSinkConfig::clone(mqtt)) {
            Ok(way_out) => {
                let metrics = BrokerMetrics::Mqtt(way_out.metrics());
                Ok((Arc::new(way_out), Some(metrics)))
            }
            Err(fault) => Err(("mqtt", fault.code(), fault.to_string())),
        },
    }
}

fn build_routes(plan: &mut Plan, plugins: &[BuiltPlugin]) -> Matcher<Option<Arc<Chain>>> {
    let slots: BTreeMap<_, _> =
        plugins.iter().map(|plugin| (plugin.slot.name(), &plugin.slot)).collect();
    let (mut routes, mut defaults) = (Vec::new(), Vec::new());
    for route in std::mem::take(&mut plan.routes) {
        let slot = |name: &PluginName| slots.get(name).map(|slot| (*slot).clone());
        let asked: Vec<_> = route.filters.iter().filter_map(slot).collect();
        let chain = (!asked.is_empty())
            .then(|| Arc::new(Chain { route: route.name.clone(), plugins: asked }));
        let list = if route.default { &mut defaults } else { &mut routes };
        list.push(Route { name: route.name, pattern: route.pattern, to: route.to, chain });
    }
    Matcher::new(routes, defaults)
}

/// Events that may wait for a filter thread.
const JOBS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_sinks::http::AllowPrivate;

    #[test]
    fn who_is_believed_when_a_server_is_called_does_not_vouch_for_a_signer() {
        let authority =
            || Roots::Pem(include_bytes!("../../admission/tests/keys/root.pem").to_vec());
        let believed = |roots, signers| {
            let fetch = FetchPlan { allow: AllowPrivate::Nothing, roots, signers };
            anchors(&fetch).map(|anchors| format!("{anchors:?}"))
        };
        let web = Some(format!("{:?}", Anchors::web()));
        assert_eq!(believed(authority(), Roots::Web), web);
        assert_eq!(believed(Roots::Web, authority()), Some("Anchors(1)".to_owned()));
        assert_eq!(believed(Roots::Web, Roots::Pem(b"none".to_vec())), None);
    }
}
