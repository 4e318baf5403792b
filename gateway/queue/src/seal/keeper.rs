//! Keeps the keys of an open folder fresh: writes down how much they have sealed, and makes a new
//! one when it is due. A gateway that runs for months is not left with the key of its first day.
//!
//! It never holds the folder: a store that was dropped can be opened again at once.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sluicegate_core::time::Clock;

use super::data_keys::DataKeys;
use super::keyring::Keyring;
use super::unlock::{make_key, new_key_is_due, next_id, reserve};
use super::wrap::KeyWrap;
use crate::disk::Disk;
use crate::fault::OpenFault;

/// Keeps the keys of an open folder fresh.
pub(super) struct Keeper {
    pub(super) disk: Weak<dyn Disk>,
    pub(super) keyring: Keyring,
    pub(super) keys: Arc<DataKeys>,
    pub(super) wrap: Arc<dyn KeyWrap>,
    pub(super) clock: Clock,
}

impl Keeper {
    /// Looks after the keys until the store is gone.
    pub(super) async fn run(self) {
        let keys = Arc::clone(&self.keys);
        let mut keeper = self;
        let mut wait = LOOK_EVERY;
        while keeper.disk.strong_count() > 0 {
            tokio::select! {
                () = keys.worn.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            // The holder of the key and the disk may both be slow.
            let turned = tokio::task::spawn_blocking(move || {
                let done = keeper.turn();
                (keeper, done)
            });
            let Ok((back, done)) = turned.await else { return };
            keeper = back;
            wait = if done.is_ok() { LOOK_EVERY } else { RETRY_AFTER };
            if let Err(fault) = done {
                // The old key goes on: half of what it may seal is left when this begins.
                tracing::error!(code = fault.code(), error = %fault, "data keys are not kept");
            }
        }
    }

    /// Writes down what the newest key has sealed; puts a new one in its place if that is due.
    pub(super) fn turn(&mut self) -> Result<(), OpenFault> {
        let Some(key) = self.keys.newest() else { return Ok(()) };
        let now = self.clock.now();
        let mut next = self.keyring.clone();
        let Some(newest) = next.records.last_mut() else { return Ok(()) };
        reserve(newest, &key);
        let made = match next_id(&next).filter(|_| new_key_is_due(&next, now)) {
            Some(id) => Some(make_key(&*self.wrap, id, now)?),
            None => None,
        };
        let made = made.map(|(mut record, key)| {
            reserve(&mut record, &key);
            next.records.push(record);
            key
        });
        let Some(disk) = self.disk.upgrade() else { return Ok(()) };
        next.write(&*disk).map_err(OpenFault::disk("write the keyring"))?;
        self.keyring = next;
        // It is durable: now it may seal.
        if let Some(key) = made {
            tracing::info!(data_key = key.id.0, "a new data key seals from now on");
            self.keys.push(key);
        }
        Ok(())
    }
}

/// How often the age of the newest key is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// How soon it is tried again after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sluicegate_core::time::Timestamp;

    use super::*;
    use crate::disk::simulated::SimulatedDisk;
    use crate::seal::keyring::{self, Found};
    use crate::seal::unlock::{AGE_MAX, RESERVED, SEALED_MAX};
    use crate::seal::{Encryption, LocalKey, Sealer, unlock};

    /// A folder that was just opened, its keeper, and the hands of its clock.
    fn opened(disk: &SimulatedDisk) -> (Arc<dyn Disk>, Keeper, Arc<Mutex<Timestamp>>) {
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let now = Arc::new(Mutex::new(Timestamp::from_unix_ms(1_000)));
        let hands = Arc::clone(&now);
        let clock = Clock::new(move || *hands.lock().unwrap());
        let encryption = Encryption::new(Arc::new(LocalKey::new("one", &[1; 32])));
        let unlocked = unlock(disk, Some(&encryption), clock.now()).unwrap();
        let keeper = unlocked.keeper(&seam, &clock).unwrap().unwrap();
        (seam, keeper, now)
    }

    fn on_disk(disk: &SimulatedDisk) -> keyring::Keyring {
        match keyring::read(disk).unwrap() {
            Found::Keyring(keyring) => keyring,
            other => panic!("{other:?}"),
        }
    }

    fn seal_one(keeper: &Keeper) {
        let mut frame = crate::format::entry::start(0);
        crate::format::entry::finish(&mut frame, crate::format::entry::Kind::Commit);
        Sealer(Arc::clone(&keeper.keys)).seal(&mut frame);
    }

