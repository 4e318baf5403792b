//! The connection of a sink: a task that owns it, pings, and gives each message its answer. It is
//! opened again after it broke; what was on its way then is not known to have arrived, and is told
//! so.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::config::MqttSinkConfig;
use super::dial::{Dial, Stream};
use super::message::Message;
use super::metrics::MqttSinkMetrics;
use super::wire::{Greeting, Malformed, Said, Wire};
use crate::RECONNECT;

/// A message on its way, and who waits for its answer.
pub(crate) struct Job {
    pub(crate) message: Message,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The broker has it.
    Taken,
    /// The broker does not take it, and says why by this reason code of MQTT 5.
    Refused(u8),
    /// The broker has said that it takes no such message, or there is no packet for it.
    Unwritable(&'static str),
    /// Nobody knows.
    Lost(String),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error("failed to connect: {0}")]
    Dial(io::Error),
    #[error("no CONNACK in time")]
    Silent,
    #[error("{0}")]
    Refused(String),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the broker said good-bye: reason {0:#04x}")]
    Parted(u8),
    #[error("the broker does not answer")]
    Dead,
}

/// One who keeps a connection.
pub(crate) struct Keeper {
    pub(crate) config: Arc<MqttSinkConfig>,
    pub(crate) dial: Dial,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) metrics: Arc<MqttSinkMetrics>,
    /// Whether there is a connection.
    pub(crate) standing: watch::Sender<bool>,
}

impl Keeper {
    /// Keeps a connection, and serves jobs, until nobody can give any more.
    pub(crate) async fn run(mut self) {
        let mut failed = 0;
        loop {
            let over = match self.open().await {
                Ok(mut talk) => {
                    failed = 0;
                    self.metrics.connections.increment();
                    self.stands(true);
                    let served = talk.serve(&mut self.jobs).await;
                    self.stands(false);
                    let Err(over) = served else { return };
                    lost(talk.waiting.into_values(), &over);
                    over
                }
                Err(over) => over,
            };
            failed += 1;
            let broker = &self.config.broker.host;
            tracing::warn!(broker, failed, %over, "an MQTT sink has no connection");
            if !self.pause(RECONNECT.wait(failed, (self.config.dice)()), &over).await {
                return;
            }
        }
    }

    fn stands(&self, connected: bool) {
        self.metrics.set_connected(connected);
        self.standing.send_replace(connected);
    }

    /// Who comes meanwhile would wait for nothing. Says whether anybody can come.
    async fn pause(&mut self, pause: Duration, over: &Over) -> bool {
        let end = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(end) => return true,
                job = self.jobs.recv() => match job {
                    Some(job) => lost([job.answer], over),
                    None => return false,
                },
            }
        }
    }

    async fn open(&self) -> Result<Talk, Over> {
        let deadline = Instant::now() + self.config.timeout;
        let dialed = timeout_at(deadline, self.dial.open()).await.map_err(|_| Over::Silent)?;
        let mut talk = Talk {
            stream: dialed.map_err(Over::Dial)?,
            wire: Wire::new(self.config.version),
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            waiting: HashMap::new(),
            greeting: Greeting::default(),
            keep_alive: self.config.keep_alive,
            last_id: 0,
            answered: Instant::now(),
            config: Arc::clone(&self.config),
        };
        talk.wire.connect(&self.config, &mut talk.outbox);
        let greeting = timeout_at(deadline, talk.greeting()).await.map_err(|_| Over::Silent)??;
        talk.keep_alive = greeting.keep_alive_s.map_or(talk.keep_alive, |s| {
            // 0: nothing need be said.
            if s == 0 { FOR_EVER } else { Duration::from_secs(s.into()) }
        });
        talk.greeting = greeting;
        Ok(talk)
    }
}

struct Talk {
    stream: Box<dyn Stream>,
    wire: Wire,
    inbox: BytesMut,
    outbox: BytesMut,
    waiting: HashMap<NonZeroU16, oneshot::Sender<Answer>>,
    greeting: Greeting,
    keep_alive: Duration,
    last_id: u16,
    /// When a message was answered, or the first of those that wait was sent.
    answered: Instant,
    config: Arc<MqttSinkConfig>,
}

impl Talk {
    async fn greeting(&mut self) -> Result<Greeting, Over> {
        self.stream.write_all_buf(&mut self.outbox).await?;
        loop {
            match self.wire.decode(&mut self.inbox)? {
                Some(Said::Greeting(greeting)) => return greeting.map_err(Over::Refused),
                Some(_) => return Err(Over::Malformed(Malformed)),
                None if self.stream.read_buf(&mut self.inbox).await? == 0 => {
                    return Err(Over::Broken(io::ErrorKind::UnexpectedEof.into()));
                }
                None => {}
            }
        }
    }

