//! What is said to the broker of messages, and when: acknowledgements in the order of their tags,
//! refusals with their reason.

mod rejecter;
mod window;

pub(super) use rejecter::Rejecter;
pub(super) use window::{Acks, Window};
