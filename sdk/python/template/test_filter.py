"""What the filter decides, without the gateway."""

import unittest

from filter import decide
from sluicegate_plugin import NEXT, drop
from sluicegate_plugin.testing import Configured


class Decisions(unittest.TestCase):
    def test_a_marked_event_is_dropped_and_any_other_goes_on(self):
        it = Configured(decide)
        self.assertEqual(it.decide(headers={"x-spam": "yes"}), drop("marked as spam"))
        self.assertEqual(it.decide(), NEXT)


if __name__ == "__main__":
    unittest.main()
