"""Holds the double of state against the list that the gateway is held against too."""

import pathlib
import unittest

from sluicegate_plugin import state
from sluicegate_plugin.doubles_state import Grant
from sluicegate_plugin.testing import grant_state, reset, stop_clock

CASES = pathlib.Path(__file__).parents[2] / "state.cases"


class State(unittest.TestCase):
    def setUp(self):
        reset()
        self.addCleanup(reset)

    def test_the_double_answers_as_the_gateway_does(self):
        steps = 0
        for at, line in enumerate(CASES.read_text(encoding="utf-8").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            question, _, wanted = line.partition(" => ")
            if wanted.startswith("some "):
                wanted = f"some {_bytes(wanted.removeprefix('some ')).hex()}"
            self.assertEqual(self.said(*question.split(" ")), wanted, f"line {at}: {line}")
            steps += wanted != ""
        self.assertGreater(steps, 100)

    def said(self, verb, *words):
        """What a step answers, with a value in hexadecimal."""
        if verb == "case":
            reset()
            self.now = 1_700_000_000_000_000_000
        elif verb == "grant":
            grant_state(Grant(*map(int, words)))
        elif verb == "pass":
            self.now += int(words[0]) * 1_000_000
        else:
            try:
                return _asked(verb, *words)
            except state.StateError as error:
                said = str(error).removeprefix("state: ")
                return said.replace("unavailable: ", "unavailable ")
        stop_clock(self.now)
        return ""


def _asked(verb, key, value="", ttl_ms=None):
    key, ttl_ms = _bytes(key).decode(), None if ttl_ms is None else int(ttl_ms)
    if verb == "get":
        found = state.get(key)
        return "none" if found is None else f"some {found.hex()}"
    if verb == "set":
        state.set(key, _bytes(value), ttl_ms)
        return "ok"
    if verb == "delete":
        state.delete(key)
        return "ok"
    if verb == "set-if-absent":
        return str(state.set_if_absent(key, _bytes(value), ttl_ms)).lower()
    if verb == "increment":
        return str(state.increment(key, int(value), ttl_ms))
    raise ValueError(verb)


def _bytes(word):
    """The bytes that a word of the list stands for."""
    if word == '""':
        return b""
    if word.startswith("0x"):
        return bytes.fromhex(word[2:])
    part, star, times = word.partition("*")
    return part.encode() * (int(times) if star else 1)


if __name__ == "__main__":
    unittest.main()
