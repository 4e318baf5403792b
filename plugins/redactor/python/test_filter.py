"""What the filter decides, without the gateway."""

import unittest

from filter import Redactor
from sluicegate_plugin import NEXT, Output, emit
from sluicegate_plugin.generated.types import DataMode
from sluicegate_plugin.testing import Configured, Failed, Refused

CONFIG = {"keys": ["email"], "headers": ["X-Forwarded-For"]}


class Decisions(unittest.TestCase):
    def test_a_payload_and_a_header_are_redacted_in_one_output(self):
        decision = Configured(Redactor, CONFIG).decide(
            headers={"x-forwarded-for": "192.0.2.1"},
            text='{ "email" : "a@example.org", "n": 1.0 }',
        )
        text = '{ "email" : "***", "n": 1.0 }'
        self.assertEqual(decision, emit(Output(remove=["x-forwarded-for"], text=text)))

    def test_an_event_with_nothing_to_hide_goes_on_as_it_is(self):
        it = Configured(Redactor, CONFIG)
        self.assertEqual(it.decide(json={"name": "x"}), NEXT)
        self.assertEqual(it.decide(), NEXT)

    def test_what_cannot_be_read_is_not_let_through(self):
        it = Configured(Redactor, CONFIG)
        with self.assertRaisesRegex(Failed, "a string is cut off"):
            it.decide(text='{"email":"a@exa')
        with self.assertRaisesRegex(Failed, "the payload is not text, so nothing can be masked"):
            it.decide(data=b"\xff")

    def test_without_anything_to_mask_it_does_not_ask_for_the_payload(self):
        wanted = Configured(Redactor, {"headers": ["a"]}).subscription
        self.assertEqual(wanted.data, DataMode.NONE)

    def test_a_wrong_configuration_is_refused_by_name(self):
        for config, named in [
            ({}, "needed"), ({"keys": "a"}, "keys"), ({"pointers": ["a"]}, "pointers"),
            ({"keys": ["a"], "mask": 1}, "mask"), ({"keys": ["a"], "kees": []}, "kees"),
            ([], "config"),
        ]:
            with self.subTest(config), self.assertRaisesRegex(Refused, named):
                Configured(Redactor, config)


if __name__ == "__main__":
    unittest.main()
