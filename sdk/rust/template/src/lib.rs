//! Drops the events that are marked as spam.

use sluicegate_plugin::{Decision, Subscription, filter};

filter!(Subscription::to(["push"]).headers(["x-spam"]), |event| {
    Ok(match event.header("x-spam") {
        Some(_) => Decision::drop("marked as spam"),
        None => Decision::Next,
    })
});

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_plugin::{Event, Filter};

    #[test]
    fn a_marked_event_is_dropped_and_any_other_goes_on() {
        let (mut filter, _) = SluicegateFilter::configure("{}").unwrap();
        let spam = Event::builder("push").header("x-spam", "yes").build();
        assert_eq!(filter.filter(&spam), Ok(Decision::drop("marked as spam")));
        let ham = Event::builder("push").build();
        assert_eq!(filter.filter(&ham), Ok(Decision::Next));
    }
}
