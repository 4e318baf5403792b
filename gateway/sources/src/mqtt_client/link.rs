//! One connection to a broker, from its CONNECT to its end. Messages go through the line side by
//! side; they are answered in the order in which they came, after their commit. A message that is
//! not taken now is tried again, and holds up the answers after it: the broker keeps what is not
//! answered.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::{FuturesOrdered, StreamExt};
use sluicegate_core::seams::Uncommitted;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::config::MqttVersion;
use super::dial::{Stream, dial};
use super::fault::LinkFault;
use super::run::MqttClient;
use super::taking::refused;
use super::wire::{Answer, Greeting, PACKET_BYTES_MAX, Publish, QoS, Said, Wire};
use crate::fill::fill;

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The gateway stops.
    Stopped,
    Fault(LinkFault),
}

/// One connection to a broker.
pub(crate) struct Link<'c> {
    client: &'c Arc<MqttClient>,
    /// Packet ids of QoS 2 that were taken, and are not released yet.
    held: &'c mut BTreeSet<NonZeroU16>,
    /// Those that are on their way through the line.
    taking: BTreeSet<NonZeroU16>,
    /// The first connection of this process: the configuration may be a new one.
    fresh: bool,
    wire: Wire,
    inbox: BytesMut,
    outbox: BytesMut,
    works: FuturesOrdered<Pin<Box<dyn Future<Output = Done> + Send>>>,
    keep_alive: Duration,
    /// By when SUBACK must have come; none: it has, or is not waited for.
    subscribed_by: Option<Instant>,
    /// Nothing more is tried again.
    over: watch::Sender<bool>,
}

/// What was waited for, and what came of it.
enum Done {
    /// A message went through the line; `None`: it stays at the broker.
    Took {
        qos: QoS,
        id: Option<NonZeroU16>,
        answer: Option<Answer>,
    },
    Forgot(NonZeroU16, Result<(), Uncommitted>),
    /// It is written down what was subscribed to.
    Noted(Result<(), Uncommitted>),
}

impl<'c> Link<'c> {
    pub(crate) fn new(
        client: &'c Arc<MqttClient>,
        held: &'c mut BTreeSet<NonZeroU16>,
        fresh: bool,
    ) -> Self {
        let broker = &client.config.broker;
        Self {
            client,
            held,
            taking: BTreeSet::new(),
            fresh,
            wire: Wire::new(broker.version, PACKET_BYTES_MAX),
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            works: FuturesOrdered::new(),
            keep_alive: broker.keep_alive,
            subscribed_by: None,
            over: watch::Sender::new(false),
        }
    }

    pub(crate) async fn run(mut self, stop: &mut watch::Receiver<bool>) -> End {
        let mut stream = tokio::select! {
            greeted = self.greet() => match greeted {
                Ok(stream) => stream,
                Err(fault) => return End::Fault(fault),
            },
            _ = stop.wait_for(|stop| *stop) => return End::Stopped,
        };
        self.client.metrics.connects.increment();
        if self.subscribed_by.is_none() {
            self.stands();
        }
        let end = self.converse(&mut stream, stop).await;
        self.over.send_replace(true);
        // What is on its way is not answered on this connection any more; if it becomes durable,
        // and is of QoS 2, that is remembered.
        while let Some(done) = self.works.next().await {
            self.done(done, true);
        }
        end
    }

