//! `/v1/schemas`: the registry in the manner of this API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sluicegate_admission::Registry;
use sluicegate_admission::schema::Entry;
use sluicegate_core::ids::SchemaSubject;
use sluicegate_sources::http::{Request, Response};

use super::ask::{self, Unread};
use super::place::{Native, Which};
use super::show;
use crate::api::reply;
use crate::schemas::{Given, Registered, Registrar, SchemasFault, SubjectSettings};

pub(super) async fn answer(registrar: &Registrar, place: Native, request: &Request) -> Response {
    let (method, body) = (request.method.as_str(), request.body.as_ref());
    let done = match (place, method) {
        (Native::All, "PUT") => set_mode(registrar, body).await,
        (Native::All, _) => Ok(list(registrar)),
        (Native::Subject(subject), "POST") => register(registrar, subject, body).await,
        (Native::Subject(subject), "PUT") => set(registrar, &subject, body).await,
        (Native::Subject(subject), "DELETE") => {
            let deleted = registrar.delete(&subject, None).await;
            deleted.map(|_| Response::new(204)).map_err(Refused::Fault)
        }
        (Native::Subject(subject), _) => shown(registrar, &subject).map_err(Refused::Fault),
        (Native::Check(subject), _) => check(registrar, subject, body).await,
        (Native::Version(subject, which), "DELETE") => delete(registrar, &subject, which).await,
        (Native::Version(subject, which), _) => find(&registrar.registry(), &subject, which)
            .map(|entry| reply::json(&show::native(&entry)))
            .map_err(Refused::Fault),
    };
    done.unwrap_or_else(|refused| refused.response())
}

/// Why something was not done.
enum Refused {
    Fault(SchemasFault),
    Body(String),
}

impl Refused {
    fn response(&self) -> Response {
        match self {
            Self::Body(why) => reply::problem(422, "request_invalid", why),
            Self::Fault(fault) => {
                let status = match fault {
                    SchemasFault::NoSubject(_) | SchemasFault::NoVersion { .. } => 404,
                    SchemasFault::IsFile(_)
                    | SchemasFault::Referred { .. }
                    | SchemasFault::Incompatible(_) => 409,
                    SchemasFault::Schema(_) | SchemasFault::TooMuch(_) => 422,
                    SchemasFault::Disk(_) => 503,
                };
                reply::problem(status, fault.code(), &fault.to_string())
            }
        }
    }
}

impl From<SchemasFault> for Refused {
    fn from(fault: SchemasFault) -> Self {
        Self::Fault(fault)
    }
}

fn given(subject: SchemaSubject, body: &[u8]) -> Result<Given, Refused> {
    ask::given(subject, body).map_err(|unread| match unread {
        Unread::Shape(why) => Refused::Body(why),
        Unread::Type(other) => Refused::Body(format!("schemaType is JSON, not {other}")),
    })
}

fn list(registrar: &Registrar) -> Response {
    let (registry, settings) = (registrar.registry(), registrar.settings());
    let mut subjects: BTreeMap<&SchemaSubject, Vec<&Arc<Entry>>> = BTreeMap::new();
    for entry in registry.entries() {
        subjects.entry(&entry.source.version.subject).or_default().push(entry);
    }
    let one = |(subject, entries): (&SchemaSubject, Vec<&Arc<Entry>>)| -> Value {
        let live = entries.iter().filter(|entry| entry.is_live());
        let versions: Vec<u32> = live.map(|entry| entry.source.version.version).collect();
        let mut shown = entries.last().map(|last| show::listed(last)).unwrap_or_default();
        shown.retain(|name, _| name == "subject" || name == "origin" || name == "formats");
        shown.insert("latest".into(), versions.last().copied().into());
        shown.insert("versions".into(), versions.into());
        let mode = settings.mode(subject.as_str());
        shown.insert("compatibility".into(), mode.word().into());
        Value::Object(shown)
    };
    let all: Vec<Value> = subjects.into_iter().map(one).collect();
    reply::json(&json!({ "compatibility": settings.compatibility.word(), "subjects": all }))
}

fn shown(registrar: &Registrar, subject: &SchemaSubject) -> Result<Response, SchemasFault> {
    let (registry, settings) = (registrar.registry(), registrar.settings());
    let versions: Vec<Value> =
        registry.of_subject(subject).map(|entry| Value::Object(show::listed(entry))).collect();
    if versions.is_empty() {
        return Err(SchemasFault::NoSubject(subject.clone()));
    }
    Ok(reply::json(&json!({
        "subject": subject.as_str(),
        "compatibility": settings.mode(subject.as_str()).word(),
        "own_compatibility": settings.own_mode(subject.as_str()).map(|mode| mode.word()),
        "versions": versions,
    })))
}

async fn register(
    registrar: &Registrar,
    subject: SchemaSubject,
    body: &[u8],
) -> Result<Response, Refused> {
    let (status, entry) = match registrar.register(given(subject, body)?).await? {
        Registered::New(entry) => (201, entry),
        Registered::Known(entry) => (200, entry),
    };
    let shown = reply::json(&Value::Object(show::listed(&entry)));
    Ok(Response { status, ..shown })
}

async fn check(
    registrar: &Registrar,
    subject: SchemaSubject,
    body: &[u8],
) -> Result<Response, Refused> {
    let registry = registrar.registry();
    let transitive = registrar.settings().mode(subject.as_str()).is_transitive();
    let live = registry.of_subject(&subject).filter(|entry| entry.is_live()).cloned();
    let mut against: Vec<Arc<Entry>> = live.collect();
    if !transitive {
        against = against.pop().into_iter().collect();
    }
    let found = registrar.check(given(subject, body)?, against).await?;
    Ok(reply::json(&json!({
        "compatible": found.is_empty(),
        "findings": show::findings(&found),
    })))
}

async fn delete(
    registrar: &Registrar,
    subject: &SchemaSubject,
    which: Which,
) -> Result<Response, Refused> {
    let entry = find(&registrar.registry(), subject, which)?;
    registrar.delete(subject, Some(entry.source.version.version)).await?;
    Ok(Response::new(204))
}

async fn set_mode(registrar: &Registrar, body: &[u8]) -> Result<Response, Refused> {
    let word = ask::word(body, "compatibility")
        .ok_or_else(|| Refused::Body("the body is {\"compatibility\": MODE}".to_owned()))?;
    let mode = word.parse().map_err(|fault| Refused::Body(format!("compatibility: {fault}")))?;
    registrar.set_mode(mode).await?;
    Ok(reply::json(&json!({ "compatibility": registrar.settings().compatibility.word() })))
}

async fn set(
    registrar: &Registrar,
    subject: &SchemaSubject,
    body: &[u8],
) -> Result<Response, Refused> {
    let own: SubjectSettings = serde_json::from_slice(body)
        .map_err(|fault| Refused::Body(format!("the settings of a subject: {fault}")))?;
    registrar.set(subject, own).await?;
    Ok(reply::json(&own))
}

/// A version; `latest` is the one that judges.
pub(super) fn find(
    registry: &Registry,
    subject: &SchemaSubject,
    which: Which,
) -> Result<Arc<Entry>, SchemasFault> {
    if registry.latest(subject).is_none() && which == Which::Latest
        || registry.of_subject(subject).next().is_none()
    {
        return Err(SchemasFault::NoSubject(subject.clone()));
    }
    let (found, version) = match which {
        Which::Latest => (registry.latest(subject), "latest".to_owned()),
        Which::Number(number) => (registry.get(subject, number), number.to_string()),
    };
    found.cloned().ok_or_else(|| SchemasFault::NoVersion { subject: subject.clone(), version })
}
