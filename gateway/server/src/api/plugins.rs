//! Which versions of plugins are in place, and what operators do to that.

use serde_json::{Map, Value, json};
use sluicegate_core::ids::PluginName;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;
use sluicegate_filters::{Breaker, Differences, Force, Plugin, SlotView, Standing};
use sluicegate_sources::http::{Request, Response};

use super::reply;
use super::table::BODY_BYTES_MAX;
use crate::plugins::{As, Held, Put, PutDone, VersionFault, Versions};
use crate::said::said;

/// A path of plugins, parsed.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    All,
    One(PluginName),
    Rollback(PluginName),
    Resume(PluginName),
    Promote(PluginName),
    Shadow(PluginName),
    Differences(PluginName),
}

impl Place {
    /// Reads the parts of a path after `v1/plugins`; `None` if there is nothing.
    pub(super) fn parse(parts: &[&str]) -> Option<Self> {
        let ([name] | [name, _]) = parts else { return parts.is_empty().then_some(Self::All) };
        let name = name.parse().ok()?;
        Some(match parts {
            [_] => Self::One(name),
            [_, "rollback"] => Self::Rollback(name),
            [_, "resume"] => Self::Resume(name),
            [_, "promote"] => Self::Promote(name),
            [_, "shadow"] => Self::Shadow(name),
            [_, "differences"] => Self::Differences(name),
            _ => return None,
        })
    }

    /// The methods that it has.
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::All | Self::Differences(_) => &["GET"],
            Self::One(_) => &["GET", "PUT"],
            Self::Shadow(_) => &["DELETE"],
            _ => &["POST"],
        }
    }

    /// How much may come with it.
    pub(super) fn body_bytes_max(&self) -> usize {
        match self {
            Self::One(_) => PLUGIN_BYTES_MAX,
            _ => BODY_BYTES_MAX,
        }
    }
}

/// Answers what is asked at a path of plugins.
pub(super) async fn answer(
    versions: &std::sync::Arc<Versions>,
    place: Place,
    request: &Request,
) -> Response {
    let (name, done) = match place {
        Place::All => {
            let all: Vec<Value> =
                versions.all().map(|held| listed(held, &held.slot.view())).collect();
            return reply::json(&json!({ "plugins": all }));
        }
        Place::One(name) if request.method == "PUT" => return put(versions, &name, request).await,
        Place::One(name) => return show(versions, &name),
        Place::Differences(name) => return differences(versions, &name),
        Place::Shadow(name) => {
            let done = versions.end_shadow(&name).await;
            return done.map_or_else(|fault| refuse(&fault), |()| Response::new(204));
        }
        Place::Rollback(name) => {
            let done = versions.roll_back(&name).await;
            (name, done)
        }
        Place::Resume(name) => {
            let done = versions.resume(&name).await;
            (name, done)
        }
        Place::Promote(name) => {
            let done = versions.promote(&name).await;
            (name, done)
        }
    };
    done.map_or_else(|fault| refuse(&fault), |()| show(versions, &name))
}

/// `PUT /v1/plugins/{name}`: the body is the file. 201, or 200 if that version decides already.
async fn put(
    versions: &std::sync::Arc<Versions>,
    name: &PluginName,
    request: &Request,
) -> Response {
    let media_type = request.headers.first("content-type").unwrap_or_default();
    if !media_type.eq_ignore_ascii_case("application/wasm") {
        return reply::problem(415, "media_type_unsupported", "the body is application/wasm");
    }
    let put = match query(request.query()) {
        Ok(put) => put,
        Err(reply) => return reply,
    };
    match versions.put(name, request.body.clone(), put).await {
        Ok(PutDone::Placed) => Response { status: 201, ..show(versions, name) },
        Ok(PutDone::Unchanged) => show(versions, name),
        Err(fault) => refuse(&fault),
    }
}

fn query(text: &str) -> Result<Put, Response> {
    let mut put = Put { sha256: None, to_be: As::Current, force: Force::No };
    let invalid = |why: &str| reply::problem(422, "request_invalid", why);
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("sha256", digest) => {
                let digest = digest.parse().map_err(|_| invalid("sha256 is 64 hex digits"))?;
                put.sha256 = Some(digest);
            }
            ("shadow", "true") => put.to_be = As::Shadow,
            ("force", "true") => put.force = Force::Forgive,
            ("shadow" | "force", "false") => {}
            _ => return Err(invalid("the query has sha256, shadow=true and force=true")),
        }
    }
    Ok(put)
}