    async fn greet(&mut self) -> Result<Box<dyn Stream>, LinkFault> {
        let config = &self.client.config;
        let connect = config.broker.connect;
        let deadline = Instant::now() + connect;
        let silent = || LinkFault::Silent(connect);
        let dialed = timeout_at(deadline, dial(&config.broker)).await.map_err(|_| silent())?;
        let mut stream = dialed.map_err(LinkFault::Dial)?;
        self.wire.connect(&config.broker, config.receive_max, &mut self.outbox);
        let said = timeout_at(deadline, self.next(&mut stream)).await.map_err(|_| silent())??;
        let Said::Greeting(greeting) = said else {
            return Err(LinkFault::Protocol("CONNACK is missing"));
        };
        let Greeting { refused, session_present, keep_alive } = greeting;
        if let Some(why) = refused {
            return Err(LinkFault::Refused(why));
        }
        self.keep_alive = keep_alive.map_or(self.keep_alive, |s| Duration::from_secs(s.into()));
        if !session_present && !self.held.is_empty() {
            // The broker knows nothing of them: the same ids stand for other messages now.
            let forgotten = self.client.memory.forget(self.held.iter().copied()).await;
            forgotten.map_err(|_| LinkFault::Store)?;
            self.held.clear();
        }
        if session_present {
            let gone = self.client.memory.filters().into_iter();
            let gone: Vec<_> =
                gone.filter(|old| config.topics.iter().all(|topic| topic.filter != *old)).collect();
            if !gone.is_empty() {
                self.wire.unsubscribe(&gone, &mut self.outbox);
            }
        }
        // 3.1.1 sends what is retained with every SUBSCRIBE.
        if !session_present || self.fresh || config.broker.version == MqttVersion::V5 {
            self.wire.subscribe(&config.topics, &mut self.outbox);
            self.subscribed_by = Some(deadline);
        }
        Ok(stream)
    }

    /// Every filter is granted.
    fn stands(&self) {
        self.client.metrics.connected.store(true, Ordering::Relaxed);
        let (source, host) = (&self.client.config.source, &self.client.config.broker.host);
        tracing::info!(%source, broker = %host, "subscribed at a broker");
    }

    /// The SUBACK came. Messages may have come before it.
    fn subscribed(&mut self, granted: &[Option<u8>]) -> Result<(), LinkFault> {
        let config = &self.client.config;
        for (topic, granted) in config.topics.iter().zip(granted) {
            match granted {
                None => return Err(LinkFault::Subscription(topic.filter.clone())),
                Some(qos) if *qos < topic.qos => {
                    let (source, filter) = (&config.source, &topic.filter);
                    tracing::warn!(%source, filter, qos, "a broker grants less than was asked for");
                }
                Some(_) => {}
            }
        }
        self.subscribed_by = None;
        self.stands();
        let memory = &self.client.memory;
        let filters: Vec<_> = config.topics.iter().map(|topic| topic.filter.clone()).collect();
        if memory.filters() != filters {
            let client = Arc::clone(self.client);
            self.works.push_back(Box::pin(async move {
                Done::Noted(client.memory.keep_filters(&filters).await)
            }));
        }
        Ok(())
    }

