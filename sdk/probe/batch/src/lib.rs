//! The probe of batches: a filter that is asked about several events in one call, and writes into
//! each how many they were. It works for a while, so that others wait meanwhile.

use sluicegate_plugin::json::Value;
use sluicegate_plugin::{
    BatchFilter, Decision, Event, Failure, Output, Subscription, clock, export_batch,
};

struct Batch {
    busy_ns: u64,
}

impl BatchFilter for Batch {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let busy_ms =
            Value::new(config).member("busy_ms").and_then(|it| it.raw().parse::<u64>().ok());
        let busy_ms = busy_ms.ok_or("config: busy_ms is a whole number")?;
        Ok((Self { busy_ns: busy_ms * 1_000_000 }, Subscription::to_all()))
    }

    fn filter_batch(&mut self, events: &[Event]) -> Vec<Result<Decision, Failure>> {
        let end = clock::now_ns() + self.busy_ns;
        while clock::now_ns() < end {}
        let answers = events.iter().enumerate().map(|(place, event)| {
            if event.text() == Some("bad") {
                return Err(Failure::failed("bad"));
            }
            let output = Output::new()
                .attribute("together", events.len().to_string())
                .attribute("place", place.to_string());
            Ok(Decision::replace(output))
        });
        answers.collect()
    }
}

export_batch!(Batch);
