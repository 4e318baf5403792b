"""The gateway's imports in memory, for unit tests. `testing` looks into them."""

import time

from .generated.log import Level as _Level


class Memory:
    """What was logged, measured and stored, and where the clock stands (None: it runs)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, str]]] = []
        self.series: dict[str, list[float]] = {}
        self.values: dict[str, tuple[bytes, float]] = {}
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


class state:
    @staticmethod
    def get(key: str) -> bytes | None:
        entry = state._live(key)
        return None if entry is None else entry[0]

    @staticmethod
    def set(key: str, value: bytes, ttl_ms: int | None) -> None:
        memory.values[key] = (value, state._until(ttl_ms))

    @staticmethod
    def set_if_absent(key: str, value: bytes, ttl_ms: int | None) -> bool:
        is_absent = state._live(key) is None
        if is_absent:
            state.set(key, value, ttl_ms)
        return is_absent

    @staticmethod
    def delete(key: str) -> None:
        memory.values.pop(key, None)

    @staticmethod
    def increment(key: str, delta: int, ttl_ms: int | None) -> int:
        before = state._live(key)
        total = (0 if before is None else int(before[0])) + delta
        until = before[1] if before and ttl_ms is None else state._until(ttl_ms)
        memory.values[key] = (str(total).encode(), until)
        return total

    @staticmethod
    def _live(key: str) -> tuple[bytes, float] | None:
        entry = memory.values.get(key)
        return entry if entry is not None and entry[1] > clock.now_ns() else None

    @staticmethod
    def _until(ttl_ms: int | None) -> float:
        return float("inf") if ttl_ms is None else clock.now_ns() + ttl_ms * 1_000_000
