//! The attributes of a CloudEvent, held to the specification (CloudEvents 1.0.2, sections 3.1 to
//! 3.3) and to the bounds of the house.

use bytes::Bytes;
use jsonschema::uri;
use sluicegate_core::limits::{ATTRIBUTES_MAX, TYPE_BYTES_MAX};
use sluicegate_core::time::Timestamp;

/// A CloudEvent as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloudEvent {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) kind: String,
    pub(crate) subject: Option<String>,
    pub(crate) time: Option<Timestamp>,
    /// `datacontenttype`; empty if it is not said.
    pub(crate) content_type: String,
    pub(crate) dataschema: Option<String>,
    /// Extension attributes, by name.
    pub(crate) extensions: Vec<(String, String)>,
    pub(crate) data: Bytes,
}

/// Attributes as they come, with `data` still to be read.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Takes an attribute.
    pub(super) fn put(&mut self, name: &str, value: String) -> Result<(), String> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_name) {
            return Err(format!(
                "attribute {:?}: a name has 1 to {NAME_BYTES_MAX} letters a-z and digits",
                name.chars().take(NAME_BYTES_MAX).collect::<String>()
            ));
        }
        if self.0.iter().any(|(known, _)| known == name) {
            return Err(format!("attribute {name} is there twice"));
        }
        if self.0.len() >= ATTRIBUTES_MAX {
            return Err(format!("there are more than {ATTRIBUTES_MAX} attributes"));
        }
        if value.len() > VALUE_BYTES_MAX || value.chars().any(char::is_control) {
            return Err(format!(
                "attribute {name}: a value has at most {VALUE_BYTES_MAX} bytes and no control \
                 characters"
            ));
        }
        self.0.push((name.to_owned(), value));
        Ok(())
    }

    /// The event that these are of.
    pub(super) fn event(mut self, data: Bytes) -> Result<CloudEvent, String> {
        if self.needed("specversion")? != "1.0" {
            return Err("specversion is not 1.0".to_owned());
        }
        let (id, source, kind) = (self.needed("id")?, self.needed("source")?, self.needed("type")?);
        if kind.len() > TYPE_BYTES_MAX {
            return Err(format!("type has more than {TYPE_BYTES_MAX} bytes"));
        }
        if uri::from_str(&source).is_err() {
            return Err("source is not a URI reference".to_owned());
        }
        let (time, far_time) = read_time(self.take("time"))?;
        let dataschema = self.filled("dataschema")?;
        // It is an absolute URI by the specification; relative ones name schemas of this registry.
        if dataschema.as_ref().is_some_and(|schema| uri::from_str(schema).is_err()) {
            return Err("dataschema is not a URI".to_owned());
        }
        let content_type = self.filled("datacontenttype")?.unwrap_or_default();
        let (media, _) = content_type.split_once(';').unwrap_or((&content_type, ""));
        let is_media =
            |media: &str| media.trim().split('/').filter(|part| !part.is_empty()).count();
        if !content_type.is_empty() && is_media(media) != 2 {
            return Err("datacontenttype is not a media type".to_owned());
        }
        let subject = self.filled("subject")?;
        if let Some((name, _)) = self.0.iter().find(|(name, _)| name.starts_with("sg")) {
            return Err(format!("attribute {name}: names that begin with sg are the gateway's"));
        }
        let mut extensions = self.0;
        extensions.extend(far_time.map(|text| (FAR_TIME_ATTRIBUTE.to_owned(), text)));
        Ok(CloudEvent {
            id,
            source,
            kind,
            subject,
            time,
            content_type,
            dataschema,
            extensions,
            data,
        })
    }

    /// What is said about the form of the data, before the event is made.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// An attribute that may be left out, and is not empty if it is there.
    fn filled(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            Some(value) if value.is_empty() => Err(format!("{name} is empty")),
            other => Ok(other),
        }
    }

    fn needed(&mut self, name: &str) -> Result<String, String> {
        self.filled(name)?.ok_or_else(|| format!("{name} is missing"))
    }
}

/// A time; or the text of one that is before 1970 or beyond 2554, which is no time here, and no
/// reason to refuse an event: some programs write the year 1 where they know no time.
fn read_time(said: Option<String>) -> Result<(Option<Timestamp>, Option<String>), String> {
    match said {
        None => Ok((None, None)),
        Some(text) => match Timestamp::parse_rfc3339(&text) {
            Ok(time) => Ok((Some(time), None)),
            Err(_) if Timestamp::is_rfc3339(&text) => Ok((None, Some(text))),
            Err(_) => Err("time is not an RFC 3339 timestamp".to_owned()),
        },
    }
}

/// The time that a CloudEvent came with, as it was written, if it is beyond what the gateway can
/// tell.
const FAR_TIME_ATTRIBUTE: &str = "sgtime";

const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 4096;
