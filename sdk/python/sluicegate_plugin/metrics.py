"""Counters and histograms that the gateway shows beside its own. Make them while configuring."""

from .contract import metrics as _host


class Counter:
    """A number that only grows; all instances of a plugin share it."""

    def __init__(self, name: str, **labels: str) -> None:
        self._id = _host.counter(name, list(labels.items()))

    def add(self, delta: int = 1) -> None:
        if not isinstance(delta, int) or delta < 0:
            raise ValueError(f"a counter only grows, by whole numbers, not by {delta!r}")
        _host.add(self._id, delta)


class Histogram:
    """A distribution; all instances of a plugin share it."""

    def __init__(self, name: str, **labels: str) -> None:
        self._id = _host.histogram(name, list(labels.items()))

    def observe(self, value: float) -> None:
        _host.observe(self._id, float(value))
