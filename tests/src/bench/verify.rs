//! The check after each run: every acknowledged event is there, once, byte for byte.

use super::events::{Requests, number_of};
use super::variants::QUEUES;
use crate::consumer::Consumer;

/// What a consumer found after a run.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Acknowledged, and not there.
    pub lost: usize,
    /// There more than once.
    pub doubled: usize,
    /// There, but not as it was sent.
    pub changed: usize,
}

impl Audit {
    /// Whether the run counts.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Drains the queues and holds what came against what was sent and acknowledged.
#[must_use]
pub fn audit(consumer: &Consumer, sent: &Requests) -> Audit {
    let mut payloads = Vec::new();
    for queue in QUEUES {
        payloads.extend(consumer.drain(queue).into_iter().map(|delivery| delivery.payload));
    }
    compare(sent, &payloads)
}

fn compare(sent: &Requests, found: &[Vec<u8>]) -> Audit {
    let mut seen = vec![0_u32; sent.len()];
    let mut audit = Audit::default();
    for payload in found {
        match number_of(payload).filter(|number| *number < sent.len()) {
            Some(number) if payload == sent.payload(number) => seen[number] += 1,
            _ => audit.changed += 1,
        }
    }
    audit.lost = seen.iter().filter(|times| **times == 0).count();
    audit.doubled = seen.iter().filter(|times| **times > 1).count();
    audit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lost_doubled_or_changed_event_is_seen() {
        let sent = Requests::make(3, "/x");
        let all: Vec<Vec<u8>> = (0..3).map(|number| sent.payload(number).to_vec()).collect();
        assert!(compare(&sent, &all).is_clean());
        assert_eq!(compare(&sent, &all[1..]).lost, 1);
        let doubled = [all.clone(), vec![all[0].clone()]].concat();
        assert_eq!(compare(&sent, &doubled).doubled, 1);
        let mut changed = all;
        changed[2][1000] ^= 1;
        assert_eq!(compare(&sent, &changed), Audit { lost: 1, doubled: 0, changed: 1 });
    }
}
