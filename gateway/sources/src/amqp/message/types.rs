//! The attribute `amqptypes`: which AMQP types the headers of a message had.
//!
//! Headers are kept as text. What the text alone does not tell stands here, as entries with a
//! space between them: `x-retries=I x-at=T`. An entry is the name of a header, or a path into one
//! whose value is JSON (`x-death/0/time`), and the letter that RabbitMQ has for the type. A header
//! without an entry is a text (`S`) under a name in lower case; a value within JSON without one
//! has the type that JSON shows: text `S`, whole number `l`, other number `d`, `t`, `F`, `A`, `V`.
//! A text that is not UTF-8 is kept in Base64, as `S64`. `%`, `/`, `=`, white space and
//! control characters in names are percent-encoded.

use std::fmt::Write as _;

/// The entries so far.
#[derive(Debug, Default)]
pub(super) struct Types(String);

impl Types {
    /// Adds an entry for the value at this path, whose names are encoded.
    pub(super) fn push(&mut self, path: &str, kind: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(path);
        self.0.push('=');
        self.0.push_str(kind);
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// A name as it stands in a path.
pub(super) fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '%' | '/' | '=') || char.is_whitespace() || char.is_control() {
            let mut bytes = [0; 4];
            for byte in char.encode_utf8(&mut bytes).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(char);
        }
    }
    text
}
