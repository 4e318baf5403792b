//! Where a message ends (RFC 9112 section 6), and which fields may say so, once each.

use super::fault::Fault;
use super::host::is_host;

/// What the head says about the message and the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) length: Length,
    pub(crate) version: Version,
    /// Whether the client will send another request on this connection.
    pub(crate) persistent: bool,
    /// Whether the client waits for `100 Continue`.
    pub(crate) expects_continue: bool,
}

/// Where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Exact(usize),
    Chunked,
}

/// The version of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

/// The fields that say who is meant and where the message ends.
#[derive(Default)]
pub(crate) struct Seen<'a> {
    pub(crate) host: Option<&'a [u8]>,
    length: Option<usize>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl<'a> Seen<'a> {
    /// Takes note of one field.
    pub(crate) fn note(&mut self, name: &str, value: &'a [u8]) -> Result<(), Fault> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            4 if is("host") => self.note_host(value),
            6 if is("expect") => self.note_expect(value),
            10 if is("connection") => {
                self.note_connection(value);
                Ok(())
            }
            14 if is("content-length") => self.note_length(value),
            17 if is("transfer-encoding") => self.note_coding(value),
            _ => Ok(()),
        }
    }

    fn note_host(&mut self, value: &'a [u8]) -> Result<(), Fault> {
        if self.host.is_some() {
            return Err(Fault::malformed("host is there more than once"));
        }
        if !is_host(value) {
            return Err(Fault::malformed("host is not a host"));
        }
        self.host = Some(value);
        Ok(())
    }

    fn note_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(Fault::malformed("content-length is there more than once"));
        }
        // Digits only: `parse` alone would let a sign pass. A list is no digits either.
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits);
        let length = text.and_then(|text| text.parse().ok());
        self.length = Some(length.ok_or(Fault::malformed("content-length is not a number"))?);
        Ok(())
    }

    fn note_coding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::malformed("transfer-encoding is not chunked"));
        }
        self.chunked = true;
        Ok(())
    }

    fn note_expect(&mut self, value: &[u8]) -> Result<(), Fault> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Fault::Expectation);
        }
        self.expects_continue = true;
        Ok(())
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// What all fields together say.
    pub(crate) fn framing(&self, version: Version) -> Result<Framing, Fault> {
        let length = match (self.chunked, self.length) {
            (true, Some(_)) => {
                return Err(Fault::malformed("content-length beside transfer-encoding"));
            }
            (true, None) if version == Version::Http10 => {
                return Err(Fault::malformed("transfer-encoding in http/1.0"));
            }
            (true, None) => Length::Chunked,
            (false, length) => Length::Exact(length.unwrap_or(0)),
        };
        let persistent = !self.close && (version == Version::Http11 || self.keep_alive);
        let expects_continue = self.expects_continue && version == Version::Http11;
        Ok(Framing { length, version, persistent, expects_continue })
    }
}
