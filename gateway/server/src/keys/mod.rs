//! Keys while the gateway runs: `ledger` keeps when each was last used over restarts, `advice` says
//! which can go, `watch` reads their secrets again and puts new ones in place.

mod advice;
mod ledger;
mod watch;

pub use advice::advice;
pub use ledger::Ledger;
pub use watch::{KeyPlan, SecretFrom, SecretPlan, SecretWatch, read};
