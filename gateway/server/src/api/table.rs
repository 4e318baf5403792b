//! Which methods and paths the admin API has, and who answers each.

use std::sync::Arc;

use sluicegate_admission::sha256;
use sluicegate_core::ids::{QueueName, SourceName};
use sluicegate_core::queue::Delivery;
use sluicegate_core::seams::{Engine, Pending};
use sluicegate_sources::http::{BodyRule, Handler, Hangup, Head, Request, Response};

use super::door::Access;
use super::exposition::{self, Rooms};
use super::health::{self, Readiness};
use super::jobs;
use super::keys;
use super::manage;
use super::past;
use super::peek;
use super::plugins;
use super::queues;
use super::refused;
use super::reply;
use super::schemas;
use super::show;

/// The admin API.
pub struct Api {
    engine: Arc<dyn Engine>,
    access: Access,
    readiness: Arc<Readiness>,
    rooms: Rooms,
}

/// A path of the API, parsed.
#[derive(Debug, PartialEq)]
enum Place {
    Health,
    Ready,
    ReadyForSenders,
    Metrics,
    Queues,
    Queue(QueueName),
    Part(QueueName, Part),
    Jobs(jobs::Place),
    Plugins(plugins::Place),
    Keys,
    Learned(SourceName),
    Refused(refused::Place),
    Schemas(schemas::Place),
}

/// What is asked of a queue below its path.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Events,
    Past,
    Receive,
    Settle,
    Pause,
    Resume,
    Hold,
    Purge,
}

impl Part {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "events" => Self::Events,
            "past" => Self::Past,
            "receive" => Self::Receive,
            "settle" => Self::Settle,
            "pause" => Self::Pause,
            "resume" => Self::Resume,
            "hold" => Self::Hold,
            "purge" => Self::Purge,
            _ => return None,
        })
    }
}

impl Place {
    fn parse(path: &str) -> Result<Self, Response> {
        let queue = |name: &str| -> Result<QueueName, Response> {
            name.parse().map_err(|fault| {
                reply::problem(422, "name_invalid", &format!("the name of a queue: {fault}"))
            })
        };
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        if let Some(place) = schemas::Place::parse(&parts) {
            return Ok(Self::Schemas(place));
        }
        match parts.as_slice() {
            ["healthz"] => Ok(Self::Health),
            ["readyz"] => Ok(Self::Ready),
            ["readyz", "senders"] => Ok(Self::ReadyForSenders),
            ["metrics"] => Ok(Self::Metrics),
            ["v1", "plugins", rest @ ..] => {
                plugins::Place::parse(rest).map(Self::Plugins).ok_or_else(nothing)
            }
            ["v1", "queues"] => Ok(Self::Queues),
            ["v1", "queues", name] => queue(name).map(Self::Queue),
            ["v1", "keys"] => Ok(Self::Keys),
            ["v1", "keys", "learned", name] => name.parse().map(Self::Learned).map_err(|fault| {
                reply::problem(422, "name_invalid", &format!("the name of a source: {fault}"))
            }),
            ["v1", rest @ ..] => {
                if let Some(place) = refused::Place::parse(rest) {
                    return Ok(Self::Refused(place));
                }
                if let Some(place) = jobs::Place::parse(rest) {
                    return Ok(Self::Jobs(place));
                }
                let ["queues", name, word] = rest else { return Err(nothing()) };
                let part = Part::parse(word).ok_or_else(nothing)?;
                queue(name).map(|name| Self::Part(name, part))
            }
            _ => Err(nothing()),
        }
    }

    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Queue(_) => &["GET", "PUT", "DELETE"],
            Self::Part(_, Part::Events | Part::Past) => &["GET"],
            Self::Part(_, Part::Hold) => &["PUT"],
            Self::Part(..) => &["POST"],
            Self::Plugins(place) => place.methods(),
            Self::Refused(place) => place.methods(),
            Self::Schemas(place) => place.methods(),
            Self::Jobs(place) => match place.method() {
                "POST" => &["POST"],
                _ => &["GET"],
            },
            _ => &["GET"],
        }
    }
}

impl Api {
    /// The API over this engine and these rooms.
    #[must_use]
    pub fn new(
        engine: Arc<dyn Engine>,
        access: Access,
        readiness: Arc<Readiness>,
        rooms: Rooms,
    ) -> Self {
        Self { engine, access, readiness, rooms }
    }

    /// Health is for load balancers: it tells next to nothing, and everyone may ask.
    fn judge(&self, head: &Head) -> Result<(), Response> {
        let place = Place::parse(head.path())?;
        if !matches!(place, Place::Health | Place::Ready | Place::ReadyForSenders) {
            self.access.check(&head.headers, sha256)?;
        }
        if matches!(place, Place::Learned(_)) {
            self.access.check_for_secrets()?;
        }
        let methods = place.methods();
        if methods.contains(&head.method.as_str()) {
            return Ok(());
        }
        let allowed = methods.join(", ");
        let detail = format!("use {allowed}");
        Err(reply::problem(405, "method_not_allowed", &detail).with("allow", allowed))
    }

