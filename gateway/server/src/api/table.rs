//! Which methods and paths the admin API has, and who answers each.

use std::sync::Arc;

use sluicegate_admission::sha256;
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::QueueFault;
use sluicegate_core::seams::{Engine, Pending};
use sluicegate_sources::http::{BodyRule, Handler, Hangup, Head, Request, Response};

use super::door::Access;
use super::exposition::{self, Rooms};
use super::health::{self, Readiness};
use super::queues;
use super::reply;

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
    Metrics,
    Queues,
    Queue(QueueName),
    Receive(QueueName),
    Settle(QueueName),
    Redrive(QueueName),
}

impl Place {
    fn parse(path: &str) -> Result<Self, Response> {
        let queue = |name: &str| name.parse().map_err(|_| queues::refuse(&QueueFault::NoQueue));
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts.as_slice() {
            ["healthz"] => Ok(Self::Health),
            ["readyz"] => Ok(Self::Ready),
            ["metrics"] => Ok(Self::Metrics),
            ["v1", "queues"] => Ok(Self::Queues),
            ["v1", "queues", name] => queue(name).map(Self::Queue),
            ["v1", "queues", name, "receive"] => queue(name).map(Self::Receive),
            ["v1", "queues", name, "settle"] => queue(name).map(Self::Settle),
            ["v1", "queues", name, "redrive"] => queue(name).map(Self::Redrive),
            _ => Err(reply::problem(404, "path_not_found", "there is nothing at this path")),
        }
    }

    fn method(&self) -> &'static str {
        match self {
            Self::Receive(_) | Self::Settle(_) | Self::Redrive(_) => "POST",
            _ => "GET",
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

    /// Health is for load balancers: it tells nothing, and everyone may ask.
    fn judge(&self, head: &Head) -> Result<(), Response> {
        let place = Place::parse(head.path())?;
        if !matches!(place, Place::Health | Place::Ready) {
            self.access.check(&head.headers, sha256)?;
        }
        let allowed = place.method();
        if head.method == allowed {
            return Ok(());
        }
        let detail = format!("use {allowed}");
        Err(reply::problem(405, "method_not_allowed", &detail).with("allow", allowed))
    }

    async fn answer(&self, request: Request) -> Response {
        let place = match Place::parse(request.path()) {
            Ok(place) => place,
            Err(reply) => return reply,
        };
        let (engine, body) = (self.engine.as_ref(), request.body.as_ref());
        match place {
            Place::Health => health::healthz(self.rooms.storage()),
            Place::Ready => health::readyz(&self.readiness, self.rooms.storage()),
            Place::Metrics => exposition::page(&self.rooms, engine).await,
            Place::Queues => queues::list(engine).await,
            Place::Queue(queue) => queues::show(engine, &queue).await,
            Place::Receive(queue) => {
                let stopped = self.readiness.stopped();
                queues::receive(engine, &queue, body, stopped).await
            }
            Place::Settle(queue) => queues::settle(engine, &queue, body).await,
            Place::Redrive(queue) => queues::redrive(engine, &queue, body).await,
        }
    }
}

impl Handler for Api {
    fn admit(&self, head: &Head) -> Result<BodyRule, Response> {
        self.judge(head).map(|()| BodyRule { bytes_max: BODY_BYTES_MAX })
    }

    fn handle(&self, request: Request) -> Pending<'_, Response> {
        Box::pin(self.answer(request))
    }

    /// A consumer that went away must not be leased anything. Settlements are finished.
    fn hangup(&self, request: &Request) -> Hangup {
        match Place::parse(request.path()) {
            Ok(Place::Receive(_)) => Hangup::Abandon,
            _ => Hangup::Finish,
        }
    }
}

/// A thousand receipts with reasons fit in a megabyte.
const BODY_BYTES_MAX: usize = 1024 * 1024;

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
            ("/v1/queues/siem/receive", Place::Receive(queue.clone())),
            ("/v1/queues/siem/settle", Place::Settle(queue.clone())),
            ("/v1/queues/siem/redrive", Place::Redrive(queue.clone())),
        ] {
            assert_eq!(Place::parse(path), Ok(place), "{path}");
        }
        for bad in ["/", "", "/v1", "/v1/queues/", "/v1/queues/a/b/c", "/v1/queues/..%2f/receive"] {
            assert_eq!(Place::parse(bad).map_err(|reply| reply.status), Err(404), "{bad}");
        }
    }
}
