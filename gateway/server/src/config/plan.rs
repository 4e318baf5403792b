//! A configuration that was read and checked: what the hall builds from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sluicegate_admission::{Gate, Registry};
use sluicegate_core::ids::{Digest, PluginName, QueueName, RouteName, SinkName, SourceName};
use sluicegate_filters::{Breaker, PluginSpec};
use sluicegate_queue::StoreConfig;
use sluicegate_sinks::amqp::AmqpSinkConfig;
use sluicegate_sinks::http::{AllowPrivate, HttpSinkConfig, Roots};
use sluicegate_sinks::mqtt::MqttSinkConfig;
use sluicegate_sources::amqp::AmqpConfig;
use sluicegate_sources::http::{HttpLimits, PathRule};
use sluicegate_sources::mqtt::{Access, MqttLimits, MqttListen, TopicRule};
use sluicegate_sources::mqtt_client::MqttClientConfig;

use super::document::Document;
use super::fault::{ConfigFault, ConfigFaults};
use crate::keys::{KeyPlan, SecretPlan};
use crate::limiter::Rate;
use crate::oci::Pulled;
use crate::origins::{Origin, Shelf};
use crate::refused::Keeping;
use crate::routes::Pattern;

/// Everything that the hall builds from, and the faults that were found on the way: only a plan
/// without any becomes a `Blueprint`.
pub struct Plan {
    pub(super) file: PathBuf,
    pub(super) document: Document,
    /// The faults found so far.
    pub found: Vec<ConfigFault>,
    /// Where senders come in.
    pub http: SocketAddr,
    /// The bounds of that listener.
    pub http_limits: HttpLimits,
    /// The MQTT listener.
    pub mqtt: Option<MqttPlan>,
    /// The consumer and admin API.
    pub admin: AdminPlan,
    /// The embedded engine, with its queues.
    pub store: StoreConfig,
    /// How each source is verified and validated.
    pub gates: Vec<Gate>,
    /// The payload schemas.
    pub registry: Registry,
    /// How each source comes in, and its rate.
    pub sources: Vec<SourcePlan>,
    /// How what proves senders is fetched.
    pub fetch: FetchPlan,
    /// Each source's keys, by the names of their secrets.
    pub keys: BTreeMap<SourceName, Vec<KeyPlan>>,
    /// The secrets, for those who watch them.
    pub secrets: BTreeMap<String, SecretPlan>,
    /// How much is kept of what is refused.
    pub refused: Keeping,
    /// The plugins.
    pub plugins: Vec<PluginPlan>,
    /// The routes, in order.
    pub routes: Vec<RoutePlan>,
    /// The sinks.
    pub sinks: Vec<SinkPlan>,
    /// Threads that run filters; 0: one for each core.
    pub filter_threads: usize,
    /// How long requests in flight may take after a stop.
    pub drain: Duration,
}

/// The admin listener.
#[derive(Debug, Clone)]
pub struct AdminPlan {
    /// Its address.
    pub listen: SocketAddr,
    /// The SHA-256 of its bearer token; `None`: only callers on this machine.
    pub token: Option<Digest>,
}

/// A source.
#[derive(Debug, Clone)]
pub struct SourcePlan {
    /// Its name.
    pub name: SourceName,
    /// How it comes in.
    pub way: WayIn,
    /// Its rate.
    pub rate: Option<Rate>,
    /// How long its senders wait for an answer, where that is known.
    pub answer_within: Option<Duration>,
}

/// How certificates, keys and confirmations are fetched.
#[derive(Debug, Clone)]
pub struct FetchPlan {
    /// Which addresses outside the open internet may be called.
    pub allow: AllowPrivate,
    /// Who is believed when a server is called.
    pub roots: Roots,
    /// Who is believed to vouch for the certificate of a signer.
    pub signers: Roots,
}

