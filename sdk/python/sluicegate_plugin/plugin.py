"""How a function or a class becomes a plugin: the two functions of the contract around it."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .contract import Err, types
from .decision import Decision, checked
from .event import Event
from .failure import failure_of, message_of


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What a filter wants to see: patterns of types (none: every type), names of attributes and
    headers (`*`: all), and the payload: as text where it is UTF-8, as bytes, or not at all."""

    types: Iterable[str] = ()
    attributes: Iterable[str] = ()
    headers: Iterable[str] = ()
    data: Literal["none", "auto", "binary"] = "auto"


class Filter(Protocol):
    """A configured filter."""

    subscription: Subscription

    def filter(self, event: Event) -> Decision: ...


class Plugin:
    """One instance of a plugin, as the gateway calls it."""

    def __init__(self, make: Callable[[dict[str, Any]], Filter]) -> None:
        self._make = make
        self._filter: Filter | None = None
        self._has_payload = False

    def configure(self, config: str) -> types.Subscription:
        """What the filter wants to see; what it raises refuses the configuration."""
        try:
            made = self._make(_config_of(config))
            subscription = _subscription_of(made)
        except BaseException as raised:
            raise Err(message_of(raised)) from None
        self._filter = made
        self._has_payload = subscription.data is not types.DataMode.NONE
        return subscription

    def filter(self, event: types.Event) -> Decision:
        """Its decision; what it raises is a failure."""
        try:
            if self._filter is None:
                raise ValueError("not configured")
            return checked(self._filter.filter(Event(event, self._has_payload)))
        except BaseException as raised:
            raise Err(failure_of(raised)) from None


def plugin(target: Any = None, /, **subscription: Any) -> Any:
    """Makes a plugin of a function, with its subscription as keywords, or of a class that takes the
    configuration and has `subscription` and `filter(event)`. Say it once in a component."""
    if isinstance(target, type):
        if subscription:
            raise TypeError("plugin: a class says its subscription itself, as self.subscription")
        return _register(target, target)
    wanted = Subscription(**subscription)
    if target is not None:
        return _register(target, lambda config: _Function(config, target, wanted))
    return lambda function: _register(function, lambda config: _Function(config, function, wanted))


def made_of(target: object) -> Plugin:
    """A new instance of the plugin that was made of this function or class."""
    for known, make in _registered:
        if known is target:
            return Plugin(make)
    raise TypeError(f"{target!r} is not a plugin: put @plugin before it")


def only() -> Plugin:
    """A new instance of the one plugin that there is."""
    if len(_registered) != 1:
        names = ", ".join(target.__name__ for target, _ in _registered) or "none"
        raise TypeError(f"filter.py must have one @plugin; it has: {names}")
    return Plugin(_registered[0][1])


class _Function:
    """A function as a filter without a configuration."""

    def __init__(
        self, config: dict[str, Any], function: Callable[[Event], Decision], wanted: Subscription
    ) -> None:
        for name in config:
            message = f"config: {name} is unknown: this plugin takes no configuration"
            raise ValueError(message)
        self.subscription = wanted
        self.filter = function


_registered: list[tuple[Any, Callable[[dict[str, Any]], Any]]] = []


def _register(target: Any, make: Callable[[dict[str, Any]], Any]) -> Any:
    _registered.append((target, make))
    return target


def _config_of(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ValueError(f"config: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise ValueError("config: it is not an object")
    return config


def _subscription_of(made: Filter) -> types.Subscription:
    wanted = getattr(made, "subscription", None)
    if not isinstance(wanted, Subscription) or not callable(getattr(made, "filter", None)):
        raise TypeError("plugin: self.subscription and filter(self, event) are needed")
    if wanted.data not in _DATA_MODES:
        raise ValueError(f"plugin: data must be one of none, auto, binary, not {wanted.data!r}")
    return types.Subscription(
        types=_texts("types", wanted.types),
        attributes=_texts("attributes", wanted.attributes),
        headers=_texts("headers", wanted.headers),
        data=_DATA_MODES[wanted.data],
    )


def _texts(name: str, texts: Iterable[str]) -> list[str]:
    made = [] if isinstance(texts, str) else list(texts)
    if isinstance(texts, str) or not all(isinstance(text, str) for text in made):
        raise TypeError(f"plugin: {name} must be a list of texts")
    return made


_DATA_MODES = {mode.name.lower(): mode for mode in types.DataMode}
