//! Unlocking a folder: read the keyring, unwrap its keys, decide whether a new one is due.
//!
//! Every refusal is decided before anything is written: a wrong key changes nothing in the folder.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::{Clock, Timestamp};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::aead::{KEY_BYTES, Key, random};
use super::data_keys::{DataKey, DataKeys};
use super::keeper::Keeper;
use super::keyring::{self, Found, Keyring, Record, Unreadable};
use super::peek::newest_key;
use super::sealed::{Sealer, Unsealer};
use super::wrap::{Encryption, KeyWrap, WrapFault};
use crate::disk::Disk;
use crate::fault::OpenFault;
use crate::format::entry::DataKeyId;

/// A folder whose keys are at hand. Nothing is written yet.
pub(crate) struct Unlocked {
    keys: Arc<DataKeys>,
    sealed: Option<(Keyring, Arc<dyn KeyWrap>)>,
}

/// Reads the keyring and unwraps its keys.
pub(crate) fn unlock(
    disk: &dyn Disk,
    encryption: Option<&Encryption>,
    now: Timestamp,
) -> Result<Unlocked, OpenFault> {
    let found = keyring::read(disk).map_err(OpenFault::disk("read the keyring"))?;
    let keyring = match found {
        Found::None => None,
        Found::Keyring(keyring) => Some(keyring),
        Found::Unreadable(Unreadable::Version(found)) => {
            let known = u32::from(keyring::VERSION);
            return Err(OpenFault::Version { found: format!("{found} of the keyring"), known });
        }
        Found::Unreadable(_) => return Err(OpenFault::KeyringDamaged),
    };
    let needed = newest_key(disk).map_err(OpenFault::disk("look into the log"))?;
    let newest = keyring.as_ref().and_then(|keyring| keyring.records.last());
    if let Some(id) = needed.filter(|id| newest.is_none_or(|newest| newest.id < *id)) {
        return Err(OpenFault::KeyMissing { id: id.0.get() });
    }
    match (keyring, encryption) {
        (None, None) => Ok(Unlocked { keys: Arc::default(), sealed: None }),
        (Some(keyring), None) => Err(OpenFault::Sealed { key: last_wrapper(&keyring) }),
        (keyring, Some(encryption)) => unwrap_all(keyring, encryption, now),
    }
}

fn unwrap_all(
    keyring: Option<Keyring>,
    encryption: &Encryption,
    now: Timestamp,
) -> Result<Unlocked, OpenFault> {
    let mut keyring = keyring.unwrap_or(Keyring { generation: 0, records: Vec::new() });
    let wrap = &encryption.seal_with;
    let mut keys = Vec::with_capacity(keyring.records.len() + 1);
    let mut rewrapped = false;
    for record in &mut keyring.records {
        let unwrapped = unwrapped(record, encryption)?;
        if record.wrapped_by != wrap.name() {
            rewrapped = true;
            record.wrapped = wrapped(&**wrap, &unwrapped, record.id)?;
            record.wrapped_by = wrap.name().to_owned();
        }
        let start = random().ok_or_else(no_random)?;
        let key = Key::new(&unwrapped);
        keys.push(Arc::new(DataKey::new(record.id, key, *start, record.sealed_max)));
    }
    if (rewrapped || new_key_is_due(&keyring, now))
        && let Some(id) = next_id(&keyring)
    {
        let (record, key) = make_key(&**wrap, id, now)?;
        keyring.records.push(record);
        keys.push(Arc::new(key));
    }
    if let (Some(record), Some(key)) = (keyring.records.last_mut(), keys.last()) {
        reserve(record, key);
    }
    let keys = Arc::new(DataKeys::new(keys));
    Ok(Unlocked { keys, sealed: Some((keyring, Arc::clone(wrap))) })
}

impl Unlocked {
    /// What opens the entries of the log.
    pub(crate) fn unsealer(&self) -> Unsealer {
        Unsealer(Arc::clone(&self.keys))
    }

    /// Makes the keyring durable; from now on entries are sealed. The task keeps the keys fresh.
    pub(crate) fn begin(
        self,
        disk: &Arc<dyn Disk>,
        runtime: &Handle,
        clock: &Clock,
    ) -> Result<(Sealer, Option<AbortHandle>), OpenFault> {
        let sealer = Sealer(Arc::clone(&self.keys));
        let keeper = self.keeper(disk, clock)?;
        Ok((sealer, keeper.map(|keeper| runtime.spawn(keeper.run()).abort_handle())))
    }

    pub(super) fn keeper(
        self,
        disk: &Arc<dyn Disk>,
        clock: &Clock,
    ) -> Result<Option<Keeper>, OpenFault> {
        let Some((mut keyring, wrap)) = self.sealed else { return Ok(None) };
        keyring.write(&**disk).map_err(OpenFault::disk("write the keyring"))?;
        let data_key = self.keys.newest().map(|newest| newest.id.0);
        tracing::info!(key = wrap.name(), data_key, "data folder is sealed");
        let (disk, clock) = (Arc::downgrade(disk), clock.clone());
        Ok(Some(Keeper { disk, keyring, keys: self.keys, wrap, clock }))
    }
}

/// Whether the newest key has been used for long, or for much, or is not there.
pub(super) fn new_key_is_due(keyring: &Keyring, now: Timestamp) -> bool {
    keyring.records.last().is_none_or(|newest| {
        newest.sealed_max > SEALED_MAX || now.since(newest.created_at) > AGE_MAX
    })
}

/// The number after the newest; `None` if there is none. Then the newest goes on.
pub(super) fn next_id(keyring: &Keyring) -> Option<DataKeyId> {
    match keyring.records.last() {
        Some(newest) => newest.id.0.checked_add(1).map(DataKeyId),
        None => Some(DataKeyId(NonZeroU16::MIN)),
    }
}

