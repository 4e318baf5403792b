//! The answer to a handshake: a request by which a provider asks whether it may send here. It is no
//! receipt: nothing was stored, and nothing is promised but what it says.

use bytes::Bytes;

/// The answer to a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status, 200 to 299.
    pub status: u16,
    /// Header fields; names in lower case, values without control characters.
    pub headers: Vec<(&'static str, String)>,
    /// The media type of the body, if there is one.
    pub media_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), media_type: None, body: Bytes::new() }
    }

    /// This answer with a plain text.
    #[must_use]
    pub fn with_text(self, text: impl Into<Bytes>) -> Self {
        Self { media_type: Some("text/plain; charset=utf-8"), body: text.into(), ..self }
    }

    /// This answer with a JSON document.
    #[must_use]
    pub fn with_json(self, json: impl Into<Bytes>) -> Self {
        Self { media_type: Some("application/json"), body: json.into(), ..self }
    }

    /// This answer with one header field more.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
