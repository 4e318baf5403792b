//! Whose session it is. A client id alone opens nothing: it can be guessed.

use serde::{Deserialize, Serialize};

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    /// It was written down when owners were not: it goes to who comes next with its client id.
    #[default]
    Unknown,
    /// A client without a user name.
    Nobody,
    /// This user.
    User(String),
}

impl Owner {
    /// A client with this user name.
    pub(crate) fn of(user: Option<&str>) -> Self {
        user.map_or(Self::Nobody, |name| Self::User(name.to_owned()))
    }

    /// Whether this user may have the session.
    pub(crate) fn is(&self, user: Option<&str>) -> bool {
        match self {
            Self::Unknown => true,
            Self::Nobody => user.is_none(),
            Self::User(name) => user == Some(name),
        }
    }
}