/// Makes a data key.
pub(super) fn make_key(
    wrap: &dyn KeyWrap,
    id: DataKeyId,
    now: Timestamp,
) -> Result<(Record, DataKey), OpenFault> {
    let bytes = random::<KEY_BYTES>().ok_or_else(no_random)?;
    let start = random().ok_or_else(no_random)?;
    let record = Record {
        id,
        created_at: now,
        sealed_max: 0,
        wrapped_by: wrap.name().to_owned(),
        wrapped: wrapped(wrap, &bytes, id)?,
    };
    Ok((record, DataKey::new(id, Key::new(&bytes), *start, 0)))
}

/// Lets a key seal so many entries more before the keyring is written again.
pub(super) fn reserve(record: &mut Record, key: &DataKey) {
    record.sealed_max = key.sealed().saturating_add(RESERVED);
    key.wake_at(key.sealed().saturating_add(RESERVED / 2));
}

fn unwrapped(
    record: &Record,
    encryption: &Encryption,
) -> Result<zeroize::Zeroizing<[u8; KEY_BYTES]>, OpenFault> {
    let wrong = |why| OpenFault::KeyWrong { key: record.wrapped_by.clone(), why };
    let wrap = encryption
        .find(&record.wrapped_by)
        .ok_or_else(|| wrong("no key of this id is configured"))?;
    wrap.unwrap_key(&record.wrapped, &context(record.id)).map_err(|fault| match fault {
        WrapFault::Wrong => wrong("the configured key of this id is another one"),
        WrapFault::Unavailable(why) => unavailable(wrap, why),
    })
}

fn wrapped(wrap: &dyn KeyWrap, key: &[u8; KEY_BYTES], id: DataKeyId) -> Result<Vec<u8>, OpenFault> {
    let wrapped = wrap.wrap_key(key, &context(id));
    wrapped.map_err(|fault| unavailable(wrap, fault.to_string()))
}

fn unavailable(wrap: &dyn KeyWrap, why: String) -> OpenFault {
    OpenFault::KeyUnavailable { key: wrap.name().to_owned(), why }
}

fn no_random() -> OpenFault {
    let source = std::io::Error::other("system has no randomness");
    OpenFault::Disk { doing: "draw a data key", source }
}

fn last_wrapper(keyring: &Keyring) -> String {
    keyring.records.last().map(|newest| newest.wrapped_by.clone()).unwrap_or_default()
}

/// What a wrapped data key is bound to beside its wrapper's name: its number.
fn context(id: DataKeyId) -> [u8; 2] {
    id.0.get().to_le_bytes()
}

/// A data key is followed by a new one after so many entries. NIST SP 800-38D section 8.3 allows
/// 2^32 for nonces that begin at random; half of it leaves time for a holder that does not answer.
pub(super) const SEALED_MAX: u64 = 1 << 31;

/// A data key is followed by a new one after this time.
pub(super) const AGE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Entries that a key may seal before the keyring is written again: what an ended process is
/// counted with.
pub(super) const RESERVED: u64 = 1 << 22;
const _: () = assert!(RESERVED < SEALED_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::simulated::SimulatedDisk;
    use crate::format::entry::{self, Kind, Position};
    use crate::seal::LocalKey;

    /// A keyring and a sealed body, as the first version wrote them.
    const KEYRING: &str = "\
        53475231c93e80ae010101018080ceded5dfc7f41880808002036f6e653c8db1742f517cd6813f90\
        baf5b016057f60b74ade6ead1a570c488356f1dd94c2d54a957e62a6d095d005da4a99b3f1b5cecf\
        372d7843f36bd2cbae4b";
    const BODY: &str = "\
        d2131f0a6bd1da9172d38b5c93a9541be11a21d488204ce2b2f330286138ef8ff1def854f3bedcbf\
        1b8d46f02f22e67127dc9317679dc329";
    const PLAIN: &[u8] = b"what the first version wrote";

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn key() -> Encryption {
        let key: Vec<u8> = (0..32).collect();
        Encryption::new(Arc::new(LocalKey::new("one", key.as_slice().try_into().unwrap())))
    }

    fn disk(keyring: &[u8]) -> SimulatedDisk {
        let disk = SimulatedDisk::new();
        (&disk as &dyn Disk).replace("", keyring::FILE, keyring).unwrap();
        disk
    }

    #[test]
    fn what_the_first_version_wrote_still_opens() {
        let at = Timestamp::from_unix_ms(1_795_000_000_000);
        let unlocked = unlock(&disk(&bytes(KEYRING)), Some(&key()), at).unwrap();
        let position = Position { segment: 1, offset: 0 };
        let mut frame = entry::start(0);
        frame.extend_from_slice(&bytes(BODY));
        entry::finish_with(&mut frame, Kind::Commit, Some(DataKeyId(NonZeroU16::MIN)));
        entry::seal(&mut frame, position);
        let head = entry::head(&frame, position).unwrap();
        let mut scratch = Vec::new();
        let opened = unlocked.unsealer().open(&head, head.body(&frame).unwrap(), &mut scratch);
        assert_eq!(opened.unwrap(), Some(PLAIN));
    }

    #[test]
    fn a_keyring_of_a_later_version_is_refused_as_such() {
        let mut body = bytes(KEYRING).split_off(8);
        body[0] = 9;
        let later = [b"SGR1", &crc32c::crc32c(&body).to_le_bytes()[..], &body].concat();
        let refused = unlock(&disk(&later), Some(&key()), Timestamp::default());
        let fault = refused.err().unwrap();
        assert_eq!(fault.code(), "data_folder_version");
        assert!(fault.to_string().contains("9 of the keyring"), "{fault}");
    }
}
