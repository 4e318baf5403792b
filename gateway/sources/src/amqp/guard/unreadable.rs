//! Why a message cannot be read. The broker still has it as it was.

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Its body is over the limit of the source.
    TooLarge,
    /// A text of its address or its properties is not UTF-8.
    NotText,
    /// Its headers are nested deeper than anyone needs.
    TooDeep,
    /// Its properties are not what AMQP says.
    Broken,
}

impl Unreadable {
    /// What is wrong, for the refusal.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::TooLarge => "body is over the limit",
            Self::NotText => "a name or property is not UTF-8",
            Self::TooDeep => "headers are nested too deeply",
            Self::Broken => "properties are not well-formed",
        }
    }
}
