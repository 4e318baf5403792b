//! A store that takes no events is said once, and once more when it takes them again: a full disk
//! must not be filled further by a line for each refusal.

use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::refusal::Refusal;

/// Deliveries that were refused since the store last took one.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    refused: AtomicU64,
}

impl Outage {
    /// Notes what came of a delivery, and says when an outage begins and ends. Returns whether it
    /// was refused for an outage: then nothing more needs to be said of it.
    pub(crate) fn note(&self, judged: &Result<Receipt, Refusal>) -> bool {
        match judged {
            Err(refusal @ Refusal::StoreUnavailable { .. }) => {
                if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
                    let code = refusal.code();
                    tracing::error!(code, why = %refusal, "deliveries are refused from now on");
                }
                true
            }
            Ok(receipt) if receipt.repeat() == Repeat::First => {
                // Read first: this is asked for every event.
                if self.refused.load(Ordering::Relaxed) > 0 {
                    let refused = self.refused.swap(0, Ordering::Relaxed);
                    tracing::warn!(refused, "deliveries are taken again");
                }
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use sluicegate_core::ids::EventId;

    use super::*;

    /// What is logged, as text.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged while deliveries come to this.
    fn logged(judged: impl FnOnce(&Outage)) -> Vec<String> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || judged(&Outage::default()));
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn full() -> Result<Receipt, Refusal> {
        Err(Refusal::StoreUnavailable { what: "the disk is full" })
    }

    fn taken(repeat: Repeat) -> Result<Receipt, Refusal> {
        Ok(Receipt::assertion(EventId::from_bytes([1; 16]), repeat))
    }

    #[test]
    fn an_outage_is_said_when_it_begins_and_when_it_ends_with_its_count() {
        let lines = logged(|outage| {
            (0..3).for_each(|_| assert!(outage.note(&full())));
            (0..2).for_each(|_| assert!(!outage.note(&taken(Repeat::First))));
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("are refused from now on"));
        assert!(lines[0].contains("store_unavailable") && lines[0].contains("the disk is full"));
        assert!(lines[1].contains("are taken again") && lines[1].contains("refused=3"));
    }

    #[test]
    fn a_repeat_and_the_refusal_of_one_sender_end_no_outage() {
        let lines = logged(|outage| {
            assert!(outage.note(&full()));
            // Its receipt was there before: nothing was stored.
            assert!(!outage.note(&taken(Repeat::Duplicate)));
            assert!(!outage.note(&Err(Refusal::Stopping)));
            assert!(outage.note(&full()));
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn each_outage_is_said_anew_and_none_is_no_line() {
        let lines = logged(|outage| {
            assert!(!outage.note(&taken(Repeat::First)));
            for _ in 0..2 {
                assert!(outage.note(&full()));
                assert!(!outage.note(&taken(Repeat::First)));
            }
        });
        assert_eq!(lines.len(), 4, "{lines:?}");
    }
}
