//! Makes a new event out of an event and a filter's patch. What is not set is shared, not copied.

use sluicegate_core::decision::Output;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::ids::EventId;
use sluicegate_core::limits::{ATTRIBUTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX};

use crate::fault::Fault;

/// Says where an emitted event comes from.
pub(crate) struct Origin<'a> {
    /// The id of the event that was received.
    pub(crate) parent: EventId,
    /// The number of the emitted event among all that come from it.
    pub(crate) part: u16,
    /// The plugin and the first digits of its digest: `name@0123456789ab`.
    pub(crate) filter: &'a str,
}

/// The event that the patch makes of `input`.
pub(crate) fn patched(input: &Event, patch: Output, origin: &Origin<'_>) -> Result<Event, Fault> {
    let mut parts: Parts = Parts::clone(input);
    parts.id = origin.parent.part(origin.part);
    for name in &patch.remove {
        let name = name.to_ascii_lowercase();
        parts.attributes.remove(&name);
        parts.headers.remove(&name);
        if name == "subject" {
            parts.subject = None;
        }
    }
    // The old values go first and the new ones come after, so that a name may be set twice.
    for (name, _) in patch.set_headers.iter() {
        parts.headers.remove(name);
    }
    for (name, value) in patch.set_headers.iter() {
        parts.headers.push(name, value);
    }
    for (name, value) in patch.set_attributes.iter() {
        match name {
            "subject" => parts.subject = Some(value.to_owned()),
            _ => parts.attributes.set(name, value),
        }
    }
    parts.attributes.set("sgparent", &origin.parent.to_string());
    parts.attributes.set("sgfilter", origin.filter);
    parts.kind = patch.kind.unwrap_or(parts.kind);
    parts.content_type = patch.content_type.unwrap_or(parts.content_type);
    parts.payload = patch.payload.unwrap_or(parts.payload);
    within_bounds(&parts)?;
    Ok(Event::new(parts))
}

fn within_bounds(parts: &Parts) -> Result<(), Fault> {
    let fits = parts.attributes.len() <= ATTRIBUTES_MAX
        && parts.attributes.text_len() <= HEADER_BYTES_MAX
        && parts.headers.len() <= HEADERS_MAX
        && parts.headers.text_len() <= HEADER_BYTES_MAX;
    if fits {
        Ok(())
    } else {
        Err(Fault::bad("the event that it emits has more attributes or headers than it may have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sluicegate_core::fields::Fields;
    use sluicegate_core::time::Timestamp;

    fn input() -> Event {
        let headers = [("x-a", "1"), ("x-b", "2"), ("x-a", "3")].into_iter().collect();
        Event::new(Parts {
            id: EventId::new(Timestamp::from_unix_ms(1), 7),
            source: "github".parse().unwrap(),
            kind: "push".into(),
            subject: Some("main".into()),
            time: None,
            received_at: Timestamp::from_unix_ms(1),
            content_type: "application/json".into(),
            attributes: [("env", "prod")].into_iter().collect(),
            headers,
            payload: Bytes::from_static(b"{}"),
        })
    }

    fn origin(event: &Event) -> Origin<'static> {
        Origin { parent: event.id, part: 3, filter: "f@0123456789ab" }
    }

    #[test]
    fn what_a_patch_does_not_set_is_inherited_without_copying_the_payload() {
        let input = input();
        let made = patched(&input, Output::default(), &origin(&input)).unwrap();
        assert_eq!(made.id, input.id.part(3));
        assert_eq!(made.payload.as_ptr(), input.payload.as_ptr());
        assert_eq!((&made.kind, &made.subject), (&input.kind, &input.subject));
        assert_eq!(made.headers, input.headers);
        assert_eq!(made.attributes.first("env"), Some("prod"));
        assert_eq!(made.attributes.first("sgparent"), Some(input.id.to_string().as_str()));
        assert_eq!(made.attributes.first("sgfilter"), Some("f@0123456789ab"));
    }

    #[test]
    fn a_patch_sets_removes_and_replaces() {
        let input = input();
        let patch = Output {
            kind: Some("pushed".into()),
            set_attributes: [("subject", "dev"), ("tier", "1")].into_iter().collect(),
            set_headers: [("x-a", "4"), ("x-a", "5")].into_iter().collect(),
            remove: vec!["X-B".into(), "env".into()],
            payload: Some(Bytes::from_static(b"[]")),
            ..Output::default()
        };
        let made = patched(&input, patch, &origin(&input)).unwrap();
        assert_eq!(made.headers.iter().collect::<Vec<_>>(), [("x-a", "4"), ("x-a", "5")]);
        assert_eq!((made.kind.as_str(), made.subject.as_deref()), ("pushed", Some("dev")));
        assert_eq!(made.attributes.first("env"), None);
        assert_eq!(made.payload, Bytes::from_static(b"[]"));
    }

    #[test]
    fn an_event_does_not_grow_past_its_bounds_patch_by_patch() {
        let mut input = input();
        let names: Vec<_> = (0..ATTRIBUTES_MAX - 1).map(|n| format!("a{n}")).collect();
        input.parts_mut().attributes = names.iter().map(|n| (n.as_str(), "v")).collect();
        assert!(patched(&input, Output::default(), &origin(&input)).is_err());
        input.parts_mut().attributes = Fields::new();
        assert!(patched(&input, Output::default(), &origin(&input)).is_ok());
    }
}
