//! The names of the queues: in a file of their own, and once more in every segment, because either
//! copy may be damaged.

use std::io;

use super::Recovery;
use crate::format::catalogue;

impl Recovery<'_> {
    pub(super) fn read_names(&mut self) -> io::Result<()> {
        let Some(bytes) = self.disk.read(catalogue::FILE)? else { return Ok(()) };
        match catalogue::decode_file(&bytes) {
            Some(names) => self.out.names_saved = names,
            None => {
                tracing::warn!(file = catalogue::FILE, "names of queues are damaged");
                self.out.quarantined += 1;
            }
        }
        self.out.names.clone_from(&self.out.names_saved);
        Ok(())
    }
}
