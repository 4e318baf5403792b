//! The counters and histograms of a guest. They belong to the plugin, not to the instance: all
//! instances add to the same numbers.

use crate::contract::sluicegate::plugin::metrics::Host;
use crate::imports::Context;
use crate::series::Kind;

impl Host for Context {
    fn counter(&mut self, name: String, labels: Vec<(String, String)>) -> u32 {
        self.handles.register(&self.about.series, Kind::Counter, name, labels)
    }

    fn histogram(&mut self, name: String, labels: Vec<(String, String)>) -> u32 {
        self.handles.register(&self.about.series, Kind::Histogram, name, labels)
    }

    fn add(&mut self, id: u32, delta: u64) {
        self.handles.add(id, delta);
    }

    fn observe(&mut self, id: u32, value: f64) {
        self.handles.observe(id, value);
    }
}