/// `GET /v1/plugins/{name}`.
fn show(versions: &Versions, name: &PluginName) -> Response {
    let held = match versions.get(name) {
        Ok(held) => held,
        Err(fault) => return refuse(&fault),
    };
    let view = held.slot.view();
    let mut shown = listed(held, &view);
    if let Some(shown) = shown.as_object_mut() {
        let quarantined: Vec<_> = view.quarantined.iter().map(ToString::to_string).collect();
        shown.insert("quarantined".into(), quarantined.into());
        shown.insert("breaker".into(), held.slot.breaker().map_or("off".into(), breaker));
        let numbers = [
            ("current", Some(&view.current)),
            ("previous", view.previous.as_ref()),
            ("shadow", view.shadow.as_ref()),
        ];
        let numbers = numbers
            .into_iter()
            .filter_map(|(place, plugin)| Some((place.to_owned(), numbers_of(plugin?))));
        shown.insert("numbers".into(), Value::Object(numbers.collect()));
    }
    reply::json(&shown)
}

/// A plugin in a list.
fn listed(held: &Held, view: &SlotView) -> Value {
    let digest = |plugin: &Plugin| plugin.digest().to_string();
    let why = match &view.standing {
        Standing::Paused(why) => Some(why),
        Standing::Running | Standing::Open => None,
    };
    json!({
        "name": held.slot.name().as_str(),
        "standing": view.standing.word(),
        "why": why,
        "current": digest(&view.current),
        "previous": view.previous.as_ref().map(digest),
        "shadow": view.shadow.as_ref().map(digest),
        "configured": held.configured.to_string(),
        "swaps": view.swaps,
        "rollbacks": view.rollbacks,
        "differences": view.differences.as_ref().map(|all| all.different),
    })
}

fn breaker(breaker: Breaker) -> Value {
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "failures": breaker.failures, "within_ms": ms(breaker.within),
        "retry_ms": ms(breaker.retry),
    })
}

fn numbers_of(plugin: &Plugin) -> Value {
    let numbers = plugin.metrics();
    let decisions: Map<_, _> =
        numbers.decisions.iter().map(|(code, count)| ((*code).into(), (*count).into())).collect();
    let failures: Map<_, _> = numbers
        .failures
        .iter()
        .map(|(cause, count)| (cause.code().into(), (*count).into()))
        .collect();
    json!({
        "calls": numbers.calls,
        "call_ns_mean": numbers.call_time_ns.sum.checked_div(numbers.calls).unwrap_or(0),
        "decisions": decisions,
        "failures": failures,
        "instances": numbers.instances,
        "instances_made": numbers.starts,
        "recycled": numbers.recycled,
        "retries": numbers.retries,
        "memory_bytes_max": numbers.memory_bytes_max,
        "log_lines_dropped": numbers.log_lines_dropped,
    })
}

/// `GET /v1/plugins/{name}/differences`: what came of the shadow.
fn differences(versions: &Versions, name: &PluginName) -> Response {
    let held = match versions.get(name) {
        Ok(held) => held,
        Err(fault) => return refuse(&fault),
    };
    match held.slot.view().differences {
        Some(differences) => reply::json(&differences_json(&differences)),
        None => refuse(&VersionFault::Slot(sluicegate_filters::SlotFault::NoShadow)),
    }
}

fn differences_json(all: &Differences) -> Value {
    let pair = |(pair, count): (&(&str, &str), &u64)| -> Value {
        json!({ "current": pair.0, "shadow": pair.1, "count": count })
    };
    let one = |one: &sluicegate_filters::Difference| {
        json!({
            "id": one.event.to_string(), "type": one.kind, "differs": one.differs.word(),
            "current": said(&one.current), "shadow": said(&one.shadow),
        })
    };
    json!({
        "compared": all.compared,
        "different": all.different,
        "dropped": all.dropped,
        "pairs": all.pairs.iter().map(pair).collect::<Vec<_>>(),
        "last": all.last.iter().map(one).collect::<Vec<_>>(),
    })
}

fn refuse(fault: &VersionFault) -> Response {
    let status = match fault {
        VersionFault::NoPlugin => 404,
        VersionFault::Digest { .. } | VersionFault::Load(_) => 422,
        VersionFault::Slot(_) => 409,
        VersionFault::File(_) => 503,
    };
    reply::problem(status, fault.code(), &fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_says_what_the_version_is_to_be() {
        let put = query("").unwrap();
        assert_eq!((put.sha256, put.to_be, put.force), (None, As::Current, Force::No));
        let text = format!("sha256={}&shadow=true&force=true", "ab".repeat(32));
        let put = query(&text).unwrap();
        assert_eq!((put.to_be, put.force), (As::Shadow, Force::Forgive));
        assert!(put.sha256.is_some());
        for bad in ["sha256=1", "shadow", "force=yes", "x=1"] {
            assert_eq!(query(bad).unwrap_err().status, 422, "{bad}");
        }
    }

    #[test]
    fn paths_are_those_of_the_agreed_api() {
        let name = || "router".parse().unwrap();
        for (parts, place) in [
            (&[][..], Some(Place::All)),
            (&["router"][..], Some(Place::One(name()))),
            (&["router", "promote"][..], Some(Place::Promote(name()))),
            (&["router", "differences"][..], Some(Place::Differences(name()))),
            (&["router", "explode"][..], None),
            (&["no/name"][..], None),
        ] {
            assert_eq!(Place::parse(parts), place, "{parts:?}");
        }
    }
}