    /// Writes what is to be written, and reads the next packet.
    async fn next(&mut self, stream: &mut Box<dyn Stream>) -> Result<Said, LinkFault> {
        stream.write_all_buf(&mut self.outbox).await.map_err(LinkFault::Broken)?;
        loop {
            if let Some(said) = self.wire.decode(&mut self.inbox)? {
                return Ok(said);
            }
            if fill(stream, &mut self.inbox).await.map_err(LinkFault::Broken)? == 0 {
                return Err(LinkFault::Broken(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    async fn converse(
        &mut self,
        stream: &mut Box<dyn Stream>,
        stop: &mut watch::Receiver<bool>,
    ) -> End {
        let mut stopping = false;
        let (mut heard, mut said) = (Instant::now(), Instant::now());
        let (mut reader, mut writer) = tokio::io::split(stream);
        loop {
            if let Err(fault) = self.advance(stopping) {
                return End::Fault(fault);
            }
            if stopping && self.works.is_empty() {
                self.wire.part(&mut self.outbox);
                // Whether the broker hears it or not: it keeps what was not answered.
                let _ = writer.write_all_buf(&mut self.outbox).await;
                let _ = writer.shutdown().await;
                return End::Stopped;
            }
            let reads = !stopping && self.takes_more();
            if !reads {
                // Who is not listened to is not dead.
                heard = Instant::now();
            }
            let (ping_at, dead_at) = (said + self.keep_alive, heard + self.keep_alive * 3 / 2);
            let alive = !self.keep_alive.is_zero();
            let subscribed_by = self.subscribed_by;
            tokio::select! {
                biased;
                written = writer.write_buf(&mut self.outbox), if !self.outbox.is_empty() => {
                    match written {
                        Ok(_) => said = Instant::now(),
                        Err(fault) => return End::Fault(LinkFault::Broken(fault)),
                    }
                }
                Some(done) = self.works.next(), if !self.works.is_empty() => {
                    if !self.done(done, false) {
                        return End::Fault(LinkFault::Store);
                    }
                }
                read = fill(&mut reader, &mut self.inbox), if reads => match read {
                    Ok(0) => {
                        let eof = std::io::ErrorKind::UnexpectedEof.into();
                        return End::Fault(LinkFault::Broken(eof));
                    }
                    Ok(_) => heard = Instant::now(),
                    Err(fault) => return End::Fault(LinkFault::Broken(fault)),
                },
                () = sleep_until(ping_at), if alive && self.outbox.is_empty() => {
                    self.wire.ping(&mut self.outbox);
                }
                () = sleep_until(subscribed_by.unwrap_or(dead_at)), if subscribed_by.is_some() => {
                    return End::Fault(LinkFault::Unsubscribed);
                }
                () = sleep_until(dead_at), if alive => return End::Fault(LinkFault::Dead),
                _ = stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    // What is not taken by now stays at the broker.
                    self.over.send_replace(true);
                }
            }
        }
    }

    fn takes_more(&self) -> bool {
        self.works.len() < usize::from(self.client.config.receive_max)
    }

    fn advance(&mut self, stopping: bool) -> Result<(), LinkFault> {
        while !stopping && self.takes_more() {
            let Some(said) = self.wire.decode(&mut self.inbox)? else { break };
            self.handle(said)?;
        }
        Ok(())
    }

    fn handle(&mut self, said: Said) -> Result<(), LinkFault> {
        match said {
            Said::Publish(publish) => self.take(&publish),
            Said::Release(id) if self.held.contains(&id) => {
                let client = Arc::clone(self.client);
                self.works.push_back(Box::pin(async move {
                    Done::Forgot(id, client.memory.forget([id]).await)
                }));
                Ok(())
            }
            Said::Release(id) => {
                self.wire.complete(id, false, &mut self.outbox);
                Ok(())
            }
            Said::Pong => Ok(()),
            Said::Parted(reason) => Err(LinkFault::Parted(reason)),
            Said::Subscribed(granted) if self.subscribed_by.is_some() => self.subscribed(&granted),
            Said::Greeting(_) | Said::Subscribed(_) => Err(LinkFault::Protocol("packet type")),
        }
    }

    fn take(&mut self, publish: &Publish) -> Result<(), LinkFault> {
        self.client.metrics.received.increment();
        let (qos, id) = (publish.qos, publish.packet_id);
        if let Some(id) = id.filter(|_| qos == QoS::ExactlyOnce) {
            if self.held.contains(&id) {
                self.wire.answer(qos, id, Answer::Taken, &mut self.outbox);
                return Ok(());
            }
            if !self.taking.insert(id) {
                return Ok(());
            }
        }
        let (client, delivery) = (Arc::clone(self.client), self.client.delivery(publish));
        let over = self.over.subscribe();
        self.works.push_back(Box::pin(async move {
            let answer = match delivery {
                Ok(delivery) => client.persist(delivery, over).await,
                Err(refusal) => Some(refused(&refusal)),
            };
            Done::Took { qos, id, answer }
        }));
        Ok(())
    }

    /// Answers; `late`: the connection is over. Says whether it may go on.
    fn done(&mut self, done: Done, late: bool) -> bool {
        match done {
            Done::Took { qos, id, answer } => {
                let metrics = &self.client.metrics;
                let Some(answer) = answer else { return true };
                match answer {
                    Answer::Taken => metrics.answered.increment(),
                    Answer::Refused(_) => metrics.refused.increment(),
                }
                let Some(id) = id else { return true };
                if qos == QoS::ExactlyOnce {
                    self.taking.remove(&id);
                    if answer == Answer::Taken {
                        self.held.insert(id);
                    }
                }
                if !late {
                    self.wire.answer(qos, id, answer, &mut self.outbox);
                }
            }
            // Without a PUBCOMP it is still this message's: brokers that restart have been seen to
            // send what they had released before.
            Done::Forgot(_, Ok(())) if late => {}
            Done::Forgot(id, Ok(())) => {
                self.held.remove(&id);
                self.wire.complete(id, true, &mut self.outbox);
            }
            Done::Noted(Ok(())) => {}
            Done::Forgot(_, Err(_)) | Done::Noted(Err(_)) => return false,
        }
        true
    }
}
