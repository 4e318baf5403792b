"""Masks values in JSON payloads and removes headers, before an event is stored anywhere.

Every byte of the payload that is not masked stays as it was. What cannot be read as JSON is not let
through: the filter fails, and its failure policy applies."""

import json

from sluicegate_plugin import NEXT, Decision, Event, Output, Subscription, emit, json_text, plugin


@plugin
class Redactor:
    def __init__(self, config: dict) -> None:
        for name, value in config.items():
            if name not in _RIGHT or not _RIGHT[name](value):
                raise ValueError(f"config: {name} is unknown or has a wrong value")
        self.keys = config.get("keys", [])
        self.pointers = config.get("pointers", [])
        headers = [json_text.lower(name) for name in config.get("headers", [])]
        if not self.keys and not self.pointers and not headers:
            raise ValueError("config: one of pointers, keys and headers is needed")
        self.mask = json.dumps(config.get("mask", "***"), ensure_ascii=False)
        self.has_rules = bool(self.keys or self.pointers)
        self.subscription = Subscription(
            types=config.get("types", []),
            headers=headers,
            data="auto" if self.has_rules else "none",
        )

    def filter(self, event: Event) -> Decision:
        text = self.masked(event) if self.has_rules and not event.is_empty else None
        # The subscription asked for the headers to remove and no others.
        if text is None and not event.headers:
            return NEXT
        return emit(Output(remove=[name for name, _ in event.headers], text=text))

    def masked(self, event: Event) -> str | None:
        try:
            text = event.text()
        except ValueError:
            raise ValueError("the payload is not text, so nothing can be masked") from None
        return json_text.replace(text, pointers=self.pointers, keys=self.keys, mask=self.mask)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_pointers(value: object) -> bool:
    return _are_texts(value) and all(not text or text.startswith("/") for text in value)


# Members that are not known are errors, so that a typing error is seen.
_RIGHT = {
    "types": _are_texts,
    "headers": _are_texts,
    "keys": _are_texts,
    "pointers": _are_pointers,
    "mask": lambda value: isinstance(value, str),
}
