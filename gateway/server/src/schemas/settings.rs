//! What is asked of new versions: for all subjects, and for one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluicegate_admission::schema::Formats;
use sluicegate_admission::schema::compat::Mode;

use super::record::Word;

/// The settings of the registry, as they lie in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The mode of subjects that have none of their own.
    #[serde(with = "mode")]
    pub compatibility: Mode,
    /// What single subjects have of their own.
    pub subjects: BTreeMap<String, SubjectSettings>,
}

/// What a subject has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubjectSettings {
    /// Its mode.
    #[serde(with = "optional_mode")]
    pub compatibility: Option<Mode>,
    /// Whether `format` is a demand in its schemas.
    pub formats: Word,
}

impl Settings {
    /// The mode that holds for a subject.
    #[must_use]
    pub fn mode(&self, subject: &str) -> Mode {
        self.own_mode(subject).unwrap_or(self.compatibility)
    }

    /// The mode that a subject has of its own.
    #[must_use]
    pub fn own_mode(&self, subject: &str) -> Option<Mode> {
        self.subjects.get(subject)?.compatibility
    }

    /// Whether `format` is a demand in schemas of a subject.
    #[must_use]
    pub fn formats(&self, subject: &str) -> Formats {
        self.subjects.get(subject).map(|own| own.formats).unwrap_or_default().into()
    }
}

mod mode {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use sluicegate_admission::schema::compat::Mode;

    pub(super) fn serialize<S: Serializer>(mode: &Mode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(mode.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

mod optional_mode {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use sluicegate_admission::schema::compat::Mode;

    pub(super) fn serialize<S: Serializer>(mode: &Option<Mode>, to: S) -> Result<S::Ok, S::Error> {
        mode.map(Mode::word).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Mode>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
