//! Tables for people: columns as wide as they must be, numbers to the right, and no character that
//! a terminal would act on.

use serde_json::Value;

use crate::cli::say;

/// A table in the making.
pub(in crate::cli) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub(in crate::cli) fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|head| (*head).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(in crate::cli) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// Adds every leaf of a document as a row: its path, and its value.
    pub(in crate::cli) fn spread(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (name, inner) in map {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.spread(&path, inner);
                }
            }
            Value::String(text) => self.row(vec![path.to_owned(), text.clone()]),
            other => self.row(vec![path.to_owned(), other.to_string()]),
        }
    }

    /// Prints it.
    pub(in crate::cli) fn print(&self) {
        self.lines().iter().for_each(|line| say(line));
    }

    fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|at| self.rows.iter().map(|row| cell(row, at).chars().count()).max().unwrap_or(0))
            .collect();
        let is_number = |at: usize| {
            let mut cells = self.rows.iter().skip(1).map(|row| cell(row, at));
            self.rows.len() > 1 && cells.all(|text| text.starts_with(|c: char| c.is_ascii_digit()))
        };
        let right: Vec<bool> = (0..columns).map(is_number).collect();
        let line = |row: &Vec<String>| {
            let cells = widths.iter().zip(&right).enumerate().map(|(at, (width, right))| {
                let text = cell(row, at);
                if *right { format!("{text:>width$}") } else { format!("{text:<width$}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

/// A value as a cell: texts bare, nothing as `-`.
pub(in crate::cli) fn text(document: &Value, pointer: &str) -> String {
    match document.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A text without what a terminal would act on: senders write into it.
pub(in crate::cli) fn plain(text: &str) -> String {
    let safe =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(safe).collect()
}

/// Milliseconds as people say them: `850ms`, `12s`, `3h 5m`.
pub(in crate::cli) fn span(ms: u64) -> String {
    let (seconds, minutes, hours) = (ms / 1000, ms / 60_000, ms / 3_600_000);
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{seconds}s"),
        60_000..3_600_000 => format!("{minutes}m {}s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{}d {}h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_control_characters_are_spelled() {
        let mut table = Table::new(&["name", "depth"]);
        table.row(vec!["a\u{1b}[31m".into(), "7".into()]);
        table.row(vec!["longer".into(), "12345".into()]);
        assert_eq!(
            table.lines(),
            ["name         depth", "a\\u{1b}[31m      7", "longer       12345"]
        );
    }

    #[test]
    fn spans_are_short() {
        let all = [5, 12_000, 185_000, 11_100_000, 90_000_000].map(span);
        assert_eq!(all, ["5ms", "12s", "3m 5s", "3h 5m", "1d 1h"]);
    }
}
