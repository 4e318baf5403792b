"""Discards events that carry a header. It never sees the payload."""

from sluicegate_plugin import NEXT, Decision, Event, Subscription, drop, plugin


@plugin
class DropByHeader:
    def __init__(self, config: dict) -> None:
        for name, value in config.items():
            if name not in _RIGHT or not _RIGHT[name](value):
                raise ValueError(f"config: {name} is unknown or has a wrong value")
        if "header" not in config:
            raise ValueError("config: header is missing")
        self.header = config["header"].lower()
        self.values = config.get("values", [])
        self.reason = config.get("reason", f"marked by {self.header}")
        self.subscription = Subscription(headers=[self.header], data="none")

    def filter(self, event: Event) -> Decision:
        marks = event.header_values(self.header)
        is_wanted = any(not self.values or mark in self.values for mark in marks)
        return drop(self.reason) if is_wanted else NEXT


def _is_text(value: object) -> bool:
    return isinstance(value, str)


# Members that are not known are errors, so that a typing error is seen.
_RIGHT = {
    "header": lambda value: _is_text(value) and value not in ("", "*"),
    "values": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "reason": _is_text,
}
