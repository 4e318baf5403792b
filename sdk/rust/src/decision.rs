//! Short ways to say a decision.

use crate::{Data, Decision, Failure, Output, RejectCode, Rejection};

impl Decision {
    /// Accept the event and discard it; the reason is logged.
    pub fn drop(reason: impl Into<String>) -> Self {
        Self::Drop(reason.into())
    }

    /// The event as it is, to these queues.
    pub fn route<S: Into<String>>(queues: impl IntoIterator<Item = S>) -> Self {
        Self::Route(queues.into_iter().map(Into::into).collect())
    }

    /// One event in place of this one.
    pub fn replace(output: Output) -> Self {
        Self::Emit(vec![output])
    }

    /// Tell the producer no.
    pub fn reject(code: RejectCode, reason: impl Into<String>) -> Self {
        Self::Reject(Rejection { code, reason: reason.into() })
    }

    /// To the dead-letter queue.
    pub fn dead_letter(reason: impl Into<String>) -> Self {
        Self::DeadLetter(reason.into())
    }
}

impl Failure {
    /// The filter cannot decide.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// With this, `?` on a `Result<_, String>` is a failure.
impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// With this, `?` on a `Result<_, &str>` is a failure.
impl From<&str> for Failure {
    fn from(why: &str) -> Self {
        Self::Failed(why.into())
    }
}

impl Output {
    /// An event that inherits everything and continues down the route.
    pub fn new() -> Self {
        Self {
            queues: Vec::new(),
            type_: None,
            content_type: None,
            set_attributes: Vec::new(),
            set_headers: Vec::new(),
            remove: Vec::new(),
            data: None,
        }
    }

    /// Sends it to a queue instead of down the route.
    pub fn to(mut self, queue: impl Into<String>) -> Self {
        self.queues.push(queue.into());
        self
    }

    /// Sets its type.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.type_ = Some(kind.into());
        self
    }

    /// Sets its media type.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Sets an attribute: lower-case letters and digits.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_attributes.push((name.into(), value.into()));
        self
    }

    /// Sets a header; `name` in lower case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_headers.push((name.into(), value.into()));
        self
    }

    /// Removes an attribute or header.
    pub fn without(mut self, name: impl Into<String>) -> Self {
        self.remove.push(name.into());
        self
    }

    /// Sets its payload as text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.data = Some(Data::Text(text.into()));
        self
    }

    /// Sets its payload as bytes.
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.data = Some(Data::Binary(bytes.into()));
        self
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}
