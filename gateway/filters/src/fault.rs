//! What can go wrong when the room is opened or a plugin is loaded, and when a loaded one is asked.

use sluicegate_core::ids::Digest;
use sluicegate_core::letter::Cause;
use sluicegate_core::limits::{
    FILTER_DEADLINE_MS_MAX, PLUGIN_BYTES_MAX, PLUGIN_MEMORY_BYTES_MAX, bounded_reason,
};

use crate::imports::STATE;

/// Why the room cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HostFault {
    /// The engine refused its settings: this machine cannot run it.
    #[error("start the Wasm engine: {0}")]
    Engine(String),
    /// A thread could not be started.
    #[error("start a filter thread")]
    Thread(#[source] std::io::Error),
}

impl HostFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(_) => "filter_engine_failed",
            Self::Thread(_) => "filter_thread_failed",
        }
    }
}

/// Why a plugin cannot be loaded. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// The file does not begin as a Wasm file does.
    #[error("load plugin: the file is not WebAssembly")]
    NotWasm,
    /// The file is over the limit.
    #[error("load plugin: the file has {bytes} bytes, the limit is {PLUGIN_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The file begins as Wasm, but is cut off, damaged, or uses a feature that is switched off.
    #[error("load plugin: the WebAssembly is not valid here: {why}")]
    Malformed {
        /// What the validator says.
        why: String,
    },
    /// A core module without a component type in it, or with one that does not fit it.
    #[error("load plugin: the core module cannot be made a component: {why}")]
    NotComponent {
        /// What the encoder says.
        why: String,
    },
    /// It does not export the filter interface of this version.
    #[error("load plugin: it does not export {wanted}; it exports: {found}")]
    WrongWorld {
        /// The interface that is needed.
        wanted: &'static str,
        /// What is there.
        found: String,
    },
    /// It was compiled for the asynchronous form of the component model.
    #[error(
        "load plugin: it is compiled for async, and plugins are called synchronously: build it \
         with --sync (componentize-qjs), or without the async option of its tool"
    )]
    Async,
    /// It imports what it may not have.
    #[error("load plugin: it imports what is not granted: {}{}", names.join(", "), hint(names))]
    Imports {
        /// Every such import, by name.
        names: Vec<String>,
    },
    /// Its `configure` said no to the configuration.
    #[error("configure plugin: {why}")]
    Refused {
        /// What the plugin says.
        why: String,
    },
    /// It could not be started, or its `configure` trapped, looped or took too much memory.
    #[error("start plugin: {}: {why}", cause.code())]
    Start {
        /// The kind of failure.
        cause: Cause,
        /// What happened.
        why: String,
    },
    /// Its subscription is not usable.
    #[error("configure plugin: its subscription is over a bound: {what}")]
    Subscription {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The compiler could not run, or broke on it.
    #[error("load plugin: the compiler failed: {why}")]
    Compiler {
        /// What happened.
        why: String,
    },
    /// As many plugins are loaded as may be.
    #[error("load plugin: {max} plugins are loaded, and no more may be")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// A limit in its specification is outside what can be had.
    #[error(
        "load plugin: its limits are out of range (deadline 1 to {FILTER_DEADLINE_MS_MAX} ms, \
         memory 64 KiB to {PLUGIN_MEMORY_BYTES_MAX} bytes)"
    )]
    Limits,
}

impl LoadFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotWasm => "plugin_not_wasm",
            Self::TooLarge { .. } => "plugin_too_large",
            Self::Malformed { .. } => "plugin_malformed",
            Self::NotComponent { .. } => "plugin_not_component",
            Self::WrongWorld { .. } => "plugin_wrong_world",
            Self::Async => "plugin_async",
            Self::Imports { .. } => "plugin_imports_refused",
            Self::Refused { .. } => "plugin_config_refused",
            Self::Start { .. } => "plugin_start_failed",
            Self::Subscription { .. } => "plugin_subscription_invalid",
            Self::Compiler { .. } => "plugin_compiler_failed",
            Self::TooMany { .. } => "plugins_too_many",
            Self::Limits => "plugin_limits_out_of_range",
        }
    }
}

/// Why the versions of a plugin stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlotFault {
    /// This version failed too often before.
    #[error("version {digest} failed too often and is quarantined: it is only taken by force")]
    Quarantined {
        /// The digest of its bytes.
        digest: Digest,
    },
    /// There is no version before the one that decides.
    #[error("no version is before the one that decides")]
    NoPrevious,
    /// No version is in shadow.
    #[error("no version is in shadow")]
    NoShadow,
    /// The thread of a shadow could not be started.
    #[error("the thread of the shadow cannot be started: {0}")]
    Thread(String),
}

impl SlotFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Quarantined { .. } => "plugin_quarantined",
            Self::NoPrevious => "plugin_no_previous",
            Self::NoShadow => "plugin_no_shadow",
            Self::Thread(_) => "filter_thread_failed",
        }
    }
}

/// How what was refused can be granted, where it can.
fn hint(names: &[String]) -> &'static str {
    if names.iter().any(|name| name.starts_with(STATE)) {
        "; `state: {}` in the plugin's configuration grants it state"
    } else {
        ""
    }
}

/// How a plugin failed when it was asked about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn new(cause: Cause, reason: impl Into<String>) -> Self {
        Self { cause, reason: bounded_reason(reason.into()) }
    }

    /// The plugin was not asked, because it fails too often.
    pub(crate) fn circuit_open() -> Self {
        Self::new(Cause::CircuitOpen, "the plugin failed too often and was not asked")
    }

    /// The guest broke the contract.
    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::new(Cause::BadDecision, reason)
    }
}
