//! What is found: the mistakes by name.

use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;

/// What the signature step says about a delivery, and why.
#[derive(Debug)]
pub struct SignatureExplained {
    /// The scheme of its source.
    pub scheme: String,
    /// The key that proved it, where it is proven.
    pub key: Option<KeyId>,
    /// Arrival minus the signed time, where it is proven and the scheme signs a time.
    pub skew_ms: Option<i64>,
    /// Why it is not proven; `None` if it is.
    pub fault: Option<SignatureFault>,
    /// The mistakes under which it would be: mostly one, or none.
    pub likely: Vec<Likely>,
    /// How many ways to make a mistake were tried.
    pub tried: usize,
}

/// A mistake, with what exactly was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likely {
    /// Which mistake.
    pub mistake: Mistake,
    /// What exactly, and what to do about it. No secret is in it.
    pub detail: String,
}

/// The mistakes that people make with signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The sender signs nothing, or something on the way takes the header away.
    Unsigned,
    /// The signature is in another header than the scheme reads.
    WrongHeader,
    /// A header that may be there once is there several times.
    DoubledHeader,
    /// The signature is hexadecimal where base64 is read, or the other way round.
    Encoding,
    /// What stands before the signature is missing, or kept where it should not be.
    Prefix,
    /// Another hash than the scheme's is under the signature.
    WrongAlgorithm,
    /// It is signed as another provider signs.
    WrongScheme,
    /// The secret was used in another form: decoded or not, with or without its prefix or spaces.
    SecretForm,
    /// It is signed with the secret of another source.
    OtherSource,
    /// It is signed with a key of this source that was not live when it came.
    KeyWindow,
    /// The JSON was written anew between the signing and here.
    Reserialised,
    /// Ends of lines were converted, or cut off at the end.
    LineEnds,
    /// The URL that was signed is another one than the source's `public_url`.
    ProxyUrl,
    /// It is signed rightly, for another topic, account or audience.
    OtherName,
    /// The certificate that it is signed with is not to be believed, or not to be had.
    Certificate,
    /// The clocks of sender and gateway are too far apart, or the delivery was held up.
    ClockSkew,
}

impl Mistake {
    /// The word for it in answers of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::WrongHeader => "wrong_header",
            Self::DoubledHeader => "doubled_header",
            Self::Encoding => "encoding",
            Self::Prefix => "prefix",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::WrongScheme => "wrong_scheme",
            Self::SecretForm => "secret_form",
            Self::OtherSource => "other_source",
            Self::KeyWindow => "key_window",
            Self::Reserialised => "reserialised",
            Self::LineEnds => "line_ends",
            Self::ProxyUrl => "proxy_url",
            Self::OtherName => "other_name",
            Self::Certificate => "certificate",
            Self::ClockSkew => "clock_skew",
        }
    }
}

impl Likely {
    pub(super) fn new(mistake: Mistake, detail: impl Into<String>) -> Self {
        Self { mistake, detail: detail.into() }
    }
}
