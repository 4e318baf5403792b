//! Signatures: who may say that it sent this? One engine for every scheme that is a keyed hash over
//! a template; what differs between providers is data. What no template describes has code in
//! `own`.

mod candidates;
mod certificate;
mod covered;
mod crypto;
mod der;
pub(crate) mod encoding;
mod engine;
mod frame;
mod frame_checks;
mod generic;
mod keyring;
mod known;
mod learned;
#[cfg(test)]
mod mutated;
mod needs;
mod own;
mod preset;
mod presets;
mod public;
mod sign;
mod template;
mod time;
mod token;
mod verifier;

pub use certificate::{Anchors, Certificate};
pub use crypto::{Algorithm, Signing, hmac_sha256, sha256};
pub(crate) use crypto::{MacKey, PublicKey, same};
pub use encoding::Encoding;
pub use generic::{Form, GenericHmac, Layout, Scheme, TimeFrom, TimeRule, TimeUnit};
pub(crate) use learned::Learned;
pub use needs::Needs;
pub use own::{Compose, Evidence, EvidenceKind, KeySet};
pub(crate) use own::{Given, Jwt, JwtRule, claimed, is_subscribe_url, qsh};
pub use preset::{Own, Preset, Proof};
pub use presets::ALL;
pub use public::PublicForm;
pub use sign::{SignFault, SignRequest, Signer, sign};
pub use token::TokenPlace;
pub(crate) use verifier::{Proven, Setting, Verifier, Watch};
