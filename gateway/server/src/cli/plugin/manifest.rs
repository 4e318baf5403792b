//! A plugin's folder: its manifest, `plugin.yaml`, and where the parts of the plugin lie.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sluicegate_core::ids::PluginName;

use crate::cli::CommandFault;
use crate::config::read_as;

/// What a plugin's folder says about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Manifest {
    /// Its name: that of the component, if nothing else is said.
    pub(super) name: String,
    /// Its version, for people: a gateway goes by the digest.
    pub(super) version: String,
    /// What it is written in.
    pub(super) language: Language,
    /// The folder of its source; this one if nothing is said.
    #[serde(default = "here")]
    source: PathBuf,
    /// The folder of the SDKs and the contract; `sdk` if nothing is said.
    #[serde(default = "sdk")]
    sdk: PathBuf,
    /// The component that is built; `NAME.wasm` if nothing is said.
    component: Option<PathBuf>,
    /// The file of its cases; `cases.yaml` if nothing is said.
    #[serde(default = "cases")]
    cases: PathBuf,
    /// A configuration to try it with, where a file of cases or a command says none.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
    /// What it imports beside log, metrics and clock, which every plugin may.
    #[serde(default)]
    imports: Vec<Import>,
}

/// The languages that there is an SDK for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Language {
    /// Rust.
    Rust,
    /// JavaScript, or TypeScript.
    #[value(name = "js", alias = "javascript")]
    Javascript,
    /// Python.
    Python,
    /// Go.
    Go,
    /// C.
    C,
    /// C++. A plugin in C may have files in C++, too.
    #[value(alias = "c++")]
    Cpp,
}

/// A capability that an operator grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Import {
    /// Values that outlive an instance.
    State,
}

/// A plugin's folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    pub(super) manifest: Manifest,
}

impl Folder {
    /// Reads the manifest of a folder.
    pub(super) fn read(root: &Path) -> Result<Self, CommandFault> {
        let file = root.join(MANIFEST);
        let manifest: Manifest =
            read_as(&file).map_err(|faults| CommandFault::Input(faults.to_string()))?;
        if let Err(fault) = manifest.name.parse::<PluginName>() {
            return Err(CommandFault::Input(format!("{}: name: {fault}", file.display())));
        }
        Ok(Self { root: root.to_owned(), manifest })
    }

    /// The folder itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of its source.
    pub(super) fn source(&self) -> PathBuf {
        self.root.join(&self.manifest.source)
    }

    /// The SDK of its language.
    pub(super) fn sdk(&self) -> PathBuf {
        self.root.join(&self.manifest.sdk).join(self.manifest.language.word())
    }

    /// The text of the contract that it is built against.
    pub(super) fn contract(&self) -> PathBuf {
        self.root.join(&self.manifest.sdk).join("wit/plugin.wit")
    }

    /// The component.
    pub(super) fn component(&self) -> PathBuf {
        let name = || PathBuf::from(format!("{}.wasm", self.manifest.name));
        self.root.join(self.manifest.component.clone().unwrap_or_else(name))
    }

    /// The file of its cases.
    pub(super) fn cases(&self) -> PathBuf {
        self.root.join(&self.manifest.cases)
    }

    /// A world of the contract with what this plugin imports and no more: the tools of JavaScript
    /// and Python import all of a world.
    pub(super) fn world(&self) -> String {
        let mut text = "package sluicegate:plugin@0.1.0;\nworld guest {\n".to_owned();
        for name in ["log", "metrics", "clock"] {
            text += &format!("  import {name};\n");
        }
        if self.manifest.imports.contains(&Import::State) {
            text += "  import state;\n";
        }
        text + "  export filter;\n}\n"
    }
}

impl Language {
    /// The name of its folder.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Javascript => "javascript",
            Self::Python => "python",
            Self::Go => "go",
            Self::C | Self::Cpp => "c",
        }
    }

    /// The name that a manifest has, and the end of the name of its templates.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cpp => "cpp",
            _ => self.word(),
        }
    }
}

/// The JSON Schema (2020-12) of a manifest, as it is published.
pub(in crate::cli) fn manifest_schema() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Manifest>();
    schema.insert("$id".to_owned(), Value::String("sluicegate/plugin.schema.json".to_owned()));
    schema.to_value()
}

fn here() -> PathBuf {
    PathBuf::from(".")
}

fn sdk() -> PathBuf {
    PathBuf::from("sdk")
}

fn cases() -> PathBuf {
    PathBuf::from("cases.yaml")
}

/// The name of a manifest in its folder.
pub(super) const MANIFEST: &str = "plugin.yaml";
