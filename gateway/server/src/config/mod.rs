//! The configuration: one YAML file, read whole, judged whole, and reported with every error at
//! once, each with its file, line and path.
//!
//! `document` reads YAML with line numbers; `shape` is the published shape, from which the JSON
//! Schema is made; `read` holds a document against that schema, as `published` words it; `check`
//! holds it against the world:
//! names that refer to nothing, secrets that are not set. What comes out is a [`Plan`], with the
//! faults found so far; the hall builds its rooms from it, and they find the rest.

mod amqp;
mod broker;
mod check;
mod document;
mod encryption;
mod fault;
mod field;
mod generic;
mod live;
mod mqtt;
mod mqtt_client;
mod plan;
mod plugins;
mod published;
mod queues;
mod read;
mod refused;
mod routes;
mod scalars;
mod secrets;
mod shape;
mod show;
mod sinks;
mod sources;
mod when;

pub use check::DEAD_LETTERS;
pub use fault::{ConfigFault, ConfigFaults};
pub use live::{WantedQueue, queue_settings, read_queue};
pub use plan::{
    AdminPlan, AmqpSinkPlan, FetchPlan, MqttPlan, Plan, PluginPlan, RoutePlan, SinkPlan,
    SourcePlan, WayIn, WayOut,
};
pub use read::{load, read_as};
pub use scalars::{Size, Span, shown};
pub use shape::json_schema;
pub use show::effective;
pub use when::pattern;
