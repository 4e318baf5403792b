//! One queue of a source: messages in, receipts out, and what is held between.

mod consumer;
mod hold;
mod keep;
mod life;
mod tries;

pub(super) use consumer::Consumer;
