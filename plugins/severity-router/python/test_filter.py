"""What the filter decides, without the gateway."""

import unittest

from filter import SeverityRouter
from sluicegate_plugin import NEXT, drop, route
from sluicegate_plugin.testing import Configured, Failed, Refused

CONFIG = {"threshold": "high", "queues": ["urgent", "siem"]}


class Decisions(unittest.TestCase):
    def test_alerts_at_or_above_the_threshold_go_to_the_queues(self):
        for severity in ("high", "critical"):
            json = {"alert": {"security_advisory": {"severity": severity}}}
            decision = Configured(SeverityRouter, CONFIG).decide(json=json)
            self.assertEqual(decision, route("urgent", "siem"))

    def test_alerts_below_it_go_on_or_are_dropped(self):
        json = {"alert": {"rule": {"security_severity_level": "medium", "severity": "error"}}}
        self.assertEqual(Configured(SeverityRouter, CONFIG).decide(json=json), NEXT)
        decision = Configured(SeverityRouter, {**CONFIG, "else": "drop"}).decide(json=json)
        self.assertEqual(decision, drop("below the severity threshold"))

    def test_what_does_not_say_is_below_all_and_what_was_said_before_the_text_breaks_counts(self):
        it = Configured(SeverityRouter, {**CONFIG, "threshold": "low"})
        for text in ("", "[]", "{}", '{"alert":null}', '{"alert":{"rule":{"severity":9}}}'):
            self.assertEqual(it.decide(text=text), NEXT, text)
        text = '{"alert":{"rule":{"severity":"error","security_severity_level":null}}},'
        self.assertEqual(it.decide(text=text), route("urgent", "siem"))

    def test_a_payload_that_is_not_text_is_a_failure(self):
        with self.assertRaisesRegex(Failed, "^the payload is not text$"):
            Configured(SeverityRouter, CONFIG).decide(data=b"\xff")

    def test_a_wrong_configuration_is_refused_by_name(self):
        for config, named in [
            ({}, "threshold"), ({"threshold": "high"}, "queues"),
            ({**CONFIG, "queues": []}, "queues"),
            ({**CONFIG, "queues": [1]}, "queues"), ({**CONFIG, "threshold": "hi"}, "threshold"),
            ({**CONFIG, "else": "stop"}, "else"), ({**CONFIG, "limit": 1}, "limit"), ([], "config"),
        ]:
            with self.subTest(config), self.assertRaisesRegex(Refused, named):
                Configured(SeverityRouter, config)


if __name__ == "__main__":
    unittest.main()
