"""What the filter decides, without the gateway."""

import unittest

from filter import DropByHeader
from sluicegate_plugin import NEXT, drop
from sluicegate_plugin.generated.types import DataMode
from sluicegate_plugin.testing import Configured, Refused


class Decisions(unittest.TestCase):
    def test_an_event_with_the_header_is_dropped(self):
        it = Configured(DropByHeader, {"header": "X-Spam"})
        self.assertEqual(it.decide(headers={"x-spam": ""}), drop("marked by x-spam"))
        self.assertEqual(it.decide(headers={"x-ham": "yes"}), NEXT)

    def test_with_values_one_of_the_headers_must_be_among_them(self):
        it = Configured(DropByHeader, {"header": "x-spam", "values": ["yes", "1"], "reason": "r"})
        self.assertEqual(it.decide(headers={"X-Spam": ["no", "1"]}), drop("r"))
        self.assertEqual(it.decide(headers={"x-spam": "YES"}), NEXT)
        self.assertEqual(it.decide(), NEXT)

    def test_it_asks_for_that_header_alone_and_never_for_the_payload(self):
        wanted = Configured(DropByHeader, {"header": "X-Spam"}).subscription
        self.assertEqual((wanted.types, wanted.attributes), ([], []))
        self.assertEqual((wanted.headers, wanted.data), (["x-spam"], DataMode.NONE))

    def test_a_wrong_configuration_is_refused_by_name(self):
        for config, named in [
            ({}, "header"), ({"header": 5}, "header"), ({"header": ""}, "header"),
            ({"header": "*"}, "header"), ({"header": "a", "values": "yes"}, "values"),
            ({"header": "a", "values": [1]}, "values"), ({"header": "a", "reason": 1}, "reason"),
            ({"header": "a", "colour": 1}, "colour"), ([], "config"),
        ]:
            with self.subTest(config), self.assertRaisesRegex(Refused, named):
                Configured(DropByHeader, config)


if __name__ == "__main__":
    unittest.main()
