//! Vaults: OpenBao and HashiCorp Vault, which speak one protocol.
//!
//! `transport` asks one once; `transit` wraps the keys of encryption at rest; `login` is let in by
//! a token or an AppRole, and stays so; `kv` reads secrets. Nothing of a secret or token is in any
//! message.

mod kv;
mod login;
mod transit;
mod transport;

pub use kv::{KvPlace, VaultReader};
pub use login::Login;
pub use transit::{VaultKey, VaultPlace};
pub use transport::VaultServer;
