//! Encryption at rest: which key seals an entry, and where the keys are kept.

mod aead;
mod data_keys;
mod keeper;
mod keyring;
mod local_key;
mod peek;
mod sealed;
mod unlock;
mod wrap;

pub use aead::KEY_BYTES;
pub use local_key::LocalKey;
pub(crate) use sealed::{NoKey, SEAL_BYTES, Sealer, Unsealer};
pub(crate) use unlock::unlock;
pub use wrap::{Encryption, KeyWrap, WrapFault};
