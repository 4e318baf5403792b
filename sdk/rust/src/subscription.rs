//! Short ways to say what a filter wants to see.

use crate::{DataMode, Subscription};

impl Subscription {
    /// Events of these types, in which `*` stands for any characters, with their payload (text
    /// where it is UTF-8) and without attributes and headers.
    pub fn to<S: Into<String>>(types: impl IntoIterator<Item = S>) -> Self {
        Self {
            types: list(types),
            attributes: Vec::new(),
            headers: Vec::new(),
            data: DataMode::Auto,
        }
    }

    /// Events of every type.
    pub fn to_all() -> Self {
        Self::to::<String>([])
    }

    /// With these attributes; `*` for all.
    pub fn attributes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.attributes = list(names);
        self
    }

    /// With these headers, in lower case; `*` for all.
    pub fn headers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.headers = list(names);
        self
    }

    /// With the payload as bytes, even if it is UTF-8.
    pub fn binary(mut self) -> Self {
        self.data = DataMode::Binary;
        self
    }

    /// Without the payload: the cheapest.
    pub fn without_data(mut self) -> Self {
        self.data = DataMode::None;
        self
    }
}

fn list<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Vec<String> {
    items.into_iter().map(Into::into).collect()
}
