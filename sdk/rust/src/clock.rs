//! What time it is, as the gateway says: a replay may pin it.

/// Nanoseconds since the Unix epoch.
pub fn now_ns() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::sluicegate::plugin::clock::now_ns();
    #[cfg(not(target_arch = "wasm32"))]
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
