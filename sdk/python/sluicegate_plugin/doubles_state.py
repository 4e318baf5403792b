"""State in memory, for unit tests. It answers as the gateway does, which `state.cases` beside the
SDKs shows of both."""

import re
from typing import NamedTuple

from .doubles import clock
from .generated.componentize_py_types import Err
from .generated.state import Error_QuotaExceeded, Error_TooLarge, Error_Unavailable

_KEY_BYTES_MAX = 512


class Grant(NamedTuple):
    """How much there may be; without anything, what `state: {}` grants."""

    keys_max: int = 10_000
    bytes_max: int = 16 * 1024 * 1024
    value_bytes_max: int = 64 * 1024


class _Entry(NamedTuple):
    value: bytes
    until: float


class Store:
    """What is remembered, and how much may be."""

    def __init__(self) -> None:
        self.grant = Grant()
        self.entries: dict[str, _Entry] = {}


store = Store()


class state:
    @staticmethod
    def get(key: str) -> bytes | None:
        entry = _look(key)
        return None if entry is None else entry.value

    @staticmethod
    def set(key: str, value: bytes, ttl_ms: int | None) -> None:
        _look(key)
        _put(key, _Entry(bytes(value), _until(ttl_ms)))

    @staticmethod
    def set_if_absent(key: str, value: bytes, ttl_ms: int | None) -> bool:
        is_absent = _look(key) is None
        if is_absent:
            state.set(key, value, ttl_ms)
        return is_absent

    @staticmethod
    def delete(key: str) -> None:
        _look(key)
        store.entries.pop(key, None)

    @staticmethod
    def increment(key: str, delta: int, ttl_ms: int | None) -> int:
        before = _look(key)
        total = (0 if before is None else _number(before.value)) + delta
        if not _is_s64(total):
            raise Err(Error_Unavailable("the sum is too large"))
        until = before.until if before and ttl_ms is None else _until(ttl_ms)
        _put(key, _Entry(str(total).encode(), until))
        return total


def _look(key: str) -> _Entry | None:
    """The entry of a key that is there; raises if no key can be this one."""
    if not 0 < len(key.encode()) <= _KEY_BYTES_MAX:
        raise Err(Error_TooLarge())
    now = clock.now_ns()
    store.entries = {name: entry for name, entry in store.entries.items() if entry.until > now}
    return store.entries.get(key)


def _put(key: str, entry: _Entry) -> None:
    if len(entry.value) > store.grant.value_bytes_max:
        raise Err(Error_TooLarge())
    after = {**store.entries, key: entry}
    # What does not grow is always taken.
    if len(after) > max(len(store.entries), store.grant.keys_max):
        raise Err(Error_QuotaExceeded())
    if _bytes(after) > max(_bytes(store.entries), store.grant.bytes_max):
        raise Err(Error_QuotaExceeded())
    store.entries = after


def _bytes(entries: dict[str, _Entry]) -> int:
    return sum(len(name.encode()) + len(entry.value) for name, entry in entries.items())


def _number(value: bytes) -> int:
    # Zeros apart, because `int` refuses thousands of digits.
    parts = re.fullmatch(rb"([+-]?)0*([0-9]{1,19})", value)
    if parts is None or not _is_s64(int(parts[1] + parts[2])):
        raise Err(Error_Unavailable("the value is not a number"))
    return int(parts[1] + parts[2])


def _is_s64(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _until(ttl_ms: int | None) -> float:
    return float("inf") if ttl_ms is None else clock.now_ns() + ttl_ms * 1_000_000
