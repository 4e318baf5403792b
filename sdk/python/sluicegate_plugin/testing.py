"""For unit tests of filters: a configured filter that is asked about events, and the gateway's log,
metrics, clock and state in memory. Not for use inside a component."""

import json
from collections.abc import Mapping
from typing import Any

from .contract import Err, types
from .decision import Decision
from .doubles import memory
from .doubles_state import Grant, store
from .plugin import made_of

Fields = Mapping[str, str | list[str]]


class Refused(Exception):
    """The filter refused its configuration."""


class Failed(Exception):
    """The filter failed. `retry_after_ms` is None unless it asked for the event again."""

    def __init__(self, failure: types.Failure) -> None:
        is_retry = isinstance(failure, types.Failure_RetryAfter)
        super().__init__("retry after" if is_retry else failure.value)
        self.retry_after_ms = failure.value if is_retry else None


class Configured:
    """A configured filter."""

    def __init__(self, target: object, config: Any = None) -> None:
        self._plugin = made_of(target)
        try:
            self.subscription = self._plugin.configure(json.dumps({} if config is None else config))
        except Err as error:
            raise Refused(error.value) from None

    def decide(
        self,
        *,
        type: str = "test",
        id: str = "018bcfe5-6800-7000-8000-000000000007",
        source: str = "test",
        time_ns: int = 1_700_000_000_000_000_000,
        content_type: str = "application/json",
        attributes: Fields | None = None,
        headers: Fields | None = None,
        text: str = "",
        data: bytes | None = None,
        json: Any = None,
    ) -> Decision:
        """The decision about an event, of which the filter sees what it subscribed to. A failure is
        raised as `Failed`."""
        event = types.Event(
            id,
            source,
            type,
            time_ns,
            content_type,
            _picked(attributes or {}, self.subscription.attributes),
            _picked(headers or {}, self.subscription.headers),
            _data(self.subscription.data, text, data, json),
        )
        try:
            return self._plugin.filter(event)
        except Err as error:
            raise Failed(error.value) from None


def logged() -> list[tuple[str, str, dict[str, str]]]:
    """The lines that were logged: level, message, fields."""
    return memory.lines


def measured(series: str) -> list[float]:
    """What was added to or observed in a series, such as "dropped" or "dropped reason=spam"."""
    return memory.series.get(series, [])


def stop_clock(now_ns: int | None) -> None:
    """Stops the clock at this time; None lets it run."""
    memory.now_ns = now_ns


def grant_state(grant: Grant) -> None:
    """Changes how much state there may be, as `state` of a plugin does in the configuration."""
    store.grant = grant


def reset() -> None:
    """Forgets lines, series, state with its grant, and a stopped clock."""
    memory.__init__()  # type: ignore[misc]
    store.__init__()  # type: ignore[misc]


def _picked(fields: Fields, wanted: list[str]) -> list[tuple[str, str]]:
    names = [name.lower() for name in wanted]
    return [
        (name.lower(), one)
        for name, value in fields.items()
        if "*" in names or name.lower() in names
        for one in (value if isinstance(value, list) else [value])
    ]


def _data(mode: types.DataMode, text: str, data: bytes | None, value: Any) -> types.Data:
    if mode is types.DataMode.NONE:
        return types.Data_Binary(b"")
    if data is not None:
        return types.Data_Binary(data)
    whole = text if value is None else json.dumps(value)
    is_binary = mode is types.DataMode.BINARY
    return types.Data_Binary(whole.encode()) if is_binary else types.Data_Text(whole)
