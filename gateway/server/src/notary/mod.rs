//! The notary: proves senders for the line. What costs microseconds is proven where the delivery
//! stands; a public key's arithmetic goes to threads of its own, and what a scheme needs from
//! elsewhere is fetched, kept and bounded here.

mod errand;
mod keeper;
mod learned;
mod proofs;
mod threads;

pub use errand::{Call, ErrandCounters, Errands};
pub use keeper::{Fetch, Keeper};
pub use learned::Learned;
pub use threads::Notary;
