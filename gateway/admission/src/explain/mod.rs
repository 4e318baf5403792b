//! Why was it refused? Every mistake that people make with signatures is tried: what would have
//! been signed or sent if somebody had made it. The one under which the signature holds is the
//! answer, and it is certain: nobody without the secret can make it hold by chance.
//!
//! For operators only: a stranger who is told which mistake fits would be told about secrets.
//! Nothing that is found here proves a delivery: an explanation never lets anything in.

mod attempt;
mod bodies;
mod forms;
mod mistake;
mod names;
mod restyle;
mod search;
mod secrets;
mod suppose;
mod urls;

pub use mistake::{Likely, Mistake, SignatureExplained};
pub use suppose::{Supposed, SupposedEvent};