    #[test]
    fn a_running_store_gets_a_new_data_key_when_the_newest_is_old() {
        let disk = SimulatedDisk::new();
        let (_seam, mut keeper, now) = opened(&disk);
        keeper.turn().unwrap();
        assert_eq!(keeper.keys.count(), 1, "it is young");
        let later = now.lock().unwrap().plus(AGE_MAX).plus(Duration::from_secs(1));
        *now.lock().unwrap() = later;
        keeper.turn().unwrap();
        assert_eq!((keeper.keys.count(), on_disk(&disk).records.len()), (2, 2));
        assert_eq!(keeper.keys.newest().unwrap().id.0.get(), 2);
        assert_eq!(on_disk(&disk), keeper.keyring);
        keeper.turn().unwrap();
        assert_eq!(keeper.keys.count(), 2, "the new one is young");
    }

    #[test]
    fn what_a_key_may_have_sealed_is_written_ahead_of_what_it_did() {
        let disk = SimulatedDisk::new();
        let (_seam, mut keeper, _) = opened(&disk);
        assert_eq!(on_disk(&disk).records[0].sealed_max, RESERVED);
        seal_one(&keeper);
        keeper.turn().unwrap();
        assert_eq!(on_disk(&disk).records[0].sealed_max, RESERVED + 1);
        drop(keeper);
        // The process ends without a word: all that it might have sealed is counted.
        let (_seam, keeper, _) = opened(&disk);
        assert_eq!(keeper.keys.newest().unwrap().sealed(), RESERVED + 1);
        assert_eq!(on_disk(&disk).records[0].sealed_max, 2 * RESERVED + 1);
    }

    #[test]
    fn a_key_that_has_sealed_enough_is_followed_by_a_new_one() {
        let disk = SimulatedDisk::new();
        let (_seam, keeper, _) = opened(&disk);
        let mut keyring = keeper.keyring.clone();
        keyring.records[0].sealed_max = SEALED_MAX - RESERVED;
        keyring.write(&disk).unwrap();
        let (_seam, mut keeper, _) = opened(&disk);
        assert_eq!(keeper.keys.count(), 1, "it has some left");
        seal_one(&keeper);
        keeper.turn().unwrap();
        assert_eq!(keeper.keys.count(), 2);
        drop(keeper);
        let mut keyring = on_disk(&disk);
        keyring.records[1].sealed_max = SEALED_MAX + 1;
        keyring.write(&disk).unwrap();
        assert_eq!(opened(&disk).1.keys.count(), 3, "at a start, too");
    }

    #[test]
    fn a_key_that_could_not_be_written_down_does_not_seal() {
        let disk = SimulatedDisk::new();
        let (_seam, mut keeper, now) = opened(&disk);
        let later = now.lock().unwrap().plus(AGE_MAX * 2);
        *now.lock().unwrap() = later;
        disk.leave_room(10);
        assert_eq!(keeper.turn().unwrap_err().code(), "data_folder_disk");
        assert_eq!(keeper.keys.count(), 1);
        disk.leave_room(u64::MAX);
        keeper.turn().unwrap();
        assert_eq!((keeper.keys.count(), on_disk(&disk)), (2, keeper.keyring.clone()));
    }

    #[test]
    fn the_last_number_goes_on_rather_than_being_used_again() {
        let disk = SimulatedDisk::new();
        let (_seam, mut keeper, now) = opened(&disk);
        keeper.keyring.records[0].id.0 = std::num::NonZeroU16::MAX;
        let later = now.lock().unwrap().plus(AGE_MAX * 2);
        *now.lock().unwrap() = later;
        keeper.turn().unwrap();
        assert_eq!(keeper.keys.count(), 1);
    }

    #[tokio::test]
    async fn the_keeper_is_woken_by_a_worn_key_and_ends_with_its_store() {
        let disk = SimulatedDisk::new();
        let (seam, keeper, _) = opened(&disk);
        let keys = Arc::clone(&keeper.keys);
        let key = keys.newest().unwrap();
        let before = on_disk(&disk).generation;
        key.wake_at(key.sealed());
        let task = tokio::spawn(keeper.run());
        let mut frame = crate::format::entry::start(0);
        crate::format::entry::finish(&mut frame, crate::format::entry::Kind::Commit);
        Sealer(Arc::clone(&keys)).seal(&mut frame);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while on_disk(&disk).generation == before {
            assert!(tokio::time::Instant::now() < deadline, "the keeper does not wake");
            tokio::task::yield_now().await;
        }
        drop(seam);
        keys.worn.notify_one();
        tokio::time::timeout(Duration::from_secs(10), task).await.unwrap().unwrap();
    }
}
