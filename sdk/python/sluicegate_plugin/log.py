"""Lines in the gateway's log, marked there with the plugin, its digest and the event. Fields are
keywords: `log.warn("odd size", bytes=5)`."""

from typing import Literal

from .contract import log as _host
from .failure import well_formed

Level = Literal["trace", "debug", "info", "warn", "error"]


def enabled(level: Level) -> bool:
    """Whether lines of this level are written at all: ask before making an expensive one."""
    return _host.enabled(_LEVELS[level])


def trace(message: str, **fields: object) -> None:
    _write("trace", message, fields)


def debug(message: str, **fields: object) -> None:
    _write("debug", message, fields)


def info(message: str, **fields: object) -> None:
    _write("info", message, fields)


def warn(message: str, **fields: object) -> None:
    _write("warn", message, fields)


def error(message: str, **fields: object) -> None:
    _write("error", message, fields)


def _write(level: Level, message: str, fields: dict[str, object]) -> None:
    pairs = [(name, well_formed(str(value))) for name, value in fields.items()]
    _host.write(_LEVELS[level], well_formed(message), pairs)


_LEVELS = {level.name.lower(): level for level in _host.Level}
