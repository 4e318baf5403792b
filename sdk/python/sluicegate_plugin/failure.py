"""How a filter fails: what it raises, as the contract's `failure`."""

from .contract import types


class RetryAfter(Exception):
    """Raised by a filter that wants the event again after so many milliseconds."""

    def __init__(self, ms: int) -> None:
        if isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms < 2**32:
            raise TypeError(f"RetryAfter: ms must be a whole number up to 4294967295, not {ms!r}")
        super().__init__(f"retry after {ms} ms")
        self.ms = ms


def failure_of(raised: BaseException) -> types.Failure:
    """The failure that stands for anything that was raised."""
    if isinstance(raised, RetryAfter):
        return types.Failure_RetryAfter(raised.ms)
    return types.Failure_Failed(message_of(raised))


def message_of(raised: BaseException) -> str:
    """The text of an exception. That of a LookupError is only a key: it gets its type's name."""
    text = str(raised)
    if not text or isinstance(raised, LookupError):
        text = f"{type(raised).__name__}: {text}".removesuffix(": ")
    return well_formed(text)


def well_formed(text: str) -> str:
    """The text, in which half of a surrogate pair is U+FFFD: the contract has no such thing."""
    return text if text.isascii() else "".join(map(_scalar, text))


def _scalar(character: str) -> str:
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character
