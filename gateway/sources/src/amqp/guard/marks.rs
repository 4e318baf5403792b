//! What stands in place of a message that cannot be read: an empty body, and one header that says
//! why. A producer that sends this header itself has its message refused, and nothing else.

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Its body is over the limit of the source.
    TooLarge,
    /// A text of its address or its properties is not UTF-8.
    NotText,
    /// Its headers are nested deeper than anyone needs.
    TooDeep,
    /// Its properties are not what AMQP says.
    Broken,
}

impl Mark {
    /// The header that carries a mark.
    pub(crate) const HEADER: &'static str = "sluicegate-unreadable";

    const ALL: [Self; 4] = [Self::TooLarge, Self::NotText, Self::TooDeep, Self::Broken];

    /// The mark as it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::NotText => "not-utf-8",
            Self::TooDeep => "too-deep",
            Self::Broken => "broken",
        }
    }

    /// Reads a mark; what is none of ours was written by a producer, and is broken.
    pub(crate) fn read(word: &[u8]) -> Self {
        let known = Self::ALL.into_iter().find(|mark| mark.word().as_bytes() == word);
        known.unwrap_or(Self::Broken)
    }

    /// What is wrong, for the refusal.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::TooLarge => "body is over the limit",
            Self::NotText => "a name or property is not UTF-8",
            Self::TooDeep => "headers are nested too deeply",
            Self::Broken => "properties are not well-formed",
        }
    }

    /// The payload of a content header frame that carries this mark, for an empty body.
    pub(super) fn header_frame(self) -> Vec<u8> {
        let (name, word) = (Self::HEADER.as_bytes(), self.word().as_bytes());
        let table_bytes = 1 + name.len() + 1 + 4 + word.len();
        let mut payload = Vec::with_capacity(18 + table_bytes);
        payload.extend([0, 60, 0, 0]);
        payload.extend([0; 8]);
        payload.extend(super::properties::HEADERS.to_be_bytes());
        payload.extend(length(table_bytes));
        payload.extend(u8::try_from(name.len()).unwrap_or(0).to_be_bytes());
        payload.extend(name);
        payload.push(b'S');
        payload.extend(length(word.len()));
        payload.extend(word);
        payload
    }
}

fn length(bytes: usize) -> [u8; 4] {
    // A mark is some dozens of bytes.
    u32::try_from(bytes).unwrap_or(0).to_be_bytes()
}