    /// Serves until nobody can give any more jobs.
    async fn serve(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Result<(), Over> {
        let keep_alive = self.keep_alive;
        let window = usize::from(self.greeting.receive_max.min(WINDOW_MAX));
        let (mut heard, mut pinged) = (Instant::now(), Instant::now());
        let mut open = true;
        loop {
            if !open && self.waiting.is_empty() && self.outbox.is_empty() {
                self.wire.part(&mut self.outbox);
                self.stream.write_all_buf(&mut self.outbox).await?;
                self.stream.shutdown().await?;
                return Ok(());
            }
            let takes = open && self.waiting.len() < window && self.outbox.len() < OUTBOX_BYTES;
            let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
            tokio::select! {
                written = writer.write_buf(&mut self.outbox), if !self.outbox.is_empty() => {
                    written?;
                }
                read = reader.read_buf(&mut self.inbox) => {
                    if read? == 0 {
                        return Err(Over::Broken(io::ErrorKind::UnexpectedEof.into()));
                    }
                    heard = Instant::now();
                    while let Some(said) = self.wire.decode(&mut self.inbox)? {
                        self.hear(said)?;
                    }
                }
                job = jobs.recv(), if takes => match job {
                    Some(job) => self.publish(job),
                    None => open = false,
                },
                // Asked for an answer, also where only QoS 0 goes out, which has none.
                () = sleep_until(heard.max(pinged) + keep_alive) => {
                    pinged = Instant::now();
                    self.wire.ping(&mut self.outbox);
                }
                () = sleep_until(heard + keep_alive * 3 / 2 + self.config.timeout) => {
                    return Err(Over::Dead);
                }
                () = sleep_until(self.answered + self.config.timeout * 2),
                    if !self.waiting.is_empty() => return Err(Over::Dead),
            }
        }
    }

    fn publish(&mut self, job: Job) {
        if job.answer.is_closed() {
            // Its attempt is over: it comes again with the next one.
            return;
        }
        if let Some(why) = self.not_taken(&job.message) {
            let _ = job.answer.send(Answer::Unwritable(why)); // As below.
            return;
        }
        let id = (job.message.qos > 0).then(|| self.free_id());
        let start = self.outbox.len();
        let written = self.wire.publish(&job.message, id, &mut self.outbox);
        let fits = self.outbox.len() - start <= self.greeting.packet_bytes_max;
        if !fits {
            self.outbox.truncate(start);
        }
        let answer = match id {
            _ if !written => Answer::Unwritable("there is no packet for it"),
            _ if !fits => Answer::Unwritable("it is larger than the broker takes"),
            Some(id) => {
                if self.waiting.is_empty() {
                    self.answered = Instant::now();
                }
                self.waiting.insert(id, job.answer);
                return;
            }
            // Nothing answers QoS 0.
            None => Answer::Taken,
        };
        let _ = job.answer.send(answer); // Who does not wait any more has given up on it.
    }

    /// Why the broker would end the connection over this message, if it would.
    fn not_taken(&self, message: &Message) -> Option<&'static str> {
        if message.qos > self.greeting.qos_max {
            return Some("the broker takes no such QoS");
        }
        (message.retain && !self.greeting.retains).then_some("the broker retains nothing")
    }

    fn hear(&mut self, said: Said) -> Result<(), Over> {
        let (id, answer) = match said {
            Said::Acked(id, code) if code < 0x80 => (id, Answer::Taken),
            Said::Acked(id, code) => (id, Answer::Refused(code)),
            Said::Received(id) => {
                self.wire.release(id, &mut self.outbox);
                return Ok(());
            }
            Said::Complete(id) => (id, Answer::Taken),
            Said::Pong => return Ok(()),
            Said::Parted(reason) => return Err(Over::Parted(reason)),
            Said::Greeting(_) => return Err(Over::Malformed(Malformed)),
        };
        self.answered = Instant::now();
        if let Some(waits) = self.waiting.remove(&id) {
            let _ = waits.send(answer); // As above.
        }
        Ok(())
    }

    /// A packet id that nothing has: the window is far smaller than their number.
    fn free_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && !self.waiting.contains_key(&id)
            {
                return id;
            }
        }
    }
}

/// Tells those who wait that nobody knows.
fn lost(waiting: impl IntoIterator<Item = oneshot::Sender<Answer>>, over: &Over) {
    for answer in waiting {
        let _ = answer.send(Answer::Lost(over.to_string())); // Who does not wait has given up.
    }
}

/// As long as no timer need ring.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Messages on their way at once, whatever the broker takes.
const WINDOW_MAX: u16 = 1024;

/// More than this is not taken before it is written.
const OUTBOX_BYTES: usize = 256 * 1024;
