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
