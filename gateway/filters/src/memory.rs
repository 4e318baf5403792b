//! The memory cap of one instance: all its memories and tables together.

use wasmtime::ResourceLimiter;

/// Counts what an instance has, and says no at the cap.
#[derive(Debug)]
pub(crate) struct MemoryCap {
    bytes: usize,
    bytes_max: usize,
    refused: bool,
}

impl MemoryCap {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes: 0, bytes_max, refused: false }
    }

    /// What the instance has now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the instance was refused memory since it was started. A guest may cope with a
    /// refusal; if it fails afterwards, the cap is taken for the cause.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, more: usize) -> bool {
        let bytes = self.bytes.saturating_add(more);
        if bytes > self.bytes_max {
            self.refused = true;
            return false;
        }
        self.bytes = bytes;
        true
    }
}

impl ResourceLimiter for MemoryCap {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES)))
    }
}

const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_count_together() {
        let mut cap = MemoryCap::new(1000);
        assert!(cap.memory_growing(0, 400, None).unwrap());
        assert!(cap.memory_growing(0, 400, None).unwrap());
        assert!(!cap.table_growing(0, 26, None).unwrap());
        assert!(cap.refused() && cap.bytes() == 800);
        assert!(cap.table_growing(0, 25, None).unwrap());
        assert!(!cap.memory_growing(usize::MAX - 1, usize::MAX, None).unwrap());
    }
}
