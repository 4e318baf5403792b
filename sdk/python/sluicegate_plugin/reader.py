"""Reads JSON token by token, with the place of each in the text. It takes what RFC 8259 says, does
not recurse, and looks no further than it is asked to."""

import re
from typing import NoReturn

DEPTH_MAX = 128
"""How deep containers may be nested."""

_SPACES = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_DIGITS = re.compile(r"[0-9]+")
_WORD = re.compile(r"true|false|null")


class JsonError(ValueError):
    """The text is not JSON. `at` is the byte at which it stops being it."""

    def __init__(self, at: int, what: str) -> None:
        super().__init__(f"not JSON at byte {at}: {what}")
        self.at = at


class Reader:
    """The token that was read last is `kind`, from `start` to `end`; strings and keys with their
    quotes."""

    __slots__ = ("_at", "_next", "_objects", "_text", "end", "kind", "start")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._objects: list[bool] = []
        # What may come next: value, value-or-end, key, key-or-end, comma-or-end or nothing.
        self._next = "value"
        self.kind: str = "word"
        self.start = 0
        self.end = 0

    def token(self) -> bool:
        """Reads a token; False after the last."""
        text = self._text
        while True:
            self._at = at = _SPACES.match(text, self._at).end()  # type: ignore[union-attr]
            coming = self._next
            if at == len(text):
                if coming == "nothing":
                    return False
                self._fail(at, "it is cut off")
            character = text[at]
            if coming == "value" or coming == "value-or-end":
                if character == "]" and coming == "value-or-end":
                    return self._close("]")
                return self._value(character)
            if coming == "nothing":
                self._fail(at, "something follows the value")
            in_object = self._objects[-1]
            if character == "," and coming == "comma-or-end":
                self._at += 1
                self._next = "key" if in_object else "value"
            elif character == ("}" if in_object else "]") and coming != "key":
                return self._close("}" if in_object else "]")
            elif character == '"' and coming != "comma-or-end":
                return self._key()
            else:
                self._fail(at, "another character belongs here")

    def skip(self) -> int:
        """Passes over the value whose first token was just read; gives the end of all of it."""
        if self.kind != "{" and self.kind != "[":
            return self.end
        outside = len(self._objects) - 1
        while self.token():
            if len(self._objects) == outside:
                return self.end
        self._fail(self._at, "it is cut off")

    def _value(self, character: str) -> bool:
        if character == '"':
            return self._scalar("string", self._string_end())
        if character == "{":
            return self._open("{", True, "key-or-end")
        if character == "[":
            return self._open("[", False, "value-or-end")
        if character in "-0123456789":
            return self._scalar("number", self._number_end())
        word = _WORD.match(self._text, self._at)
        if word is None:
            self._fail(self._at, "a value belongs here")
        return self._scalar("word", word.end())

    def _open(self, kind: str, is_object: bool, coming: str) -> bool:
        if len(self._objects) == DEPTH_MAX:
            self._fail(self._at, "it is nested too deep")
        self._objects.append(is_object)
        self._next = coming
        return self._is(kind, self._at + 1)

    def _close(self, kind: str) -> bool:
        self._objects.pop()
        return self._scalar(kind, self._at + 1)

    def _scalar(self, kind: str, end: int) -> bool:
        self._next = "comma-or-end" if self._objects else "nothing"
        return self._is(kind, end)

    def _key(self) -> bool:
        self._is("key", self._string_end())
        self._at = at = _SPACES.match(self._text, self._at).end()  # type: ignore[union-attr]
        if self._text[at : at + 1] != ":":
            self._fail(at, "a colon belongs here")
        self._at += 1
        self._next = "value"
        return True

    def _is(self, kind: str, end: int) -> bool:
        self.kind = kind
        self.start = self._at
        self.end = self._at = end
        return True

    def _string_end(self) -> int:
        """The end of the string that starts here; escapes are checked for their form."""
        text = self._text
        at = self._at + 1
        while True:
            at = _PLAIN.match(text, at).end()  # type: ignore[union-attr]
            if at == len(text):
                self._fail(at, "a string is cut off")
            if text[at] == '"':
                return at + 1
            if text[at] != "\\":
                self._fail(at, "a control character in a string")
            escape = _ESCAPE.match(text, at)
            if escape is None:
                self._fail(at, "an escape that is none")
            at = escape.end()

    def _number_end(self) -> int:
        text = self._text
        start = self._at + (text[self._at] == "-")
        at = start + 1 if text[start : start + 1] == "0" else self._digits(start)
        if text[at : at + 1] == ".":
            at = self._digits(at + 1)
        if text[at : at + 1] in ("e", "E"):
            at = self._digits(at + (2 if text[at + 1 : at + 2] in ("+", "-") else 1))
        return at

    def _digits(self, at: int) -> int:
        digits = _DIGITS.match(self._text, at)
        if digits is None:
            self._fail(at, "a digit belongs here")
        return digits.end()

    def _fail(self, at: int, what: str) -> NoReturn:
        raise JsonError(len(self._text[:at].encode("utf-8", "surrogatepass")), what)
