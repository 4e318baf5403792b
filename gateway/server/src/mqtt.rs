//! The ways in for MQTT: listeners, which are there before the store is and serve after it, and
//! clients of brokers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::SourceName;
use sluicegate_core::seams::{Engine, Intake};
use sluicegate_core::time::Clock;
use sluicegate_sources::mqtt::{MqttConfig, MqttListen, MqttSeams, MqttSource};
use sluicegate_sources::mqtt_client::{MqttClient, MqttClientConfig, MqttClientSeams};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Dice;
use crate::config::Plan;
use crate::fault::RunFault;
use crate::hall::{listen, local};

/// The sources that take from brokers, by name. They connect to nothing yet.
pub(crate) fn clients(
    plan: &Plan,
    intake: &Arc<dyn Intake>,
    engine: &Arc<dyn Engine>,
) -> Result<Vec<(SourceName, Arc<MqttClient>)>, RunFault> {
    let configs = plan.sources.iter().filter_map(|one| Some((&one.name, one.way.client()?)));
    let client = |(name, config): (&SourceName, &MqttClientConfig)| {
        let dice = Dice::new();
        let dice = Box::new(move || dice.roll());
        let (intake, engine) = (Arc::clone(intake), Arc::clone(engine));
        let client = MqttClient::new(config.clone(), MqttClientSeams { intake, engine, dice });
        Ok((name.clone(), Arc::new(client.map_err(RunFault::Name)?)))
    };
    configs.map(client).collect()
}

/// The listeners, and what they need.
pub(crate) struct MqttDoor {
    listeners: Vec<(TcpListener, MqttListen)>,
    addresses: Vec<(&'static str, SocketAddr)>,
}

impl MqttDoor {
    /// Listens where the plan says; `None` if nowhere.
    pub(crate) async fn open(plan: &Plan) -> Result<Option<Self>, RunFault> {
        let Some(mqtt) = &plan.mqtt else { return Ok(None) };
        let mut door = Self { listeners: Vec::new(), addresses: Vec::new() };
        for (name, address, how) in &mqtt.listeners {
            let listener = listen(*address).await?;
            door.addresses.push((name, local(&listener)?));
            door.listeners.push((listener, how.clone()));
        }
        Ok(Some(door))
    }

    /// Where it listens, by the keys under `listen`.
    pub(crate) fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        self.addresses.clone()
    }

    /// The source behind the listeners. It takes up what was kept.
    pub(crate) fn source(
        &self,
        plan: &Plan,
        intake: Arc<dyn Intake>,
        engine: &Arc<dyn Engine>,
        clock: Clock,
    ) -> Result<Arc<MqttSource>, RunFault> {
        let (limits, access) =
            plan.mqtt.as_ref().map(|m| (m.limits.clone(), m.access.clone())).unwrap_or_default();
        let config = MqttConfig {
            limits,
            access,
            topics: plan.sources.iter().filter_map(|one| one.way.topics().cloned()).collect(),
            queues: plan.store.queues.iter().map(|queue| queue.name.clone()).collect(),
        };
        let dice = Dice::new();
        let dice = Box::new(move || dice.roll());
        let seams = MqttSeams { intake, engine: Arc::clone(engine), clock, dice };
        MqttSource::new(config, seams).map(Arc::new).map_err(RunFault::Name)
    }

    /// Serves until `stop`.
    pub(crate) fn serve(
        self,
        source: &Arc<MqttSource>,
        stop: &watch::Receiver<bool>,
        drain: Duration,
        tasks: &mut JoinSet<()>,
    ) {
        tasks.spawn(Arc::clone(source).settle(stop.clone()));
        for (listener, how) in self.listeners {
            tasks.spawn(Arc::clone(source).serve(listener, how, stop.clone(), drain));
        }
    }
}
