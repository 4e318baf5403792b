//! The guests: where their components are, and how to build those that are not committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sluicegate_core::ids::Digest;
use sluicegate_filters::{Meter, OnFailure, PluginSpec, Terms, Trial, Trials};

use super::event;
use crate::fixtures::root;

/// A language in which there is a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    C,
    Cpp,
    Go,
    JavaScript,
    Python,
}

/// A guest: what it does, and in which language it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guest {
    /// `plugins/severity-router`, which sees the payload only.
    Router(Language),
    /// `tests/fixtures/plugins/scan`, which reads everything, traps and loops.
    Scan(Language),
}

/// What the severity router is told.
pub(super) const ROUTER_CONFIG: &str = r#"{"threshold":"high","queues":["urgent"]}"#;

impl Language {
    /// The name of its folder.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Go => "go",
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }
}

impl Guest {
    /// The folder of its source, below the root.
    fn folder(self) -> String {
        match self {
            Self::Router(language) => format!("plugins/severity-router/{}", language.name()),
            Self::Scan(language) => format!("tests/fixtures/plugins/scan/{}", language.name()),
        }
    }

    /// Its component: committed beside the source, or built beside this executable's folder.
    pub(super) fn component(self) -> PathBuf {
        match self {
            Self::Router(Language::Rust | Language::C) => {
                root().join(self.folder()).join("severity-router.wasm")
            }
            Self::Router(language) => built(&format!("severity-router-{}", language.name())),
            Self::Scan(language) => built(&format!("scan-{}", language.name())),
        }
    }

    /// Whether it is there, and not older than its source.
    pub(super) fn is_there(self) -> bool {
        let Ok(made) = fs::metadata(self.component()).and_then(|about| about.modified()) else {
            return false;
        };
        // What is committed is compared with its source by `plugins/build --check`.
        matches!(self, Self::Router(Language::Rust | Language::C))
            || newest(&root().join(self.folder())) <= made
    }

    /// The command that builds it, run in the root.
    pub(super) fn command(self) -> String {
        let component = self.component();
        let folder = component.parent().unwrap_or(&component).display();
        format!(
            "mkdir -p {folder} && sluicegate plugin build {} --output {}",
            self.folder(),
            component.display()
        )
    }

    /// How it is loaded.
    pub(super) fn spec(self) -> Result<PluginSpec, String> {
        let path = self.component();
        let bytes = fs::read(&path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        let (name, config) = match self {
            Self::Router(_) => ("severity-router", ROUTER_CONFIG.to_owned()),
            Self::Scan(_) => {
                ("scan", format!(r#"{{"sum":{}}}"#, event::sum(&event::alert("push", "low"))))
            }
        };
        Ok(PluginSpec {
            name: name.parse().map_err(|_| format!("{name} is not a name"))?,
            bytes,
            digest: Digest([0; 32]),
            terms: Terms {
                config,
                deadline: Duration::from_millis(10),
                memory_bytes_max: 64 * 1024 * 1024,
                on_failure: OnFailure::DeadLetter,
                recycle_calls: 0,
                state: None,
            },
        })
    }

    /// Compiles and starts it; says too how many bytes it has.
    pub(super) fn start(self) -> Result<(Trial, usize), String> {
        let PluginSpec { name, bytes, digest, terms } = self.spec()?;
        let failed = |why: String| format!("{}: {why}", self.folder());
        let trials = Trials::open(&bytes, Meter::Time).map_err(|it| failed(it.to_string()))?;
        let trial = trials.start(name, digest, terms).map_err(|it| failed(it.to_string()))?;
        Ok((trial, bytes.len()))
    }
}

/// The place of a component that is not committed: `target/guests`, whatever `target` is called.
fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(2).unwrap_or(Path::new("target")).to_owned();
    target.join("guests").join(format!("{name}.wasm"))
}

/// When the last file of a folder was changed, what tools leave there aside.
fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| {
        let name = entry.file_name();
        if ["target", "node_modules", "__pycache__", "Cargo.lock"].iter().any(|it| name == *it) {
            return None;
        }
        let about = entry.metadata().ok()?;
        if about.is_dir() { Some(newest(&entry.path())) } else { about.modified().ok() }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_guests_are_there_and_missing_ones_are_told_with_their_command() {
        assert!(Guest::Router(Language::Rust).is_there() && Guest::Router(Language::C).is_there());
        let python = Guest::Router(Language::Python);
        assert!(
            python.command().contains("plugin build plugins/severity-router/python --output"),
            "{}",
            python.command()
        );
        for language in [Language::Rust, Language::C] {
            assert!(root().join(Guest::Scan(language).folder()).join("plugin.yaml").is_file());
        }
    }

    #[test]
    fn a_component_is_older_than_a_source_that_was_written_after_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest(folder.path()), SystemTime::UNIX_EPOCH);
        fs::create_dir(folder.path().join("src")).unwrap();
        let file = folder.path().join("src/filter.c");
        fs::write(&file, "").unwrap();
        assert_eq!(newest(folder.path()), fs::metadata(file).unwrap().modified().unwrap());
    }
}
