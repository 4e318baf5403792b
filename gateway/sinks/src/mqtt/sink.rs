//! One attempt: publish each event of the batch, and wait for the broker's answers.

use std::sync::Arc;

use futures_util::future::join_all;
use sluicegate_core::event::Event;
use sluicegate_core::limits::bounded_reason;
use sluicegate_core::outcome::Outcome;
use sluicegate_core::seams::{Attempt, Pending, Sink};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::{Duration, timeout};

use super::config::MqttSinkConfig;
use super::connection::{Answer, Job, Keeper};
use super::dial::Dial;
use super::fault::MqttSinkFault;
use super::message::Form;
use super::metrics::MqttSinkMetrics;

/// Publishes each event to a broker.
pub struct MqttSink {
    form: Form,
    timeout: Duration,
    jobs: mpsc::Sender<Job>,
    /// Starts when it is first asked for: there may be no runtime before.
    keeper: Mutex<Option<Keeper>>,
    /// Whether there is a connection.
    standing: watch::Receiver<bool>,
    metrics: Arc<MqttSinkMetrics>,
}

impl MqttSink {
    /// A sink of this configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// When the configuration cannot work, or leads where it must not.
    pub fn new(config: MqttSinkConfig) -> Result<Self, MqttSinkFault> {
        let (form, dial) = (Form::read(&config)?, Dial::new(&config)?);
        let (jobs, taken) = mpsc::channel(JOBS_MAX);
        let timeout = config.timeout;
        let metrics = Arc::new(MqttSinkMetrics::default());
        let (stands, standing) = watch::channel(false);
        let (config, counters) = (Arc::new(config), Arc::clone(&metrics));
        let keeper = Keeper { config, dial, jobs: taken, metrics: counters, standing: stands };
        Ok(Self { form, timeout, jobs, keeper: Mutex::new(Some(keeper)), standing, metrics })
    }

    /// The counters of this sink.
    #[must_use]
    pub fn metrics(&self) -> Arc<MqttSinkMetrics> {
        Arc::clone(&self.metrics)
    }

    async fn start(&self) {
        if let Some(keeper) = self.keeper.lock().await.take() {
            tokio::spawn(keeper.run());
        }
    }

    async fn attempt(&self, event: &Event) -> Outcome {
        let message = match self.form.message(event) {
            Ok(message) => message,
            Err(why) => return Outcome::GiveUp { why: bounded_reason(why) },
        };
        let (answer, answered) = oneshot::channel();
        let ask = async {
            let job = Job { message, answer };
            self.jobs.send(job).await.ok()?;
            answered.await.ok()
        };
        let answer = match timeout(self.timeout, ask).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Answer::Lost("the sink is stopping".to_owned()),
            Err(_) => Answer::Lost(format!("no answer within {:?}", self.timeout)),
        };
        match &answer {
            Answer::Refused(_) => self.metrics.refused.increment(),
            Answer::Lost(_) => self.metrics.unanswered.increment(),
            Answer::Taken | Answer::Unwritable(_) => {}
        }
        outcome(answer)
    }
}

impl Sink for MqttSink {
    fn deliver<'a>(&'a self, batch: &'a [Attempt]) -> Pending<'a, Vec<Outcome>> {
        Box::pin(async move {
            self.start().await;
            join_all(batch.iter().map(|attempt| self.attempt(&attempt.event))).await
        })
    }

    /// A broker that is away is waited for: nothing is leased meanwhile, and no attempt is used up.
    fn ready(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.start().await;
            // Who keeps the connection goes last: then attempts say that the sink is stopping.
            let _ = self.standing.clone().wait_for(|connected| *connected).await;
        })
    }
}

/// What an answer says about trying again. Quotas pass, and so does what an operator mends: rights.
/// A topic or a payload that is refused stays what it is.
fn outcome(answer: Answer) -> Outcome {
    match answer {
        Answer::Taken => Outcome::Done,
        Answer::Refused(code @ (TOPIC_INVALID | PAYLOAD_INVALID)) => {
            Outcome::GiveUp { why: format!("the broker refused it: reason {code:#04x}") }
        }
        Answer::Refused(code) => retry(format!("the broker refused it: reason {code:#04x}")),
        Answer::Unwritable(why) => Outcome::GiveUp { why: why.to_owned() },
        Answer::Lost(why) => retry(why),
    }
}

fn retry(why: String) -> Outcome {
    Outcome::Retry { after: None, why: bounded_reason(why) }
}

const TOPIC_INVALID: u8 = 0x90;
const PAYLOAD_INVALID: u8 = 0x99;

/// Messages that may wait for the connection.
const JOBS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_refused_is_given_up() {
        assert_eq!(outcome(Answer::Taken), Outcome::Done);
        for code in [0x90, 0x99] {
            assert!(matches!(outcome(Answer::Refused(code)), Outcome::GiveUp { .. }));
        }
        for code in [0x80, 0x83, 0x87, 0x91, 0x97] {
            assert!(matches!(outcome(Answer::Refused(code)), Outcome::Retry { .. }), "{code}");
        }
        let lost = outcome(Answer::Lost("gone".to_owned()));
        assert_eq!(lost, Outcome::Retry { after: None, why: "gone".to_owned() });
    }
}
