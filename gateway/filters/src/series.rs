//! The metric series that plugins register: few, with plain names, shared by all instances.

use std::sync::{Arc, Mutex};

use sluicegate_core::metrics::{Counter, Histogram};

use crate::metrics::{Series, SeriesValue};

/// The kinds of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Histogram,
}

/// Every series of one plugin.
#[derive(Debug, Default)]
pub(crate) struct SeriesTable(Mutex<Vec<Arc<Entry>>>);

#[derive(Debug)]
struct Entry {
    name: String,
    labels: Vec<(String, String)>,
    number: Number,
}

#[derive(Debug)]
enum Number {
    Counter(Counter),
    Histogram(Box<Histogram>),
}

impl Entry {
    fn kind(&self) -> Kind {
        match self.number {
            Number::Counter(_) => Kind::Counter,
            Number::Histogram(_) => Kind::Histogram,
        }
    }
}

impl SeriesTable {
    /// The series of this kind, name and labels; made if there is room and the words are plain.
    fn entry(&self, kind: Kind, name: String, labels: Vec<(String, String)>) -> Option<Arc<Entry>> {
        // A lock is poisoned only by a panic in this file; then the series are lost, not the event.
        let mut table = self.0.lock().ok()?;
        let same = |e: &&Arc<Entry>| e.kind() == kind && e.name == name && e.labels == labels;
        if let Some(entry) = table.iter().find(same) {
            return Some(Arc::clone(entry));
        }
        let plain = is_word(&name)
            && labels.len() <= LABELS_MAX
            && labels.iter().all(|(name, value)| is_word(name) && is_value(value));
        if !plain || table.len() >= SERIES_MAX {
            return None;
        }
        let number = match kind {
            Kind::Counter => Number::Counter(Counter::default()),
            Kind::Histogram => Number::Histogram(Box::default()),
        };
        let entry = Arc::new(Entry { name, labels, number });
        table.push(Arc::clone(&entry));
        Some(entry)
    }

    /// The series now.
    pub(crate) fn snapshot(&self) -> Vec<Series> {
        let Ok(table) = self.0.lock() else { return Vec::new() };
        let value = |number: &Number| match number {
            Number::Counter(counter) => SeriesValue::Counter(counter.value()),
            Number::Histogram(histogram) => SeriesValue::Histogram(Box::new(histogram.snapshot())),
        };
        table
            .iter()
            .map(|entry| Series {
                name: entry.name.clone(),
                labels: entry.labels.clone(),
                value: value(&entry.number),
            })
            .collect()
    }
}

/// The series that one instance has registered; its ids are indexes into this.
#[derive(Debug, Default)]
pub(crate) struct Handles(Vec<Arc<Entry>>);

impl Handles {
    /// The id of a series; [`u32::MAX`], which counts nowhere, if it may not be had.
    pub(crate) fn register(
        &mut self,
        table: &SeriesTable,
        kind: Kind,
        name: String,
        labels: Vec<(String, String)>,
    ) -> u32 {
        let Some(entry) = table.entry(kind, name, labels) else { return u32::MAX };
        let at = self.0.iter().position(|other| Arc::ptr_eq(other, &entry));
        let at = at.unwrap_or_else(|| {
            self.0.push(entry);
            self.0.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    pub(crate) fn add(&self, id: u32, delta: u64) {
        if let Some(Number::Counter(counter)) = self.number(id) {
            counter.add(delta);
        }
    }

    /// Counts a value in whole units; what is negative or not a number counts as zero.
    pub(crate) fn observe(&self, id: u32, value: f64) {
        if let Some(Number::Histogram(histogram)) = self.number(id) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the cast saturates, and a distribution in powers of two has no fractions"
            )]
            histogram.observe(value as u64);
        }
    }

    fn number(&self, id: u32) -> Option<&Number> {
        self.0.get(usize::try_from(id).ok()?).map(|entry| &entry.number)
    }
}

/// A metric or label name as Prometheus has it.
fn is_word(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first
        && text.len() <= WORD_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_value(text: &str) -> bool {
    text.len() <= WORD_BYTES_MAX && !text.chars().any(char::is_control)
}

/// Series of one plugin.
pub(crate) const SERIES_MAX: usize = 64;

/// Labels of one series.
const LABELS_MAX: usize = 8;

/// Bytes of a metric name, a label name or a label value.
const WORD_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_share_a_series_and_a_bad_id_counts_nowhere() {
        let table = SeriesTable::default();
        let (mut one, mut two) = (Handles::default(), Handles::default());
        let labels = vec![("kind".to_owned(), "x".to_owned())];
        let id = one.register(&table, Kind::Counter, "hits".into(), labels.clone());
        assert_eq!(id, one.register(&table, Kind::Counter, "hits".into(), labels.clone()));
        let other = two.register(&table, Kind::Counter, "hits".into(), labels);
        one.add(id, 2);
        two.add(other, 3);
        two.add(u32::MAX, 100);
        two.observe(other, 1.0);
        let series = table.snapshot();
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].value, SeriesValue::Counter(5));
    }

    #[test]
    fn series_are_capped_and_their_names_are_plain() {
        let table = SeriesTable::default();
        let mut handles = Handles::default();
        for bad in ["", "9a", "a b", "a\n", "é", &"x".repeat(65)] {
            assert_eq!(handles.register(&table, Kind::Counter, bad.into(), vec![]), u32::MAX);
        }
        for n in 0..SERIES_MAX {
            let id = handles.register(&table, Kind::Histogram, format!("h{n}"), vec![]);
            assert_eq!(id as usize, n);
        }
        assert_eq!(handles.register(&table, Kind::Counter, "one_more".into(), vec![]), u32::MAX);
        handles.observe(0, f64::NAN);
        handles.observe(0, -1.0);
        assert_eq!(table.snapshot().len(), SERIES_MAX);
    }
}
