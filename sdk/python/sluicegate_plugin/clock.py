"""What time it is, as the gateway says: a replay may pin it. `time.time()` asks it too."""

from .contract import clock as _host


def now_ns() -> int:
    """Nanoseconds since 1970."""
    return _host.now_ns()
