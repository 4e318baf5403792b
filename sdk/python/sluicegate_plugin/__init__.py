"""Write Sluicegate filters in Python: `plugin`, the decisions, and what the sandbox offers."""

from . import clock, json_text, log, metrics
from .decision import (
    NEXT,
    Decision,
    Output,
    RejectCode,
    dead_letter,
    drop,
    emit,
    reject,
    route,
)
from .event import Event
from .failure import RetryAfter
from .plugin import Subscription, plugin

__all__ = [
    "NEXT",
    "Decision",
    "Event",
    "Output",
    "RejectCode",
    "RetryAfter",
    "Subscription",
    "clock",
    "dead_letter",
    "drop",
    "emit",
    "json_text",
    "log",
    "metrics",
    "plugin",
    "reject",
    "route",
]
