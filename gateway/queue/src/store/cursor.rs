//! A place that a person or a program holds between two questions.

use std::fmt;
use std::str::FromStr;

use sluicegate_core::queue::Place;

/// A place in a queue, or in the log: where a page ended. Opaque to people; it stays good across
/// restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub(crate) Place);

impl Cursor {
    /// Before everything: where the log begins.
    pub const START: Self = Self(Place::START);
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.0.position, self.0.part)
    }
}

/// Why a text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is sixteen hexadecimal digits, a hyphen and a number")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (position, part) = text.split_once('-').ok_or(CursorError)?;
        let digits = |text: &str, is: fn(&u8) -> bool| text.bytes().all(|byte| is(&byte));
        if position.len() != 16
            || !digits(position, u8::is_ascii_hexdigit)
            || !digits(part, u8::is_ascii_digit)
        {
            return Err(CursorError);
        }
        let position = u64::from_str_radix(position, 16).map_err(|_| CursorError)?;
        let part = part.parse().map_err(|_| CursorError)?;
        Ok(Self(Place { position, part }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_back_as_it_was_shown(position: u64, part: u16) {
            let cursor = Cursor(Place { position, part });
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_other_text_is_a_cursor(text in ".{0,24}") {
            let parsed = text.parse::<Cursor>();
            prop_assert!(parsed.is_err() || parsed.is_ok_and(|cursor| cursor.0.part < u16::MAX));
        }
    }

    #[test]
    fn signs_and_short_forms_are_refused() {
        for text in ["", "-", "+00000000000000f-1", "000000000000000f-+1", "f-1", "é"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
