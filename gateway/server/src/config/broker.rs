//! What the checks of brokers have in common, whichever protocol they speak.

use std::sync::Arc;

use sluicegate_sinks::{CloudEvents, Dice};
use sluicegate_sources::Format;

use super::check::Checker;
use super::shape;
use crate::clock;

/// What was read for TLS to a broker.
#[derive(Default)]
pub(super) struct Material {
    /// Who vouches for the broker, as PEM. Default: the web's authorities.
    pub(super) roots: Option<Vec<u8>>,
    /// The gateway's own certificate and key, as PEM.
    pub(super) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Checker<'_> {
    /// Reads the files and secrets of a section `tls`.
    pub(super) fn broker_tls(&mut self, place: &str, tls: &shape::BrokerTls) -> Option<Material> {
        let roots = match &tls.ca_file {
            Some(file) => Some(self.pem(&format!("{place}/ca_file"), file)?),
            None => None,
        };
        let identity = match (&tls.cert_file, &tls.key_secret) {
            (Some(file), Some(name)) => {
                let chain = self.pem(&format!("{place}/cert_file"), file)?;
                let key = self.secret(&format!("{place}/key_secret"), name)?.to_vec();
                Some((chain, key))
            }
            (None, None) => None,
            _ => {
                self.fault(place, "value_missing", "cert_file and key_secret go together");
                return None;
            }
        };
        Some(Material { roots, identity })
    }

    /// A file beside the configuration.
    pub(super) fn pem(&mut self, pointer: &str, file: &str) -> Option<Vec<u8>> {
        let read = std::fs::read(self.base.join(file));
        read.map_err(|fault| {
            self.fault(pointer, "file_unreadable", format!("cannot read {file}: {fault}"));
        })
        .ok()
    }
}

/// What messages hold.
pub(super) fn format(format: shape::MessageFormat) -> Format {
    match format {
        shape::MessageFormat::Message => Format::Message,
        shape::MessageFormat::Cloudevents => Format::CloudEvents,
    }
}

/// How attributes go out.
pub(super) fn cloudevents(said: shape::CloudEvents) -> CloudEvents {
    match said {
        shape::CloudEvents::Binary => CloudEvents::Binary,
        shape::CloudEvents::Structured => CloudEvents::Structured,
        shape::CloudEvents::Off => CloudEvents::Off,
    }
}

/// Random bits, so that many who lost a broker do not come back to it at the same moment.
pub(super) fn dice() -> Dice {
    let dice = clock::Dice::new();
    Arc::new(move || dice.roll())
}
