"""State that the gateway keeps for the plugin, written with the event's commit. It needs
`imports: [ state ]` in the plugin's plugin.yaml, and must be granted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .contract import Err

if TYPE_CHECKING:
    from .generated import state as _host
else:
    try:
        from wit_world.imports import state as _host
    except ImportError:
        import sys

        if "wit_world" in sys.modules:
            raise ImportError('state: plugin.yaml needs imports: [ state ]')
        from .doubles_state import state as _host

_T = TypeVar("_T")


class StateError(Exception):
    """`code` is "quota-exceeded", "too-large" or "unavailable"."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(f"state: {code}: {reason}" if reason else f"state: {code}")
        self.code = code


def get(key: str) -> bytes | None:
    """The value of a key; None if there is none."""
    return _ask(lambda: _host.get(key))


def set(key: str, value: bytes, ttl_ms: int | None = None) -> None:
    """Sets a key, for good or for so long."""
    _ask(lambda: _host.set(key, value, ttl_ms))


def set_if_absent(key: str, value: bytes, ttl_ms: int | None = None) -> bool:
    """Sets a key unless it has a value; whether it did."""
    return _ask(lambda: _host.set_if_absent(key, value, ttl_ms))


def delete(key: str) -> None:
    """Forgets a key."""
    _ask(lambda: _host.delete(key))


def increment(key: str, delta: int = 1, ttl_ms: int | None = None) -> int:
    """Adds to the number under a key, which begins at 0; the sum."""
    return _ask(lambda: _host.increment(key, delta, ttl_ms))


def _ask(question: Callable[[], _T]) -> _T:
    try:
        return question()
    except Err as error:
        case = type(error.value).__name__.removeprefix("Error_")
        code = "".join(f"-{c.lower()}" if c.isupper() else c for c in case).removeprefix("-")
        raise StateError(code, getattr(error.value, "value", "")) from None