    async fn answer(&self, request: Request) -> Response {
        let place = match Place::parse(request.path()) {
            Ok(place) => place,
            Err(reply) => return reply,
        };
        let (rooms, body) = (&self.rooms, request.body.as_ref());
        match place {
            Place::Health => health::healthz(&rooms.store.metrics()),
            Place::Ready => health::readyz(&self.readiness, &rooms.store.metrics(), &rooms.brokers),
            Place::ReadyForSenders => {
                health::for_senders(&self.readiness, &rooms.store.metrics(), &rooms.brokers)
            }
            Place::Metrics => exposition::page(rooms, self.engine.as_ref()).await,
            Place::Queues => show::list(&rooms.store, &rooms.configured).await,
            Place::Queue(queue) => self.queue(&queue, &request).await,
            Place::Part(queue, part) => self.part(&queue, part, &request).await,
            Place::Schemas(place) => schemas::answer(&rooms.schemas, place, &request).await,
            Place::Plugins(place) => plugins::answer(&rooms.plugins, place, &request).await,
            Place::Keys => keys::list(&rooms.ledger, &rooms.secrets),
            Place::Learned(source) => keys::learned(&rooms.learned, source).await,
            Place::Refused(place) => refused::answer(&rooms.refused, place, &request).await,
            Place::Jobs(place) => {
                jobs::answer(place, self.engine.as_ref(), &rooms.jobs, body).await
            }
        }
    }

    async fn queue(&self, queue: &QueueName, request: &Request) -> Response {
        match request.method.as_str() {
            "PUT" => manage::put(&self.rooms, queue, request.body.as_ref()).await,
            "DELETE" => manage::delete(&self.rooms, queue).await,
            _ => show::show(&self.rooms.store, &self.rooms.configured, queue).await,
        }
    }

    async fn part(&self, queue: &QueueName, part: Part, request: &Request) -> Response {
        let (engine, store) = (self.engine.as_ref(), self.rooms.store.as_ref());
        let body = request.body.as_ref();
        match part {
            Part::Events => peek::events(store, queue, request.query()).await,
            Part::Past => past::events(store, queue, request.query()).await,
            Part::Receive => queues::receive(engine, queue, body, self.readiness.stopped()).await,
            Part::Settle => queues::settle(engine, queue, body).await,
            Part::Pause => manage::deliver(store, queue, body, Delivery::Paused).await,
            Part::Resume => manage::deliver(store, queue, body, Delivery::Running).await,
            Part::Hold => manage::set_hold(store, queue, body).await,
            Part::Purge => manage::purge(store, queue, body).await,
        }
    }
}

impl Handler for Api {
    fn admit(&self, head: &Head) -> Result<BodyRule, Response> {
        self.judge(head)?;
        let bytes_max = match Place::parse(head.path())? {
            Place::Plugins(place) => place.body_bytes_max(),
            Place::Refused(place) => place.body_bytes_max().max(BODY_BYTES_MAX),
            Place::Schemas(_) => schemas::BODY_BYTES_MAX,
            _ => BODY_BYTES_MAX,
        };
        Ok(BodyRule { bytes_max })
    }

    fn handle(&self, request: Request) -> Pending<'_, Response> {
        Box::pin(self.answer(request))
    }

    /// A consumer that went away must not be leased anything, and nobody reads on for one that
    /// looked. Everything else is finished.
    fn hangup(&self, request: &Request) -> Hangup {
        match Place::parse(request.path()) {
            Ok(Place::Part(_, Part::Receive | Part::Events | Part::Past)) => Hangup::Abandon,
            _ => Hangup::Finish,
        }
    }
}

fn nothing() -> Response {
    reply::problem(404, "path_not_found", "there is nothing at this path")
}

/// A thousand receipts with reasons fit in a megabyte.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_agreed_api() {
        let queue: QueueName = "siem".parse().unwrap();
        for (path, place) in [
            ("/healthz", Place::Health),
            ("/v1/queues", Place::Queues),
            ("/v1/queues/siem", Place::Queue(queue.clone())),
            ("/readyz/senders", Place::ReadyForSenders),
            ("/v1/queues/siem/receive", Place::Part(queue.clone(), Part::Receive)),
            ("/v1/queues/siem/events", Place::Part(queue.clone(), Part::Events)),
            ("/v1/queues/siem/hold", Place::Part(queue.clone(), Part::Hold)),
            ("/v1/queues/siem/redrive", Place::Jobs(jobs::Place::Redrive(queue.clone()))),
            ("/v1/queues/siem/replay", Place::Jobs(jobs::Place::QueueReplay(queue.clone()))),
            ("/v1/jobs", Place::Jobs(jobs::Place::All)),
            ("/v1/replays", Place::Jobs(jobs::Place::Replays)),
            ("/v1/queues/siem/past", Place::Part(queue.clone(), Part::Past)),
            ("/v1/plugins", Place::Plugins(plugins::Place::All)),
            ("/v1/keys", Place::Keys),
            ("/v1/keys/learned/notion", Place::Learned("notion".parse().unwrap())),
            ("/v1/refused", Place::Refused(refused::Place::All)),
            ("/v1/explain", Place::Refused(refused::Place::ExplainGiven)),
        ] {
            assert_eq!(Place::parse(path), Ok(place), "{path}");
        }
        for bad in ["/", "", "/v1", "/v1/queues/a/b/c", "/v1/plugins/a/b"] {
            assert_eq!(Place::parse(bad).map_err(|reply| reply.status), Err(404), "{bad}");
        }
        for bad in ["/v1/queues/", "/v1/queues/..%2f/receive"] {
            assert_eq!(Place::parse(bad).map_err(|reply| reply.status), Err(422), "{bad}");
        }
    }
}
