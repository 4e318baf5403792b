//! Keys of what is kept: how many there are, and when they go.

use super::*;
use std::collections::BTreeMap;

fn ledger(messages_max: usize) -> Arc<Ledger> {
    Arc::new(Ledger::new(WaitingLimits { messages_max, bytes_max: 10_000 }))
}

/// Does what the ledger wants to a table, as the engine would.
fn settle(ledger: &Arc<Ledger>, table: &mut BTreeMap<Arc<str>, Write>) {
    loop {
        let mut batch = ledger.take();
        if batch.is_empty() {
            return;
        }
        let deletes = batch.deletes();
        ledger.deleted(&mut batch);
        for (key, write) in deletes.into_iter().chain(batch.lists()) {
            match write {
                Write::Delete => drop(table.remove(&key)),
                Write::Set(_) => drop(table.insert(key, write)),
            }
        }
        batch.listed();
    }
}

fn laid(ledger: &Arc<Ledger>, shares: u16) -> (Arc<str>, Vec<Share>) {
    let stored = ledger.store(10, For::There).unwrap();
    let shares = (1..=shares).map(|id| stored.share(NonZeroU16::new(id))).collect();
    stored.laid();
    (stored.key(), shares)
}

#[test]
fn a_message_has_two_keys_however_many_recipients_answer() {
    let ledger = ledger(10);
    let (key, mut shares) = laid(&ledger, 1000);
    let mut table = BTreeMap::from([(key, nothing())]);
    for _ in 0..999 {
        drop(shares.pop());
        settle(&ledger, &mut table);
        assert_eq!(table.len(), 2, "the message, and the list of those who have it");
    }
    drop(shares);
    settle(&ledger, &mut table);
    assert_eq!((table.len(), ledger.len()), (0, 0));
}

#[test]
fn what_a_recipient_says_alone_is_taken_into_the_list_and_deleted() {
    let ledger = ledger(10);
    let (key, mut shares) = laid(&ledger, 3);
    let mut table = BTreeMap::from([(key, nothing())]);
    for share in &shares[1..] {
        let (key, write) = share.done();
        table.insert(key, write);
    }
    drop(shares.pop());
    settle(&ledger, &mut table);
    let left: Vec<_> = table.keys().map(|key| key.to_string()).collect();
    let number = format!("{:016x}", 1);
    let expected = [format!("d/{number}"), format!("d/{number}/1"), format!("m/{number}")];
    assert_eq!(left, expected);
    drop(shares);
    settle(&ledger, &mut table);
    assert!(table.is_empty(), "{table:?}");
}

#[test]
fn lists_that_cannot_be_written_do_not_hold_back_what_is_deleted() {
    let ledger = ledger(10);
    let (_, mut first) = laid(&ledger, 2);
    let (second, shares) = laid(&ledger, 1);
    drop((first.pop(), shares));
    let mut batch = ledger.take();
    assert_eq!(batch.deletes(), [(second, Write::Delete)]);
    ledger.deleted(&mut batch);
    assert_eq!(batch.lists().len(), 1);
    ledger.put_back(batch);
    let mut again = ledger.take();
    assert!(again.deletes().is_empty());
    assert_eq!(again.lists().len(), 1, "it is tried again, and once");
}

#[test]
fn what_never_became_durable_is_not_deleted() {
    let ledger = ledger(10);
    let stored = ledger.store(10, For::There).unwrap();
    drop(stored.share(None));
    drop(stored);
    assert!(ledger.take().is_empty());
    assert_eq!(ledger.len(), 0);
}

#[test]
fn more_than_the_bounds_is_not_kept() {
    let ledger = ledger(2);
    let (one, _two) = (ledger.store(10, For::There).unwrap(), ledger.store(10, For::There));
    assert!(ledger.store(10, For::There).is_none());
    drop(one);
    assert!(ledger.store(9900, For::There).is_none());
    let last = ledger.store(10, For::There).unwrap();
    assert!(last.grow(5000, For::There), "recipients take room as well");
    assert!(!last.grow(5000, For::There));
}

#[test]
fn clients_that_are_away_leave_room_for_those_who_are_there() {
    let ledger = ledger(4);
    let kept: Vec<_> = std::iter::from_fn(|| ledger.store(10, For::Away)).collect();
    assert_eq!(kept.len(), 3);
    assert!(ledger.store(10, For::There).is_some());
}

#[test]
fn room_is_free_only_when_the_delete_is_durable() {
    let ledger = ledger(1);
    drop(laid(&ledger, 1));
    assert!(ledger.store(10, For::There).is_none());
    settle(&ledger, &mut BTreeMap::new());
    assert!(ledger.store(10, For::There).is_some());
}
