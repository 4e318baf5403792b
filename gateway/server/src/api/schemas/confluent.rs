//! The paths of Confluent's registry, for JSON Schema: what its clients and tools ask, in its words
//! and with its error codes. Deleting is always soft; `permanent=true` is refused.

use std::sync::Arc;

use serde_json::{Value, json};
use sluicegate_admission::schema::Entry;
use sluicegate_admission::schema::compat::Mode;
use sluicegate_core::ids::SchemaSubject;
use sluicegate_sources::http::{Request, Response};

use super::ask::{self, Unread};
use super::native::find;
use super::place::{Confluent, Which, Wrong};
use super::show;
use crate::schemas::{Given, Registered, Registrar, SchemasFault, SubjectSettings};

/// An error of that registry: its number, of which the first three digits are the status.
struct Error(u32, String);

type Done = Result<Value, Error>;

pub(super) async fn answer(registrar: &Registrar, place: Confluent, request: &Request) -> Response {
    let done = match place {
        Confluent::Subject(subject) => of_subject(registrar, subject, request).await,
        Confluent::Versions(subject) => versions(registrar, subject, request).await,
        Confluent::Version(subject, which) => version(registrar, &subject, which, request).await,
        Confluent::Check(subject, which) => check(registrar, subject, Some(which), request).await,
        Confluent::CheckAll(subject) => check(registrar, subject, None, request).await,
        Confluent::Config => config(registrar, request).await,
        Confluent::SubjectConfig(subject) => subject_config(registrar, &subject, request).await,
        place => looked_up(registrar, place, request),
    };
    match done {
        Ok(value) => reply(200, &value),
        Err(Error(code, message)) => {
            let status = if code < 1000 { code } else { code / 100 };
            let body = json!({ "error_code": code, "message": message });
            reply(u16::try_from(status).unwrap_or(500), &body)
        }
    }
}

fn reply(status: u16, value: &Value) -> Response {
    Response::new(status)
        .with("x-content-type-options", "nosniff")
        .body("application/vnd.schemaregistry.v1+json", value.to_string())
}

impl From<SchemasFault> for Error {
    fn from(fault: SchemasFault) -> Self {
        let code = match &fault {
            SchemasFault::NoSubject(_) => 40401,
            SchemasFault::NoVersion { .. } => 40402,
            SchemasFault::IsFile(_) => 42205,
            SchemasFault::Referred { .. } => 42206,
            SchemasFault::Schema(_) | SchemasFault::TooMuch(_) => 42201,
            SchemasFault::Incompatible(_) => 409,
            SchemasFault::Disk(_) => 50001,
        };
        Self(code, format!("{fault} [{}]", fault.code()))
    }
}

/// What only looks.
fn looked_up(registrar: &Registrar, place: Confluent, request: &Request) -> Done {
    let registry = registrar.registry();
    let by_id =
        |id: u32| registry.by_id(id).ok_or_else(|| Error(40403, format!("Schema {id} not found")));
    let same = |id: u32| registry.entries().filter(move |e| e.source.id == id && e.is_live());
    Ok(match place {
        Confluent::Types => json!(["JSON"]),
        Confluent::ById(id) => Value::Object(show::by_id(&by_id(id)?.source)),
        Confluent::TextById(id) => by_id(id)?.source.value().clone(),
        Confluent::VersionsById(id) => {
            by_id(id)?;
            let one = |entry: &Arc<Entry>| -> Value {
                let version = &entry.source.version;
                json!({ "subject": version.subject.as_str(), "version": version.version })
            };
            same(id).map(one).collect()
        }
        Confluent::SubjectsById(id) => {
            by_id(id)?;
            same(id).map(|entry| Value::from(entry.source.version.subject.as_str())).collect()
        }
        Confluent::Subjects => {
            let deleted = ask::says(request.query(), "deleted");
            let shown = registry.entries().filter(|entry| deleted || entry.is_live());
            let mut names: Vec<&str> =
                shown.map(|entry| entry.source.version.subject.as_str()).collect();
            names.dedup();
            json!(names)
        }
        Confluent::Text(subject, which) => {
            live(registrar, &subject, which, request)?.source.value().clone()
        }
        Confluent::ReferencedBy(subject, which) => {
            let entry = live(registrar, &subject, which, request)?;
            registry.referrers(&entry.source.version).map(|by| Value::from(by.source.id)).collect()
        }
        Confluent::Mode => json!({ "mode": "READWRITE" }),
        Confluent::Wrong(Wrong::Subject) => {
            return Err(Error(42208, "The specified subject is not a valid subject".to_owned()));
        }
        Confluent::Wrong(Wrong::Version) => {
            let message = "The specified version is not a valid version id. Allowed values are \
                           between [1, 2^31-1] and the string \"latest\"";
            return Err(Error(42202, message.to_owned()));
        }
        _ => return Err(Error(404, "HTTP 404 Not Found".to_owned())),
    })
}

/// A version that is not deleted, or any if the query asks for deleted ones.
fn live(
    registrar: &Registrar,
    subject: &SchemaSubject,
    which: Which,
    request: &Request,
) -> Result<Arc<Entry>, Error> {
    let entry = find(&registrar.registry(), subject, which)?;
    if entry.is_live() || ask::says(request.query(), "deleted") {
        return Ok(entry);
    }
    let version = entry.source.version.version.to_string();
    Err(SchemasFault::NoVersion { subject: subject.clone(), version }.into())
}

