//! Registries of the Open Container Initiative: where plugins are pulled from and pushed to.
//!
//! A reference (`reference`) names an artifact; its manifest (`manifest`) names the blobs that it
//! is made of, as the CNCF has agreed on for WebAssembly; a registry (`registry`) is asked for
//! them, and says whom it wants to see (`challenge`). `artifact` puts it together. Whatever a
//! registry gives is held against the digest that it was asked for. Nothing here is kept on disk.

mod artifact;
mod challenge;
mod fault;
mod manifest;
mod reference;
mod registry;

pub use artifact::{Pulled, pull, push};
pub use fault::OciFault;
pub use manifest::Manifest;
pub use reference::{Reference, ReferenceError};
pub use registry::{Credentials, Registry};
