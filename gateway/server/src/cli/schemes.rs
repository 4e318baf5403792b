//! `sluicegate schemes`: the signature schemes, and what each needs.

use sluicegate_admission::preset;

use super::{CommandFault, say};

/// Prints one line for each scheme.
pub(super) fn print() -> Result<(), CommandFault> {
    for preset in preset::ALL {
        say(&format!("{:<20} {:<24} {}", preset.name, preset.title, preset.needs));
    }
    say(&format!(
        "{:<20} {:<24} {}",
        "generic", "any HMAC in a header", "described under `generic`"
    ));
    say(&format!("{:<20} {:<24} {}", "none", "no proof at all", "nothing, and is said openly"));
    Ok(())
}