fn given(subject: SchemaSubject, request: &Request) -> Result<Given, Error> {
    ask::given(subject, &request.body).map_err(|unread| match unread {
        Unread::Shape(why) => Error(42201, format!("Invalid schema: {why}")),
        Unread::Type(other) => {
            Error(42201, format!("Invalid schema type {other}: only JSON is registered here"))
        }
    })
}

fn refuse_permanent(request: &Request) -> Result<(), Error> {
    match ask::says(request.query(), "permanent") {
        true => Err(Error(42205, "versions are deleted softly only: numbers are in events".into())),
        false => Ok(()),
    }
}

async fn of_subject(registrar: &Registrar, subject: SchemaSubject, request: &Request) -> Done {
    if request.method == "DELETE" {
        refuse_permanent(request)?;
        return Ok(json!(registrar.delete(&subject, None).await?));
    }
    if registrar.registry().latest(&subject).is_none() {
        return Err(SchemasFault::NoSubject(subject).into());
    }
    let found = registrar.find(&given(subject, request)?)?;
    let found = found.ok_or_else(|| Error(40403, "Schema not found".to_owned()))?;
    Ok(Value::Object(show::confluent(&found.source)))
}

async fn versions(registrar: &Registrar, subject: SchemaSubject, request: &Request) -> Done {
    if request.method == "POST" {
        let (Registered::New(entry) | Registered::Known(entry)) =
            registrar.register(given(subject, request)?).await?;
        return Ok(json!({ "id": entry.source.id }));
    }
    let registry = registrar.registry();
    let deleted = ask::says(request.query(), "deleted");
    let shown = registry.of_subject(&subject).filter(|entry| deleted || entry.is_live());
    let numbers: Vec<u32> = shown.map(|entry| entry.source.version.version).collect();
    match numbers.is_empty() {
        true => Err(SchemasFault::NoSubject(subject).into()),
        false => Ok(json!(numbers)),
    }
}

async fn version(
    registrar: &Registrar,
    subject: &SchemaSubject,
    which: Which,
    request: &Request,
) -> Done {
    let entry = live(registrar, subject, which, request)?;
    if request.method == "DELETE" {
        refuse_permanent(request)?;
        let number = entry.source.version.version;
        registrar.delete(subject, Some(number)).await?;
        return Ok(json!(number));
    }
    Ok(Value::Object(show::confluent(&entry.source)))
}

async fn check(
    registrar: &Registrar,
    subject: SchemaSubject,
    which: Option<Which>,
    request: &Request,
) -> Done {
    let against = match which {
        Some(Which::Latest) => registrar.registry().latest(&subject).cloned().into_iter().collect(),
        Some(which) => vec![live(registrar, &subject, which, request)?],
        None => {
            let registry = registrar.registry();
            registry.of_subject(&subject).filter(|entry| entry.is_live()).cloned().collect()
        }
    };
    let found = registrar.check(given(subject, request)?, against).await?;
    let mut told = json!({ "is_compatible": found.is_empty() });
    if ask::says(request.query(), "verbose")
        && let Some(told) = told.as_object_mut()
    {
        let messages: Value = found.iter().map(|one| Value::from(one.to_string())).collect();
        told.insert("messages".to_owned(), messages);
    }
    Ok(told)
}

fn mode(request: &Request) -> Result<Mode, Error> {
    let word = ask::word(&request.body, "compatibility").unwrap_or_default();
    word.parse().map_err(|fault| Error(42203, format!("Invalid compatibility level: {fault}")))
}

async fn config(registrar: &Registrar, request: &Request) -> Done {
    if request.method == "PUT" {
        let mode = mode(request)?;
        registrar.set_mode(mode).await?;
        return Ok(json!({ "compatibility": mode.word() }));
    }
    Ok(json!({ "compatibilityLevel": registrar.settings().compatibility.word() }))
}

async fn subject_config(registrar: &Registrar, subject: &SchemaSubject, request: &Request) -> Done {
    let settings = registrar.settings();
    let own = settings.subjects.get(subject.as_str()).copied().unwrap_or_default();
    let before = own.compatibility;
    match request.method.as_str() {
        "PUT" => {
            let mode = mode(request)?;
            let own = SubjectSettings { compatibility: Some(mode), ..own };
            registrar.set(subject, own).await?;
            Ok(json!({ "compatibility": mode.word() }))
        }
        "DELETE" => {
            let before = before.ok_or_else(|| no_config(subject))?;
            registrar.set(subject, SubjectSettings { compatibility: None, ..own }).await?;
            Ok(json!({ "compatibilityLevel": before.word() }))
        }
        _ => {
            let global = ask::says(request.query(), "defaultToGlobal");
            let mode = before.or_else(|| global.then_some(settings.compatibility));
            let mode = mode.ok_or_else(|| no_config(subject))?;
            Ok(json!({ "compatibilityLevel": mode.word() }))
        }
    }
}

fn no_config(subject: &SchemaSubject) -> Error {
    let message =
        format!("Subject '{subject}' does not have subject-level compatibility configured");
    Error(40408, message)
}
