//! Counters and histograms that the gateway shows beside its own. Make them in `configure`.

/// A number that only grows.
#[derive(Debug, Clone, Copy)]
pub struct Counter(#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code))] u32);

/// A distribution.
#[derive(Debug, Clone, Copy)]
pub struct Histogram(#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code))] u32);

impl Counter {
    /// The counter of this name and these labels; all instances of a plugin share it.
    pub fn new(name: &str, labels: &[(String, String)]) -> Self {
        #[cfg(target_arch = "wasm32")]
        return Self(crate::bindings::sluicegate::plugin::metrics::counter(name, labels));
        #[cfg(not(target_arch = "wasm32"))]
        {
            let _ = (name, labels);
            Self(0)
        }
    }

    /// Adds to it.
    pub fn add(self, delta: u64) {
        #[cfg(target_arch = "wasm32")]
        crate::bindings::sluicegate::plugin::metrics::add(self.0, delta);
        #[cfg(not(target_arch = "wasm32"))]
        let _ = delta;
    }
}

impl Histogram {
    /// The histogram of this name and these labels; all instances of a plugin share it.
    pub fn new(name: &str, labels: &[(String, String)]) -> Self {
        #[cfg(target_arch = "wasm32")]
        return Self(crate::bindings::sluicegate::plugin::metrics::histogram(name, labels));
        #[cfg(not(target_arch = "wasm32"))]
        {
            let _ = (name, labels);
            Self(0)
        }
    }

    /// Counts a value, in whole units.
    pub fn observe(self, value: f64) {
        #[cfg(target_arch = "wasm32")]
        crate::bindings::sluicegate::plugin::metrics::observe(self.0, value);
        #[cfg(not(target_arch = "wasm32"))]
        let _ = value;
    }
}
