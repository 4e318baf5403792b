//! Admission: may it enter? Who sent this is proven over the raw bytes, then the payload is held
//! against its schema.
//!
//! It must never believe anything in a delivery before the proof, never decode or re-write the
//! bytes that were signed, and never fetch anything. It has no clock: the time is the arrival's.

mod admission;
mod case;
pub mod cloudevents;
mod delivered;
mod envelope;
mod explain;
mod facts;
mod gate;
mod greet;
pub mod handshake;
mod json;
mod keys;
mod prove;
pub mod schema;
mod secret;
mod signature;
mod unpack;
pub mod vectors;
mod wrapping;

pub use admission::Admission;
pub use case::{Case, Judged, VIOLATIONS_ATTRIBUTE};
pub use delivered::{Batch, Delivered};
pub use explain::{Likely, Mistake, SignatureExplained, Supposed, SupposedEvent};
pub use facts::{Fact, Facts, FactsOverride};
pub use gate::{Format, Gate, GateFault, GateProblem};
pub use json::Json;
pub use keys::{Custody, KeyState, KeyUse, MASK};
pub use prove::ARRIVAL_ATTRIBUTE;
pub use schema::{OnUnknown, OnViolation, Registry, SchemaFault, SchemaProblem, SchemaRule};
pub use secret::{Key, SECRET_BYTES_MIN, Secret, SecretEncoding, SecretFault};
pub use signature::{
    Algorithm, Anchors, Certificate, Compose, Encoding, Evidence, EvidenceKind, Form, GenericHmac,
    KeySet, Layout, Needs, Own, Preset, Proof, PublicForm, Scheme, SignFault, SignRequest, Signer,
    Signing, TimeFrom, TimeRule, TimeUnit, TokenPlace, hmac_sha256, sha256, sign,
};

pub use wrapping::{Wrapping, wrap};

/// The presets: what the gateway knows about providers.
pub mod preset {
    pub use crate::signature::ALL;
}
