//! What is measured: the floors, and the line with one thing more switched on each time.

use std::path::Path;
use std::process::Command;

use super::floor;
use crate::fixtures::root;
use crate::gateway::Gateway;
use crate::world::World;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// A bare hyper server.
    Floor,
    /// A bare hyper server that computes the HMAC.
    FloorHmac,
    /// The gateway, with everything off.
    Ingest,
    /// And the signature verified.
    Hmac,
    /// And the payload held against its schema.
    Schema,
    /// And a Wasm filter asked.
    Filter,
    /// And each event flushed to disk before its answer.
    Fsync,
}

/// Where the bench sends events.
pub const PATH: &str = "/hooks/github";

/// The queues that events end in.
pub const QUEUES: [&str; 2] = ["archive", "urgent"];

impl Variant {
    /// Every variant, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Floor,
        Self::FloorHmac,
        Self::Ingest,
        Self::Hmac,
        Self::Schema,
        Self::Filter,
        Self::Fsync,
    ];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "bare hyper",
            Self::FloorHmac => "bare hyper + HMAC",
            Self::Ingest => "ingest only",
            Self::Hmac => "+ HMAC",
            Self::Schema => "+ schema",
            Self::Filter => "+ Wasm filter",
            Self::Fsync => "+ fsynced commit",
        }
    }

    /// When an acknowledged event is on disk.
    #[must_use]
    pub fn fsync(self) -> &'static str {
        match self {
            Self::Floor | Self::FloorHmac => "none",
            Self::Fsync => "always",
            _ => "interval 100ms",
        }
    }

    /// Whether it stores events that can be verified afterwards.
    #[must_use]
    pub fn stores(self) -> bool {
        !matches!(self, Self::Floor | Self::FloorHmac)
    }

    /// Starts a process of this variant with its data below `folder`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(self, folder: &Path) -> Gateway {
        match self {
            Self::Floor | Self::FloorHmac => {
                let own = std::env::current_exe().expect("this executable has a path");
                let mut command = Command::new(own);
                command.arg(floor::ARGUMENT).arg(self.name());
                Gateway::spawn(command, None)
            }
            _ => World::new_in(folder, &self.configuration()).start(),
        }
    }

    /// The configuration of the gateway.
    fn configuration(self) -> String {
        let step = Self::ALL.iter().position(|other| *other == self).unwrap_or(0);
        let has = |part: Self| Self::ALL.iter().position(|other| *other == part) <= Some(step);
        let mut text = format!(
            "version: 1\n\
             data: ./data\n\
             listen: {{ http: 127.0.0.1:0, admin: 127.0.0.1:0 }}\n\
             fsync: {}\n\
             secrets: {{ github: {{ env: GITHUB_WEBHOOK_SECRET }} }}\n",
            if has(Self::Fsync) { "always" } else { "{ interval: 100ms }" }
        );
        if has(Self::Schema) {
            text.push_str("schemas: \"{ROOT}/schemas/payloads\"\n");
        }
        text.push_str("sources:\n  github:\n    http: { path: /hooks/github }\n");
        text.push_str(if has(Self::Hmac) {
            "    verify: { scheme: github, keys: [ { id: bench, secret: github } ] }\n"
        } else {
            "    verify: { scheme: none }\n"
        });
        if has(Self::Schema) {
            text.push_str(
                "    schema: { subject: \"github.{type}\", on_unknown: reject, \
                 on_violation: reject }\n",
            );
        }
        if has(Self::Filter) {
            text.push_str(FILTER);
        } else {
            text.push_str("routes:\n  - { name: rest, default: true, to: [ archive ] }\n");
        }
        text.push_str("queues:\n  archive: {}\n  urgent: {}\n");
        text
    }
}

const FILTER: &str = "\
plugins:
  severity:
    path: \"{ROOT}/plugins/severity-router/rust/severity-router.wasm\"
    config: { threshold: high, queues: [ urgent ] }
routes:
  - name: security
    when: { type: [ { prefix: code_scanning_alert } ] }
    filters: [ severity ]
    to: [ archive ]
  - { name: rest, default: true, to: [ archive ] }
";

/// Where the bench keeps its data: beside the binary, so on a disk and not in memory.
///
/// # Panics
/// When the folder cannot be made.
#[must_use]
pub fn data_folder() -> std::path::PathBuf {
    let folder = root().join("target/bench-data");
    std::fs::create_dir_all(&folder).expect("a folder for the bench's data");
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variant_has_what_the_one_before_had_and_one_thing_more() {
        let ingest = Variant::Ingest.configuration();
        assert!(ingest.contains("scheme: none") && ingest.contains("interval: 100ms"));
        assert!(Variant::Hmac.configuration().contains("scheme: github"));
        assert!(!Variant::Hmac.configuration().contains("schemas:"));
        let filter = Variant::Filter.configuration();
        assert!(filter.contains("schemas:") && filter.contains("filters: [ severity ]"));
        let fsync = Variant::Fsync.configuration();
        assert!(fsync.contains("fsync: always") && fsync.contains("filters: [ severity ]"));
    }
}
