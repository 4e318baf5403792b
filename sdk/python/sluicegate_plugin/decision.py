"""The decisions, as constructors. They check what they are given, so that a mistake is named where
it is made and not by the gateway."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .contract import types
from .failure import well_formed

Decision = types.Decision

RejectCode = Literal[
    "invalid", "unauthenticated", "forbidden", "too-large", "rate-limited", "unavailable"
]

NEXT: Decision = types.Decision_Next()
"""No opinion: the next filter, or the route's queues."""


def drop(reason: str) -> Decision:
    """Accept the event and discard it; the reason is logged."""
    return types.Decision_Drop(_text("drop: the reason", reason))


def route(*queues: str) -> Decision:
    """The event as it is, to these queues."""
    return types.Decision_Route(_names("route: the queues", queues))


def emit(*outputs: "Output") -> Decision:
    """One new event for each output. What an output does not set is inherited."""
    if not outputs:
        raise TypeError("emit: at least one output is needed; to let the event go, say drop")
    return types.Decision_Emit([_output(output) for output in outputs])


def reject(code: RejectCode, reason: str) -> Decision:
    """Tell the producer no."""
    if code not in _REJECT_CODES:
        known = ", ".join(_REJECT_CODES)
        raise ValueError(f"reject: the code must be one of {known}, not {code!r}")
    said = types.Rejection(_REJECT_CODES[code], _text("reject: the reason", reason))
    return types.Decision_Reject(said)


def dead_letter(reason: str) -> Decision:
    """To the dead-letter queue."""
    return types.Decision_DeadLetter(_text("dead_letter: the reason", reason))


@dataclass(frozen=True, kw_only=True)
class Output:
    """A new event. Without `queues` it continues down the route. At most one payload: `text`,
    `data` (bytes) or `json` (a value). A header that comes several times is a list of texts."""

    queues: Iterable[str] = ()
    type: str | None = None
    content_type: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    remove: Iterable[str] = ()
    text: str | None = None
    data: bytes | None = None
    json: Any = None


def checked(returned: object) -> Decision:
    """What a filter returned, if it is a decision."""
    if isinstance(returned, _DECISIONS):
        return returned
    raise TypeError(f"a filter must return a decision such as NEXT, not {returned!r:.100}")


def _output(output: Output) -> types.Output:
    if not isinstance(output, Output):
        raise TypeError(f"emit: an output must be an Output, not {output!r:.100}")
    return types.Output(
        queues=_names("emit: queues", output.queues),
        type=None if output.type is None else _text("emit: type", output.type),
        content_type=(
            None if output.content_type is None
            else _text("emit: content_type", output.content_type)
        ),
        set_attributes=_fields("emit: attributes", output.attributes),
        set_headers=_fields("emit: headers", output.headers),
        remove=_names("emit: remove", output.remove),
        data=_payload(output),
    )


def _payload(output: Output) -> types.Data | None:
    given = [name for name in ("text", "data", "json") if getattr(output, name) is not None]
    if len(given) > 1:
        raise TypeError(f"emit: an output has one payload, not both {' and '.join(given)}")
    if output.text is not None:
        return types.Data_Text(_text("emit: text", output.text))
    if output.json is not None:
        return types.Data_Text(_text("emit: json", json.dumps(output.json, ensure_ascii=False)))
    if output.data is None:
        return None
    if not isinstance(output.data, bytes):
        raise TypeError(f"emit: data must be bytes, not {type(output.data).__name__}")
    return types.Data_Binary(output.data)


def _fields(what: str, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            pairs.append((_text(what, name), _text(f"{what}: {name}", one)))
    return pairs


def _names(what: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise TypeError(f"{what} must be a list of texts, not a text")
    return [_text(what, name) for name in names]


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} must be text, not {type(value).__name__}")
    return well_formed(value)


_DECISIONS = (
    types.Decision_Next,
    types.Decision_Drop,
    types.Decision_Route,
    types.Decision_Emit,
    types.Decision_Reject,
    types.Decision_DeadLetter,
)

_REJECT_CODES = {code.name.lower().replace("_", "-"): code for code in types.RejectCode}
