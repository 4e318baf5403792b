//! One known answer, as the file has it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::fields::Fields;

use crate::facts::text_at;
use crate::secret::Secret;
use crate::signature::encoding::{hex, loose_base64};

/// One delivery and its verdict, or one bare computation and its result.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) provider: String,
    pub(crate) scheme: String,
    pub(crate) kind: Option<String>,
    pub(crate) expected: Expected,
    #[serde(default)]
    secret: Value,
    secret_hex: Option<String>,
    secret_base64url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    pub(crate) method: Option<String>,
    pub(crate) url: Option<String>,
    body: Option<String>,
    body_base64: Option<String>,
    body_repeat: Option<(String, usize)>,
    pub(crate) now: Option<u64>,
    pub(crate) tolerance: Option<u64>,
    pub(crate) params: Option<Params>,
    pub(crate) alg: Option<String>,
    pub(crate) signature_hex: Option<String>,
    pub(crate) certificate_pem: Option<String>,
    pub(crate) canonical: Option<String>,
    pub(crate) base_path: Option<String>,
    pub(crate) expected_response: Option<Response>,
    public_key: Option<String>,
    public_key_pem: Option<String>,
    webhook_id: Option<String>,
}

/// What a handshake is answered with.
#[derive(Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
    pub(crate) json: Option<Value>,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expected {
    Valid,
    Invalid,
}

/// What a generic scheme is made of.
#[derive(Debug, Deserialize)]
pub(crate) struct Params {
    pub(crate) header: String,
    pub(crate) alg: Option<String>,
    pub(crate) encoding: Option<String>,
    #[serde(default)]
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) prefix_optional: bool,
    pub(crate) multi_sep: Option<char>,
    pub(crate) sep: Option<char>,
    pub(crate) ts_key: Option<String>,
    pub(crate) sig_key: Option<String>,
    pub(crate) template: Option<String>,
}

impl Line {
    /// Every secret; `None` if one is not written as it says.
    pub(crate) fn secrets(&self) -> Option<Vec<Secret>> {
        let mut secrets = Vec::new();
        if let Some(text) = &self.secret_hex {
            secrets.push(Secret::new(hex(text.as_bytes())?));
        }
        if let Some(text) = &self.secret_base64url {
            secrets.push(Secret::new(loose_base64(text.as_bytes())?));
        }
        match &self.secret {
            Value::String(text) => secrets.push(text.as_str().into()),
            Value::Array(items) => {
                secrets.extend(items.iter().filter_map(Value::as_str).map(Secret::from));
            }
            _ => {}
        }
        let public = [&self.public_key, &self.public_key_pem, &self.webhook_id];
        secrets.extend(public.into_iter().flatten().map(|text| Secret::from(text.as_str())));
        // A certificate says nothing about whose topic it is: the message's own counts as pinned.
        if self.scheme == "sns" && secrets.is_empty() {
            let topic = text_at(&self.body()?, "/TopicArn")?.into_owned();
            secrets.push(topic.into());
        }
        Some(secrets)
    }

    /// The raw body; `None` if it is not written as it says.
    pub(crate) fn body(&self) -> Option<Vec<u8>> {
        if let Some(text) = &self.body_base64 {
            return STANDARD.decode(text).ok();
        }
        if let Some((text, times)) = &self.body_repeat {
            return Some(text.repeat(*times).into_bytes());
        }
        Some(self.body.clone().unwrap_or_default().into_bytes())
    }

    /// Path and query of the URL.
    fn target(&self) -> String {
        let url = self.url.as_deref().unwrap_or("/");
        let after = url.find("://").map_or(0, |at| at + 3);
        let rest = url.get(after..).unwrap_or_default();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").to_owned()
    }

    /// The delivery, as a source would have read it. A list of values is a doubled header.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        let mut headers = Fields::new();
        for (name, value) in &self.headers {
            match value {
                Value::String(text) => headers.push(name, text),
                Value::Array(items) => {
                    items
                        .iter()
                        .filter_map(Value::as_str)
                        .for_each(|text| headers.push(name, text));
                }
                _ => return None,
            }
        }
        Some(Delivery {
            source: "vector".parse().ok()?,
            method: self.method.clone().unwrap_or_else(|| "POST".into()),
            target: self.target(),
            headers,
            body: Bytes::from(self.body()?),
            peer: None,
            transport: Transport::default(),
        })
    }
}
