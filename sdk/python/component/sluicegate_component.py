"""What `build` makes a component of: the author's filter.py under the contract's name.

It runs once, while the component is built; its memory afterwards is what every instance begins
with. There is no file to import from later, so whatever a filter needs is imported by now."""

import builtins
import gc
import sys
import time

import filter as _author  # noqa: F401
from sluicegate_plugin import clock, log
from sluicegate_plugin.plugin import only
from wit_world import exports

_plugin = only()


class Filter(exports.Filter):
    """The contract's two functions."""

    def configure(self, config):
        # The last one looks for files; those before it know the modules that are compiled in. Not
        # earlier: the tool imports a module of its own after this one.
        sys.meta_path[-1] = _NoMoreModules
        sys.stdout = _Lines(log.info)
        sys.stderr = _Lines(log.error)
        return _plugin.configure(config)

    def filter(self, event):
        return _plugin.filter(event)


class _Lines:
    """What is printed, as lines of the log: there is no standard output."""

    def __init__(self, write):
        self._write = write
        self._begun = ""

    def write(self, text):
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._write(line)
        return len(text)

    def flush(self):
        pass


class _NoMoreModules:
    """Says that a module is missing, where looking for its file would be a trap."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        raise ModuleNotFoundError(f"{name} must be imported at the top of filter.py", name=name)


def _no_files(*_args, **_kwargs):
    raise OSError("there are no files in the sandbox")


def _replace_traps():
    """What would ask WASI is a trap, which no filter can catch. `datetime.now` cannot be
    replaced."""
    builtins.open = _no_files
    for name in ("time", "monotonic", "perf_counter"):
        setattr(time, name, lambda: clock.now_ns() / 1e9)
        setattr(time, f"{name}_ns", clock.now_ns)


def _clear_free_memory():
    """Overwrites freed memory with zeros, which take no room in the component: 2 MB of 18."""
    gc.collect()
    for block_bytes, all_bytes in ((16 * 1024, 3 * 1024 * 1024), (600, 512 * 1024)):
        blocks = [bytes(block_bytes) for _ in range(all_bytes // block_bytes)]
        del blocks


_replace_traps()
_clear_free_memory()
