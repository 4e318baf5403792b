//! The checks of AMQP sources and sinks: their brokers, names and templates.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::SourceName;
use sluicegate_sinks::CloudEvents;
use sluicegate_sinks::amqp as out;
use sluicegate_sources::Format;
use sluicegate_sources::amqp::{
    Address, AmqpConfig, Binding, Declaration, Dedupe, Login, QueueKind, Server, Tls, Topology,
};

use super::broker::{Material, cloudevents, dice};
use super::check::Checker;
use super::plan::AmqpSinkPlan;
use super::shape;

/// Where a broker is, as a source or sink says it.
struct Broker<'a> {
    uri: Option<&'a str>,
    uri_secret: Option<&'a str>,
    login: shape::Login,
    tls: Option<&'a shape::BrokerTls>,
}

impl Checker<'_> {
    /// An AMQP source; `place` is its section.
    pub(super) fn amqp_source(
        &mut self,
        place: &str,
        source: SourceName,
        amqp: &shape::AmqpSource,
        format: Format,
    ) -> Option<AmqpConfig> {
        let (uri, uri_secret) = (amqp.uri.as_deref(), amqp.uri_secret.as_deref());
        let (login, tls) = (amqp.login, amqp.tls.as_ref());
        let server = self.amqp_broker(place, &Broker { uri, uri_secret, login, tls });
        let queues: Vec<String> = amqp.queue.iter().chain(&amqp.queues).cloned().collect();
        self.queue_names(place, &queues);
        let payload_bytes_max = self.payload_max(place, amqp.payload_max);
        let dedupe = match amqp.dedupe {
            shape::AmqpDedupe::Off => Dedupe::Off,
            shape::AmqpDedupe::MessageId => Dedupe::MessageId,
        };
        if (format, dedupe) == (Format::CloudEvents, Dedupe::MessageId) {
            let message = "a CloudEvent is known by its source and id: leave dedupe out";
            self.fault(&format!("{place}/dedupe"), "value_out_of_range", message);
        }
        let topology = amqp.declare.as_ref().map_or(Topology::Check, declared);
        if let Topology::Declare(declaration) = &topology {
            self.declaration(&format!("{place}/declare"), declaration);
        }
        let on_reject = amqp.on_reject.as_ref().map(|to| Address {
            exchange: to.exchange.clone(),
            routing_key: to.routing_key.clone(),
        });
        if let Some(to) = &on_reject {
            self.on_reject(&format!("{place}/on_reject"), to, &queues);
        }
        Some(AmqpConfig {
            source,
            server: server?,
            queues,
            prefetch: amqp.prefetch.unwrap_or(PREFETCH),
            payload_bytes_max,
            format,
            dedupe,
            topology,
            on_reject,
            drain: Duration::ZERO,
            dice: dice(),
        })
    }

    fn declaration(&mut self, place: &str, declaration: &Declaration) {
        for (at, binding) in declaration.bindings.iter().enumerate() {
            self.amqp_name(&format!("{place}/bindings/{at}/exchange"), &binding.exchange);
            self.amqp_name(&format!("{place}/bindings/{at}/key"), &binding.key);
        }
        if declaration.kind == QueueKind::Classic && declaration.delivery_limit.is_some() {
            let message = "only a quorum queue has a delivery limit";
            self.fault(&format!("{place}/delivery_limit"), "value_out_of_range", message);
        }
    }

    /// Where refused messages go: somewhere, and not to where they came from.
    fn on_reject(&mut self, place: &str, to: &Address, queues: &[String]) {
        self.amqp_name(&format!("{place}/exchange"), &to.exchange);
        self.amqp_name(&format!("{place}/routing_key"), &to.routing_key);
        if to.exchange.is_empty() && to.routing_key.is_empty() {
            let message = "it names no exchange and no queue: no message could go there";
            self.fault(place, "amqp_on_reject_invalid", message);
        }
        if to.exchange.is_empty() && queues.contains(&to.routing_key) {
            let queue = &to.routing_key;
            let message = format!("queue {queue:?} is consumed: what is refused would come again");
            self.fault(place, "amqp_on_reject_invalid", message);
        }
    }

    /// The AMQP sink of this name; `place` is its section.
    pub(super) fn amqp_sink(
        &mut self,
        place: &str,
        name: &str,
        amqp: &shape::AmqpSink,
    ) -> Option<AmqpSinkPlan> {
        let (uri, uri_secret) = (amqp.uri.as_deref(), amqp.uri_secret.as_deref());
        let (login, tls) = (amqp.login, amqp.tls.as_ref());
        let server = self.amqp_broker(place, &Broker { uri, uri_secret, login, tls });
        let timeout = amqp.timeout.map_or(TIMEOUT, |span| span.0);
        if !(Duration::from_millis(1)..=Duration::from_secs(600)).contains(&timeout) {
            let message = "a timeout is 1ms to 10m";
            self.fault(&format!("{place}/timeout"), "value_out_of_range", message);
        }
        let on_unroutable = match amqp.on_unroutable {
            shape::OnUnroutable::Retry => out::OnUnroutable::Retry,
            shape::OnUnroutable::DeadLetter => out::OnUnroutable::GiveUp,
        };
        let server = server?;
        let config = out::AmqpSinkConfig {
            name: name.to_owned(),
            connect: connect(server, name),
            exchange: amqp.exchange.clone(),
            routing_key: amqp.routing_key.clone(),
            persistent: amqp.persistent.unwrap_or(true),
            on_unroutable: amqp.mandatory.unwrap_or(true).then_some(on_unroutable),
            cloudevents: amqp.cloudevents.map_or(CloudEvents::Binary, cloudevents),
            headers: amqp.headers.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
            forward_headers: amqp.forward_headers,
            timeout,
            dice: dice(),
        };
        Some(AmqpSinkPlan(Box::new(config)))
    }

    fn amqp_broker(&mut self, place: &str, broker: &Broker<'_>) -> Option<Server> {
        let (pointer, uri) = match (broker.uri, broker.uri_secret) {
            (Some(uri), None) => {
                let pointer = format!("{place}/uri");
                if has_password(uri) {
                    let message = "an address with a password is a secret: name it in uri_secret";
                    self.fault(&pointer, "amqp_uri_secret", message);
                    return None;
                }
                (pointer, uri.to_owned())
            }
            (None, Some(name)) => {
                let pointer = format!("{place}/uri_secret");
                let secret = self.secret(&pointer, name)?.to_vec();
                let Ok(uri) = String::from_utf8(secret) else {
                    self.fault(&pointer, "secret_invalid", "an address is text");
                    return None;
                };
                (pointer, uri)
            }
            _ => {
                self.fault(place, "value_missing", "a broker is named by uri or by uri_secret");
                return None;
            }
        };
        let tls = match broker.tls {
            Some(tls) => {
                let Material { roots, identity } = self.broker_tls(&format!("{place}/tls"), tls)?;
                Some(Tls { roots, identity })
            }
            None => None,
        };
        let login = match broker.login {
            shape::Login::Plain => Login::Plain,
            shape::Login::External => Login::External,
        };
        match Server::new(&uri, login, tls.as_ref()) {
            Ok(server) => Some(server),
            Err(fault) => {
                self.fault(&pointer, fault.code(), fault.to_string());
                None
            }
        }
    }

    fn queue_names(&mut self, place: &str, queues: &[String]) {
        if queues.is_empty() {
            self.fault(place, "value_missing", "an AMQP source names its queue");
        }
        for (at, name) in queues.iter().enumerate() {
            if name.is_empty() {
                self.fault(place, "value_missing", "the name of a queue is not empty");
            }
            if queues.iter().take(at).any(|other| other == name) {
                let message = format!("queue {name:?} is there twice");
                self.fault(place, "queue_doubled", message);
            }
            self.amqp_name(place, name);
        }
    }

    fn amqp_name(&mut self, pointer: &str, name: &str) {
        if name.len() > NAME_BYTES_MAX {
            let message = "a name of AMQP has at most 255 bytes";
            self.fault(pointer, "value_out_of_range", message);
        }
    }
}

