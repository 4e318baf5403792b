"""JSON payloads by their text: values are found or replaced in it, and every other byte stays as it
is. Parsing and serialising again would change large numbers, spaces and doubled members."""

import json
import re
from collections.abc import Iterable, Sequence

from .failure import well_formed
from .reader import DEPTH_MAX, JsonError, Reader

__all__ = ["DEPTH_MAX", "JsonError", "Reader", "find", "lower", "replace", "steps", "string"]

_INDEX = re.compile(r"\+?0*([0-9]{1,18})")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def replace(
    text: str, *, pointers: Iterable[str] = (), keys: Iterable[str] = (), mask: str = '"***"'
) -> str | None:
    """The text with the values at `pointers` and under `keys` replaced; None if there are none.

    `pointers` are JSON Pointers (RFC 6901), in which the step `*` is any member or element. `keys`
    are names of members, wherever they are, in any case of A to Z. `mask` is the JSON text that
    stands in place of each value. A text that is not JSON is a JsonError.
    """
    places = _spans(text, [steps(pointer) for pointer in pointers], {lower(key) for key in keys})
    if not places:
        return None
    parts = []
    at = 0
    for start, end in places:
        parts += [text[at:start], mask]
        at = end
    return "".join([*parts, text[at:]])


def find(text: str, paths: Sequence[Sequence[str]]) -> list[str | None]:
    """The texts of the values at several paths of object members, found in one pass that ends with
    the last that can still be found. Of doubled members the first counts. What is not JSON further
    on does not take away what was found before it."""
    values: list[str | None] = [None for _ in paths]
    try:
        _search(text, paths, values)
    except JsonError:
        pass
    return values


def string(raw: str | None) -> str | None:
    """The text that a JSON string stands for; None if it is no string. Half of a surrogate pair
    becomes U+FFFD."""
    if raw is None or not raw.startswith('"'):
        return None
    return well_formed(json.loads(raw)) if "\\" in raw else raw[1:-1]


def steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer; a ValueError if it is none."""
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer} is no JSON Pointer: it must be empty or begin with /")
    parts = pointer.split("/")[1:]
    return [well_formed(part.replace("~1", "/").replace("~0", "~")) for part in parts]


def lower(text: str) -> str:
    """A to Z in lower case, and nothing else."""
    return well_formed(text.translate(_LOWER))


class _Open:
    """An open container: the pointers that lead into it, and how many elements it has had."""

    __slots__ = ("elements", "pointers")

    def __init__(self, pointers: list[list[str]]) -> None:
        self.pointers = pointers
        self.elements = 0


def _spans(text: str, pointers: list[list[str]], keys: set[str]) -> list[tuple[int, int]]:
    """Where the values to replace stand."""
    reader = Reader(text)
    opened: list[_Open] = []
    places = []
    name: str | None = None
    while reader.token():
        kind = reader.kind
        if kind == "key":
            name = string(text[reader.start : reader.end])
            continue
        if kind == "}" or kind == "]":
            opened.pop()
            continue
        depth = len(opened)
        leading = _leading(opened[-1], depth, name) if opened else pointers
        is_named = name is not None and lower(name) in keys
        name = None
        if is_named or any(len(pointer) == depth for pointer in leading):
            start = reader.start
            places.append((start, reader.skip()))
        elif kind == "{" or kind == "[":
            opened.append(_Open(leading))
    return places


def _leading(inside: _Open, depth: int, name: str | None) -> list[list[str]]:
    """The pointers that lead to the value that begins here."""
    element = inside.elements
    inside.elements += 1
    return [
        pointer
        for pointer in inside.pointers
        if len(pointer) >= depth and _leads(pointer[depth - 1], name, element)
    ]


def _leads(step: str, name: str | None, element: int) -> bool:
    if step == "*":
        return True
    if name is not None:
        return step == name
    index = _INDEX.fullmatch(step)
    return index is not None and int(index[1]) == element


def _search(text: str, paths: Sequence[Sequence[str]], values: list[str | None]) -> None:
    reader = Reader(text)
    if not reader.token() or reader.kind != "{":
        return
    # For each open object, which paths lead through it and can still be found.
    opened = [set(range(len(paths)))]
    while reader.token():
        depth = len(opened)
        if reader.kind == "key":
            name = string(text[reader.start : reader.end])
            reader.token()
            hits = {at for at in opened[-1] if paths[at][depth - 1] == name}
            opened[-1] -= hits
            here = {at for at in hits if len(paths[at]) == depth}
            if reader.kind == "{" and hits and not here:
                opened.append(hits)
                continue
            start = reader.start
            end = reader.skip()
            for at in here:
                values[at] = text[start:end]
        else:
            opened.pop()
        if not any(opened):
            return
