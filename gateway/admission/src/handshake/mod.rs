//! Handshakes: the requests by which a provider asks whether it may send here. Declared beside its
//! scheme, answered without an event.

mod answer;
mod greeter;
mod spec;

pub(crate) use answer::is_token;
pub use answer::{Errand, Greeting};
pub(crate) use greeter::Greeter;
pub use greeter::HandshakeSetting;
pub use spec::{Answer, Asks, Handshake, Method, Place, Term, When};
