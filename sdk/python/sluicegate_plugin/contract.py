"""The contract: the gateway's own inside a component, doubles in memory everywhere else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .generated import clock, log, metrics, types
    from .generated.componentize_py_types import Err
else:
    try:
        from componentize_py_types import Err
        from wit_world.imports import clock, log, metrics, types
    except ImportError:
        from .doubles import clock, log, metrics
        from .generated import types
        from .generated.componentize_py_types import Err

__all__ = ["Err", "clock", "log", "metrics", "types"]
