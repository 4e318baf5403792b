"""What a filter reads from an event. Nothing is decoded before it is asked for."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from .contract import types

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Event:
    """One event, as the subscription asked for it."""

    __slots__ = ("_has_payload", "_raw")

    def __init__(self, raw: types.Event, has_payload: bool) -> None:
        self._raw = raw
        self._has_payload = has_payload

    @property
    def id(self) -> str:
        return self._raw.id

    @property
    def source(self) -> str:
        return self._raw.source

    @property
    def type(self) -> str:
        return self._raw.type

    @property
    def time_ns(self) -> int:
        """When it happened, in nanoseconds since 1970."""
        return self._raw.time

    @property
    def time(self) -> datetime:
        """When it happened, to the microsecond, in UTC."""
        return _EPOCH + timedelta(microseconds=self._raw.time // 1000)

    @property
    def content_type(self) -> str:
        """The media type; "" if it is not known."""
        return self._raw.content_type

    @property
    def attributes(self) -> list[tuple[str, str]]:
        """The attributes that the subscription asked for."""
        return self._raw.attributes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that the subscription asked for, names in lower case."""
        return self._raw.headers

    def attribute(self, name: str) -> str | None:
        """The value of an attribute; None if it is not there or was not asked for."""
        return _first(self._raw.attributes, name)

    def header(self, name: str) -> str | None:
        """The first value of a header; None if it is not there or was not asked for."""
        return _first(self._raw.headers, name)

    def header_values(self, name: str) -> list[str]:
        """All values of a header, in order."""
        lower = name.lower()
        return [value for other, value in self._raw.headers if other == lower]

    @property
    def is_empty(self) -> bool:
        """Whether the payload has no bytes."""
        return not self._payload().value

    def text(self) -> str:
        """The payload as text."""
        data = self._payload()
        if not isinstance(data, types.Data_Text):
            raise ValueError("the payload is not text")
        return data.value

    def bytes(self) -> bytes:
        """The payload as bytes."""
        data = self._payload()
        return data.value.encode() if isinstance(data, types.Data_Text) else data.value

    def json(self) -> Any:
        """The payload as `json.loads` reads it. To change a payload use `json_text.replace`, which
        leaves every other byte as it is."""
        text = self.text()
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"the payload is not JSON: {error}") from error

    def _payload(self) -> types.Data:
        if not self._has_payload:
            raise ValueError('the payload was not asked for: the subscription says data="none"')
        return self._raw.data


def _first(fields: list[tuple[str, str]], name: str) -> str | None:
    lower = name.lower()
    return next((value for other, value in fields if other == lower), None)
