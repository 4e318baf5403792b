//! `sluicegate secret new-key`: makes a key for encryption at rest.

use clap::Subcommand;
use sluicegate_queue::LocalKey;
use zeroize::Zeroizing;

use super::{CommandFault, say};

/// What to make.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Print a new key for encryption at rest: 32 random bytes as 64 hexadecimal digits.
    NewKey,
}

/// Makes it, and prints it.
pub(super) fn make(what: &What) -> Result<(), CommandFault> {
    match what {
        What::NewKey => {
            let key = LocalKey::draw().map_err(|fault| CommandFault::Input(fault.to_string()))?;
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            say(&Zeroizing::new(digits));
            Ok(())
        }
    }
}
