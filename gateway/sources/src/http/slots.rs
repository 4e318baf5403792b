//! Connection slots: how many connections there may be, in all and of one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The slots of one listener.
#[derive(Debug)]
pub(crate) struct Slots {
    taken: Mutex<Taken>,
    max: usize,
    per_address_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    address: IpAddr,
}

impl Slots {
    pub(crate) fn new(max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), max, per_address_max })
    }

    /// A slot for a connection from `peer`; `None` if all are taken.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Slot> {
        let address = network(peer);
        let mut taken = self.lock();
        let mine = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.total >= self.max || mine >= self.per_address_max {
            return None;
        }
        taken.total += 1;
        taken.by_address.insert(address, mine + 1);
        drop(taken);
        Some(Slot { slots: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while the lock is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(mine) = taken.by_address.get_mut(&self.address) {
            *mine -= 1;
            if *mine == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// What one person holds: an IPv4 address, or the /64 of an IPv6 address.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & 0xffff_ffff_ffff_ffff << 64))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_run_out_by_address_and_in_all_and_come_back() {
        let slots = Slots::new(3, 2);
        let [one, same, other]: [IpAddr; 3] =
            ["2001:db8::1", "2001:db8::2", "::ffff:192.0.2.1"].map(|a| a.parse().unwrap());
        let first = slots.take(one);
        let second = slots.take(same);
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(one).is_none(), "the /64 has its two");
        let third = slots.take(other);
        assert!(third.is_some());
        assert!(slots.take("192.0.2.9".parse().unwrap()).is_none(), "three in all");
        drop(first);
        assert!(slots.take("192.0.2.9".parse().unwrap()).is_some());
        drop((second, third));
        assert!(slots.lock().by_address.is_empty());
    }
}