/// By which protocol the events of a source come in.
#[derive(Debug, Clone)]
pub enum WayIn {
    /// Webhooks on a path.
    Http(PathRule),
    /// What clients publish to topics.
    Mqtt(TopicRule),
    /// From an MQTT broker.
    MqttClient(Box<MqttClientConfig>),
    /// From the queues of an AMQP broker.
    Amqp(Box<AmqpConfig>),
}

/// The MQTT listener.
#[derive(Debug, Clone)]
pub struct MqttPlan {
    /// Where it listens: the key under `listen`, the address, and how it is spoken to there.
    pub listeners: Vec<(&'static str, SocketAddr, MqttListen)>,
    /// Its bounds.
    pub limits: MqttLimits,
    /// Who may come in, and what they may do.
    pub access: Access,
}

impl WayIn {
    /// The path of a source of webhooks.
    #[must_use]
    pub fn path(&self) -> Option<&PathRule> {
        match self {
            Self::Http(path) => Some(path),
            _ => None,
        }
    }

    /// The broker of a source that takes from one.
    #[must_use]
    pub fn client(&self) -> Option<&MqttClientConfig> {
        match self {
            Self::MqttClient(client) => Some(client),
            _ => None,
        }
    }

    /// The topics of a source of messages.
    #[must_use]
    pub fn topics(&self) -> Option<&TopicRule> {
        match self {
            Self::Mqtt(topics) => Some(topics),
            _ => None,
        }
    }
}

/// A plugin.
pub struct PluginPlan {
    /// What the filters' host loads.
    pub spec: PluginSpec,
    /// Where it comes from.
    pub origin: Origin,
    /// What a registry gave, to be put on the shelf.
    pub pulled: Option<Pulled>,
    /// When a version of it that fails is taken out; `None`: never.
    pub breaker: Option<Breaker>,
    /// Where it stands in the configuration, as a JSON Pointer.
    pub pointer: String,
}

/// A route.
#[derive(Debug, Clone)]
pub struct RoutePlan {
    /// Its name.
    pub name: RouteName,
    /// Which events it takes.
    pub pattern: Pattern,
    /// Whether it takes only what no other route took.
    pub default: bool,
    /// Its plugins, in order.
    pub filters: Vec<PluginName>,
    /// Its queues.
    pub to: Vec<QueueName>,
}

/// A sink.
pub struct SinkPlan {
    /// Its name.
    pub name: SinkName,
    /// The queue that it takes from.
    pub from: QueueName,
    /// Where to, and within what bounds.
    pub way: WayOut,
    /// Events in one batch.
    pub batch: usize,
    /// Batches under way at once.
    pub concurrency: usize,
    /// Where it stands in the configuration, as a JSON Pointer.
    pub pointer: String,
}

/// How the events of a sink go out.
pub enum WayOut {
    /// By HTTP.
    Http(Box<HttpSinkConfig>),
    /// To an MQTT broker.
    Mqtt(Box<MqttSinkConfig>),
    /// To an exchange of an AMQP broker.
    Amqp(AmqpSinkPlan),
}

/// An AMQP sink, with the way to its broker.
pub struct AmqpSinkPlan(pub Box<AmqpSinkConfig>);

impl WayOut {
    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        match self {
            Self::Http(http) => http.timeout,
            Self::Mqtt(mqtt) => mqtt.timeout,
            Self::Amqp(AmqpSinkPlan(amqp)) => amqp.timeout,
        }
    }
}

impl Plan {
    /// Where pulled plugins are kept.
    #[must_use]
    pub fn shelf(&self) -> Shelf {
        Shelf::new(&self.store.folder)
    }

    /// Faults that show only when a room is built, as faults of this file.
    #[must_use]
    pub fn faults(&self, faults: Vec<ConfigFault>) -> ConfigFaults {
        ConfigFaults::new(&self.file, faults)
    }

    /// A fault at a place of this file.
    #[must_use]
    pub fn fault(&self, pointer: &str, code: &'static str, message: String) -> ConfigFault {
        self.document.fault(pointer, code, message)
    }
}
