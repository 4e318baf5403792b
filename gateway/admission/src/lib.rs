//! Admission: may it enter? Who sent this is proven over the raw bytes, then the payload is held
//! against its schema.
//!
//! It must never believe anything in a delivery before the proof, never decode or re-write the
//! bytes that were signed, and never fetch anything. It has no clock: the time is the arrival's.

mod admission;
pub mod cloudevents;
mod envelope;
mod facts;
mod gate;
mod json;
pub mod schema;
mod secret;
mod signature;
pub mod vectors;

pub use admission::{Admission, Batch, Delivered, Judged, VIOLATIONS_ATTRIBUTE};
pub use facts::{Fact, Facts, FactsOverride};
pub use gate::{Format, Gate, GateFault, GateProblem};
pub use json::Json;
pub use schema::{OnUnknown, OnViolation, Registry, SchemaFault, SchemaProblem, SchemaRule};
pub use secret::{Key, SECRET_BYTES_MIN, Secret, SecretEncoding, SecretFault};
pub use signature::{
    Algorithm, Encoding, Form, GenericHmac, Layout, Preset, Proof, Scheme, SignFault, SignRequest,
    Signer, TimeFrom, TimeRule, TimeUnit, hmac_sha256, sha256, sign,
};

/// The presets: what the gateway knows about providers.
pub mod preset {
    pub use crate::signature::ALL;
}
