//! Lease receipts: the number of a lease and a MAC over it, under a key of this process.
//!
//! So a receipt cannot be guessed, cannot be used on another queue, and means nothing after a
//! restart, when every lease is void.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use siphasher::sip::SipHasher24;
use sluicegate_core::queue::{LeaseNumber, LeaseReceipt, QueueNumber};

/// Makes and reads receipts.
#[derive(Debug, Clone)]
pub(crate) struct Receipts {
    key: [u8; 16],
}

impl Receipts {
    /// With a new key: the standard library's hash seeds are random from the system.
    pub(crate) fn new() -> Self {
        let half = |salt: u64| RandomState::new().hash_one(salt).to_le_bytes();
        let (low, high) = (half(1), half(2));
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(low.into_iter().chain(high)) {
            *to = from;
        }
        Self { key }
    }

    pub(crate) fn issue(&self, queue: QueueNumber, lease: LeaseNumber) -> LeaseReceipt {
        LeaseReceipt(format!("{:016x}{:016x}", lease.0, self.mac(queue, lease)))
    }

    /// The lease; `None` if the receipt is not one of this queue's.
    pub(crate) fn read(&self, queue: QueueNumber, receipt: &LeaseReceipt) -> Option<LeaseNumber> {
        let text = &receipt.0;
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let (number, mac) = text.split_at_checked(16)?;
        let lease = LeaseNumber(u64::from_str_radix(number, 16).ok()?);
        let mac = u64::from_str_radix(mac, 16).ok()?;
        (mac == self.mac(queue, lease)).then_some(lease)
    }

    fn mac(&self, queue: QueueNumber, lease: LeaseNumber) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&queue.0.to_le_bytes());
        hasher.write(&lease.0.to_le_bytes());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_only_by_its_queue_and_its_process() {
        let (one, other) = (Receipts::new(), Receipts::new());
        let (queue, lease) = (QueueNumber(3), LeaseNumber(77));
        let receipt = one.issue(queue, lease);
        assert_eq!(one.read(queue, &receipt), Some(lease));
        assert_eq!(one.read(QueueNumber(4), &receipt), None);
        assert_eq!(other.read(queue, &receipt), None);
        for forged in ["", "0", "é00000000000000000000000000000000", &"0".repeat(32)] {
            assert_eq!(one.read(queue, &LeaseReceipt(forged.into())), None, "{forged}");
        }
    }
}
