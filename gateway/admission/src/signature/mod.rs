//! Signatures: who may say that it sent this? One engine for every scheme that is an HMAC over a
//! template; what differs between providers is data.

mod candidates;
mod crypto;
pub(crate) mod encoding;
mod engine;
mod generic;
mod keyring;
mod preset;
mod presets;
mod sign;
mod template;
mod time;
mod token;
mod verifier;

pub(crate) use crypto::MacKey;
pub use crypto::{Algorithm, hmac_sha256, sha256};
pub use encoding::Encoding;
pub use generic::{Form, GenericHmac, Layout, Scheme, TimeFrom, TimeRule, TimeUnit};
pub use preset::{Preset, Proof};
pub use presets::ALL;
pub use sign::{SignFault, SignRequest, Signer, sign};
pub(crate) use verifier::{Proven, Setting, Verifier, Watch};
