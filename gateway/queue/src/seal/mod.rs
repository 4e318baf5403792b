//! Encryption at rest: which key seals an entry, and where the keys are kept.

mod aead;
mod data_keys;
mod keeper;
mod keyring;
mod local_key;
mod note;
mod peek;
mod sealed;
mod unlock;
mod wrap;

pub use aead::KEY_BYTES;
pub(crate) use aead::random;
pub(crate) use keyring::{FILES as KEYRING_FILES, is_sound as is_keyring_sound};
pub use local_key::LocalKey;
pub use note::{NoteFault, Notes};
pub(crate) use sealed::{NoKey, SEAL_BYTES, Sealer, Unsealer};
pub(crate) use unlock::unlock;
pub use wrap::{Encryption, KeyWrap, WrapFault};
