//! The gate of one source: what it asks of a delivery, as plain data, and compiled.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::{KeyId, SourceName};

use crate::envelope::Envelope;
use crate::facts::{FactReader, Facts, FactsOverride};
use crate::handshake::{Greeter, HandshakeSetting};
use crate::keys::Prover;
use crate::schema::{Registry, Rule, SchemaRule};
use crate::secret::{Key, SecretFault};
use crate::signature::Scheme;
use crate::wrapping::Wrapping;

/// What one source asks of a delivery.
#[derive(Debug, Clone)]
pub struct Gate {
    /// The source.
    pub source: SourceName,
    /// How senders are proven.
    pub scheme: Scheme,
    /// Whether deliveries come in envelopes.
    pub wrapping: Wrapping,
    /// The signing keys; all that are live count.
    pub keys: Vec<Key>,
    /// How far the time of sending may be off, both ways; `None`: as the scheme says.
    pub tolerance: Option<Duration>,
    /// Where facts are, in place of what the scheme says.
    pub facts: FactsOverride,
    /// The schema that payloads are held against, if any.
    pub schema: Option<SchemaRule>,
    /// What a delivery holds.
    pub format: Format,
    /// The URL as the provider knows it, for schemes that sign it.
    pub public_url: Option<String>,
    /// What is granted to handshakes.
    pub handshake: HandshakeSetting,
    /// Whether bodies may come packed (gzip), and what such a one may unpack to, in bytes.
    pub unpack_max: Option<usize>,
}

impl Gate {
    /// A gate with nothing but a scheme and its keys.
    #[must_use]
    pub fn new(source: SourceName, scheme: Scheme, keys: Vec<Key>) -> Self {
        Self {
            source,
            scheme,
            wrapping: Wrapping::default(),
            keys,
            tolerance: None,
            facts: FactsOverride::default(),
            schema: None,
            format: Format::default(),
            public_url: None,
            handshake: HandshakeSetting::default(),
            unpack_max: None,
        }
    }
}

/// What a delivery of a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One event: its payload is the body, its facts are where the scheme has them.
    #[default]
    Webhook,
    /// CloudEvents 1.0, binary, structured or batched, which say their facts themselves.
    CloudEvents,
}

/// What is wrong with the gate of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("source {source_name}: {problem}")]
pub struct GateFault {
    /// The source.
    pub source_name: SourceName,
    /// What is wrong.
    pub problem: GateProblem,
}

/// The kinds of things that can be wrong with a gate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateProblem {
    /// Two gates have the name of this source.
    #[error("source is there twice")]
    DoubledSource,
    /// The scheme needs a key, and there is none.
    #[error("scheme needs at least one key")]
    NoKeys,
    /// There are keys, but the scheme `none` uses none: someone believes in a check that is not.
    #[error("scheme none verifies nothing, but keys are given")]
    KeysWithoutScheme,
    /// Two keys have one id, so that a verdict would not say which matched.
    #[error("key {key} is there twice")]
    DoubledKey {
        /// The key.
        key: KeyId,
    },
    /// A key is never live.
    #[error("key {key} ends before it begins")]
    NeverLive {
        /// The key.
        key: KeyId,
    },
    /// A secret cannot be used.
    #[error("key {key}: {why}")]
    Key {
        /// The key.
        key: KeyId,
        /// What is wrong with it.
        why: SecretFault,
    },
    /// The scheme is not consistent.
    #[error("scheme: {0}")]
    Scheme(String),
    /// The scheme signs the public URL, and there is none.
    #[error("scheme signs the public URL, and public_url is not set")]
    NeedsPublicUrl,
    /// The public URL is not one.
    #[error("public_url must start with https:// or http://")]
    PublicUrl,
    /// The handshakes' setting does not fit the scheme.
    #[error("handshake: {0}")]
    Handshake(String),
    /// A fact has no place.
    #[error("facts: {0}")]
    Facts(String),
    /// The schema rule cannot be used.
    #[error("schema: {0}")]
    Schema(String),
}

/// A gate, compiled.
pub(crate) struct Compiled {
    pub(crate) prover: Prover,
    pub(crate) wrapping: Wrapping,
    pub(crate) facts: FactReader,
    pub(crate) envelope: Envelope,
    pub(crate) rule: Option<Rule>,
    pub(crate) greeter: Greeter,
    pub(crate) format: Format,
    /// Whether the operator has named no idempotency key: what a signature or a CloudEvent gives
    /// for one counts then.
    pub(crate) own_dedupe: bool,
    pub(crate) unpack_max: Option<usize>,
}

impl Compiled {
    /// Compiles a gate; everything that is wrong with it.
    pub(crate) fn build(gate: Gate, registry: &Arc<Registry>) -> Result<Self, Vec<GateProblem>> {
        let mut problems = check_keys(&gate.keys);
        let prover = Prover::build(&gate);
        let envelope = Envelope::new(&gate.source, &gate.scheme);
        problems.extend(check_format(gate.format, &gate.facts));
        problems.extend(gate.wrapping.check(&gate.scheme));
        let own_dedupe = gate.facts.dedupe.is_none();
        let handshakes = match &gate.scheme {
            Scheme::Preset(preset) => preset.handshakes,
            _ => &[],
        };
        let greeter = Greeter::build(handshakes, gate.handshake);
        let (format, wrapping, unpack_max) = (gate.format, gate.wrapping, gate.unpack_max);
        let facts = FactReader::build(gate.facts.over(scheme_facts(&gate.scheme)));
        let rule = gate.schema.map(|rule| Rule::build(&rule, &gate.source, registry)).transpose();
        match (prover, facts, rule, greeter) {
            (Ok(prover), Ok(facts), Ok(rule), Ok(greeter)) if problems.is_empty() => Ok(Self {
                prover,
                wrapping,
                facts,
                envelope,
                rule,
                greeter,
                format,
                own_dedupe,
                unpack_max,
            }),
            (prover, facts, rule, greeter) => {
                problems.extend(prover.err().unwrap_or_default());
                problems.extend(greeter.err().unwrap_or_default());
                let facts = facts.err().unwrap_or_default();
                problems.extend(facts.into_iter().map(GateProblem::Facts));
                problems.extend(rule.err().map(GateProblem::Schema));
                Err(problems)
            }
        }
    }
}

fn scheme_facts(scheme: &Scheme) -> Facts {
    match scheme {
        Scheme::Preset(preset) => preset.facts(),
        Scheme::Generic(generic) => generic.facts.clone(),
        Scheme::None | Scheme::Token { .. } => Facts::default(),
    }
}

/// CloudEvents say their facts themselves; only their deduplication can be turned off.
fn check_format(format: Format, facts: &FactsOverride) -> Option<GateProblem> {
    let FactsOverride { kind, subject, time, dedupe } = facts;
    let places = [kind, subject, time].iter().any(|fact| fact.is_some());
    let other = places || dedupe.as_ref().is_some_and(|places| !places.is_empty());
    let why = "a CloudEvent says its facts itself: only dedupe: [] can be set";
    (format == Format::CloudEvents && other).then(|| GateProblem::Facts(why.into()))
}

/// What is wrong with keys beside their secrets.
pub(crate) fn check_keys(keys: &[Key]) -> Vec<GateProblem> {
    let mut problems = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        if keys.iter().take(at).any(|other| other.id == key.id) {
            problems.push(GateProblem::DoubledKey { key: key.id.clone() });
        }
        if let (Some(from), Some(to)) = (key.not_before, key.not_after)
            && from >= to
        {
            problems.push(GateProblem::NeverLive { key: key.id.clone() });
        }
    }
    problems
}
