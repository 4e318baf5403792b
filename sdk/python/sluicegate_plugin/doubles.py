"""The gateway's imports in memory, for unit tests. `testing` looks into them; state is in
`doubles_state`."""

import time

from .generated.log import Level as _Level


class Memory:
    """What was logged and measured, and where the clock stands (None: it runs)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, str]]] = []
        self.series: dict[str, list[float]] = {}
        self.now_ns: int | None = None


memory = Memory()


class log:
    Level = _Level

    @staticmethod
    def enabled(level: _Level) -> bool:
        return True

    @staticmethod
    def write(level: _Level, message: str, fields: list[tuple[str, str]]) -> None:
        memory.lines.append((level.name.lower(), message, dict(fields)))


class metrics:
    @staticmethod
    def counter(name: str, labels: list[tuple[str, str]]) -> int:
        key = " ".join([name, *(f"{label}={value}" for label, value in labels)])
        memory.series.setdefault(key, [])
        return list(memory.series).index(key)

    histogram = counter

    @staticmethod
    def add(id: int, delta: float) -> None:
        list(memory.series.values())[id].append(delta)

    observe = add


class clock:
    @staticmethod
    def now_ns() -> int:
        return time.time_ns() if memory.now_ns is None else memory.now_ns
