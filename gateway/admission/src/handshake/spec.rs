//! A handshake as data: which request it is, what must be proven first, and what is answered.

use crate::signature::Encoding;

/// One handshake of a provider.
#[derive(Debug, Clone, Copy)]
pub struct Handshake {
    /// Its name, for logs: `url_verification`.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// What the request has: all of it.
    pub when: &'static [When],
    /// What is proven before anything is answered.
    pub asks: Asks,
    /// What is answered.
    pub answer: Answer,
    /// Where the request holds the secret of all deliveries to come, if it hands one over.
    ///
    /// IMPORTANT: it is taken once, while the source has no secret. Who comes later is refused.
    pub learns: Option<Place>,
}

/// The methods of handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
    /// `POST`
    Post,
}

impl Method {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
        }
    }
}

/// A place in a request. A header or a field of the query that is doubled counts as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this header.
    Header(&'static str),
    /// In this field of the query.
    Query(&'static str),
    /// In the JSON payload, at this JSON Pointer.
    Pointer(&'static str),
}

/// What a request has, or has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This text is there.
    Is(Place, &'static str),
    /// Something is there.
    There(Place),
    /// Nothing is there.
    Missing(Place),
}

/// What is proven before anything is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The sender, by the scheme of the source.
    Signature,
    /// That the text in this place is the token that the source's configuration names.
    Token(Place),
    /// That the origin is one that the source's configuration names.
    Origin,
    /// Nothing: the provider proves nothing, and the answer gives nothing away.
    Nothing,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The text in this place, as plain text.
    Text(Place),
    /// An object with these members.
    Json(&'static [(&'static str, Term)]),
    /// The header of this name, with what the request had in it.
    Header(&'static str),
    /// This status and this JSON; none if it is empty.
    Fixed(u16, &'static str),
    /// Nothing but 200; and the address in this place is called, if it is one of the provider's.
    Confirm(Place),
    /// The origin and the rate that are granted (CloudEvents' HTTP webhook, section 4).
    Grant,
}

/// A member of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// The text in this place.
    Value(Place),
    /// HMAC-SHA256 of the text in this place, under the key that proved the request; where none
    /// does, under the source's first live key.
    ///
    /// IMPORTANT: whoever may ask gets texts signed. Only short tokens are, and no event may look
    /// like one.
    Mac {
        /// The text.
        of: Place,
        /// What stands before it in the answer.
        prefix: &'static str,
        /// How it is written.
        encoding: Encoding,
    },
}
