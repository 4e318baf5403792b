"""Sends GitHub security alerts at or above a severity to queues of their own.

It reads the severity from the payload of `code_scanning_alert` and `dependabot_alert`; events of
other types never reach it."""

from sluicegate_plugin import NEXT, Decision, Event, Subscription, drop, json_text, plugin, route

# How bad an alert is. Code scanning rules that are not about security say note, warning and error.
RANKS = {
    "low": 1, "note": 1, "medium": 2, "moderate": 2, "warning": 2, "high": 3, "error": 3,
    "critical": 4,
}

# Where an alert says its own: code scanning first, then Dependabot.
PLACES = [
    ["alert", "rule", "security_severity_level"],
    ["alert", "rule", "severity"],
    ["alert", "security_advisory", "severity"],
    ["alert", "security_vulnerability", "severity"],
]


@plugin
class SeverityRouter:
    def __init__(self, config: dict) -> None:
        for name, value in config.items():
            if name not in _RIGHT or not _RIGHT[name](value):
                raise ValueError(f"config: {name} is unknown or has a wrong value")
        if "threshold" not in config:
            raise ValueError("config: threshold is missing (low, medium, high, critical)")
        if not config.get("queues"):
            raise ValueError("config: queues is missing or empty")
        self.threshold = RANKS[config["threshold"]]
        self.queues = config["queues"]
        self.drops = config.get("else") == "drop"
        self.subscription = Subscription(types=["code_scanning_alert*", "dependabot_alert*"])

    def filter(self, event: Event) -> Decision:
        if rank_of(event.text()) >= self.threshold:
            return route(*self.queues)
        return drop("below the severity threshold") if self.drops else NEXT


def rank_of(payload: str) -> int:
    """The first place that says a severity counts; an alert that says none is below all."""
    names = (json_text.string(raw) for raw in json_text.find(payload, PLACES))
    return next((RANKS[name] for name in names if name in RANKS), 0)


# Members that are not known are errors, so that a typing error is seen.
_RIGHT = {
    "threshold": lambda value: isinstance(value, str) and value in RANKS,
    "queues": lambda value: isinstance(value, list) and all(isinstance(q, str) for q in value),
    "else": lambda value: value in ("next", "drop"),
}
