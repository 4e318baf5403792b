//! The shape of a file of cases: events, and what the plugin must answer. Its words are those of
//! the contract (`sdk/wit`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::sample::Sample;
use crate::config::{Size, Span};

/// What a plugin must answer, case by case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Suite {
    /// The plugin's configuration, for every case without one of its own.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
    /// How long one call may run; `10ms` if nothing is said.
    pub(super) deadline: Option<Span>,
    /// Memory of one instance; `64MiB` if nothing is said.
    pub(super) memory: Option<Size>,
    /// The cases, each on a fresh instance.
    #[schemars(length(min = 1))]
    pub(super) cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Case {
    /// What it shows, as a sentence.
    pub(super) name: String,
    /// The plugin's configuration in this case.
    pub(super) config: Option<Map<String, Value>>,
    /// The event; not needed where the configuration is to be refused.
    #[serde(default)]
    pub(super) event: Sample,
    /// What the plugin must answer.
    pub(super) expect: Expect,
}

/// What the plugin must answer: exactly one of `decision`, `failure`, `broke`, `refused` and
/// `unsubscribed`, and what belongs to it.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Expect {
    /// It decides so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision: Option<DecisionWord>,
    /// It cannot decide, and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureWord>,
    /// It traps, runs too long, takes too much memory or breaks the contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) broke: Option<BrokeWord>,
    /// It refuses its configuration, in words that contain this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
    /// It is not asked: its subscription has not this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unsubscribed: Option<bool>,
    /// The reason of `drop`, `reject` and `dead-letter`, exactly; a part of that of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The queues of `route`, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) queues: Option<Vec<String>>,
    /// The code of `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<RejectWord>,
    /// The events of `emit`, in order, whole: what is not said must not be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outputs: Option<Vec<ExpectedOutput>>,
    /// The milliseconds of `retry-after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ms: Option<u64>,
}

/// The decisions of the contract.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DecisionWord {
    Next,
    Drop,
    Route,
    Emit,
    Reject,
    DeadLetter,
}

/// The failures of the contract.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FailureWord {
    RetryAfter,
    Failed,
}

/// The ways to break.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BrokeWord {
    Trap,
    Deadline,
    Memory,
    BadDecision,
    Failed,
}

/// The codes of a rejection.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RejectWord {
    Invalid,
    Unauthenticated,
    Forbidden,
    TooLarge,
    RateLimited,
    Unavailable,
}

/// One event of `emit`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExpectedOutput {
    /// Where to; none: on down the route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queues: Vec<String>,
    /// The new type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// The new media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// The attributes that it sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    set_attributes: BTreeMap<String, String>,
    /// The headers that it sets, by their names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    set_headers: BTreeMap<String, String>,
    /// The names that it removes, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<String>,
    /// The new payload, as JSON: compared by value.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// The new payload, as text: compared byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The new payload, in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Expect {
    /// Whether it says one thing, and not two or none.
    pub(super) fn is_one(&self) -> bool {
        let said = [
            self.decision.is_some(),
            self.failure.is_some(),
            self.broke.is_some(),
            self.refused.is_some(),
            self.unsubscribed == Some(true),
        ];
        said.iter().filter(|said| **said).count() == 1
    }
}

/// The JSON Schema (2020-12) of a file of cases, as it is published.
pub(in crate::cli) fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Suite>();
    schema
        .insert("$id".to_owned(), Value::String("sluicegate/plugin-cases.schema.json".to_owned()));
    schema.to_value()
}