fn declared(declare: &shape::Declare) -> Topology {
    let binding = |bind: &shape::Bind| Binding {
        exchange: bind.exchange.clone(),
        declare: bind.declare.clone(),
        key: bind.key.clone(),
    };
    Topology::Declare(Declaration {
        kind: match declare.kind {
            shape::QueueType::Quorum => QueueKind::Quorum,
            shape::QueueType::Classic => QueueKind::Classic,
        },
        dead_letter_exchange: declare.dead_letter_exchange.clone(),
        delivery_limit: declare.delivery_limit,
        bindings: declare.bindings.iter().map(binding).collect(),
    })
}

/// Whether an address carries a password: it has a colon before its `@`.
fn has_password(uri: &str) -> bool {
    let authority = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// The sinks' way to connect is the sources': it is in one place.
fn connect(server: Server, sink: &str) -> out::Connect {
    let name: Arc<str> = format!("sluicegate: sink {sink}").into();
    Arc::new(move || {
        let (server, name) = (server.clone(), Arc::clone(&name));
        Box::pin(async move {
            let link = server.dial(&name, u64::MAX).await;
            let link = Arc::new(link.map_err(|fault| fault.to_string())?);
            let connection = Arc::clone(&link.connection);
            Ok(out::Connected { connection, cut: Arc::new(move || link.cut()) })
        })
    })
}

/// Enough that a group of messages is there for each flush.
const PREFETCH: u16 = 256;

const TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a short string of AMQP.
const NAME_BYTES_MAX: usize = 255;
