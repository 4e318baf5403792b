//! How fast a body must come, as a pure function of time.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::HttpLimits;

/// The clock of one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    start: Instant,
    grace: Duration,
    rate_min: u32,
    end: Instant,
}

impl Pace {
    pub(crate) fn new(limits: &HttpLimits, start: Instant) -> Self {
        let (grace, rate_min) = (limits.body_grace, limits.body_rate_min);
        Self { start, grace, rate_min, end: start + limits.body }
    }

    /// When the next byte must have come, if `received` have: the moment at which the average
    /// since the grace falls under the least rate, or the end of all patience.
    pub(crate) fn deadline(&self, received: usize) -> Instant {
        let received_ms = (received as u64).saturating_mul(1000);
        let earned = received_ms
            .checked_div(u64::from(self.rate_min))
            .map_or(Duration::MAX, Duration::from_millis);
        let slowest = self.grace.checked_add(earned).and_then(|d| self.start.checked_add(d));
        slowest.map_or(self.end, |slowest| slowest.min(self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_of_bytes_buys_a_second_until_the_end() {
        let start = Instant::now();
        let pace = Pace::new(&HttpLimits::default(), start);
        let after = |received| pace.deadline(received) - start;
        assert_eq!(after(0), Duration::from_secs(10));
        assert_eq!(after(2048), Duration::from_secs(12));
        assert_eq!(after(usize::MAX), Duration::from_secs(60));
        let any_rate = HttpLimits { body_rate_min: 0, ..HttpLimits::default() };
        assert_eq!(Pace::new(&any_rate, start).deadline(0) - start, Duration::from_secs(60));
    }
}
