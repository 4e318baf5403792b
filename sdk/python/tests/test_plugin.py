"""How a plugin is configured, asked, and told that it was used wrongly."""

import unittest

from sluicegate_plugin import (
    NEXT, Output, RetryAfter, Subscription, clock, dead_letter, drop, emit, log, metrics, plugin,
    reject, route,
)
from sluicegate_plugin import state
from sluicegate_plugin.generated import types
from sluicegate_plugin.plugin import made_of, only
from sluicegate_plugin.testing import (
    Configured, Failed, Refused, logged, measured, reset, stop_clock,
)


def deciding(function, **subscription):
    return Configured(plugin(**subscription)(function))


def raising(raised):
    def decide(event):
        raise raised

    return deciding(decide)


class Deciding(unittest.TestCase):
    def test_the_smallest_filter(self):
        @plugin(types=["push"], headers=["X-Spam"], data="none")
        def decide(event):
            return drop("spam") if event.header("X-Spam") else NEXT

        it = Configured(decide)
        wanted = types.Subscription(["push"], [], ["X-Spam"], types.DataMode.NONE)
        self.assertEqual(it.subscription, wanted)
        self.assertEqual(it.decide(headers={"x-spam": "1"}), drop("spam"))
        self.assertEqual(it.decide(headers={"other": "1"}), NEXT)

    def test_an_event_gives_what_was_put_into_it(self):
        seen = []

        def decide(event):
            seen.extend([event.id, event.source, event.type, event.content_type, event.time_ns])
            seen.extend([event.time.isoformat(), event.header("X-A"), event.header_values("x-a")])
            seen.extend([len(event.headers), event.attribute("subject"), event.attribute("none")])
            seen.extend([event.json(), event.bytes(), event.is_empty])
            return NEXT

        deciding(decide, attributes=["subject"], headers=["*"]).decide(
            id="i", source="s", type="t", text='{"a":"é"}', time_ns=1_700_000_000_123_456_789,
            headers={"X-A": ["1", "2"], "b": "3"}, attributes={"subject": "main", "other": "o"},
        )
        self.assertEqual(seen, [
            "i", "s", "t", "application/json", 1_700_000_000_123_456_789,
            "2023-11-14T22:13:20.123456+00:00", "1", ["1", "2"], 3, "main", None, {"a": "é"},
            '{"a":"é"}'.encode(), False,
        ])

    def test_what_is_raised_is_a_failure_and_retry_after_asks_for_the_event_again(self):
        for raised, reason in [
            (ValueError("no"), "^no$"), (ValueError(), "^ValueError$"),
            (KeyError("a"), "^KeyError: 'a'$"), (SystemExit(1), "^1$"),
            (ValueError("\ud800"), "^\ufffd$"),
        ]:
            with self.subTest(raised), self.assertRaisesRegex(Failed, reason):
                raising(raised).decide()
        with self.assertRaises(Failed) as caught:
            raising(RetryAfter(500)).decide()
        self.assertEqual(caught.exception.retry_after_ms, 500)
        for wrong in (-1, 2**32, "5", True):
            with self.assertRaises(TypeError):
                RetryAfter(wrong)

    def test_a_payload_of_another_form_is_a_failure_with_a_reason(self):
        with self.assertRaisesRegex(Failed, "^the payload is not text$"):
            deciding(lambda event: event.text()).decide(data=b"\xff")
        with self.assertRaisesRegex(Failed, "was not asked for"):
            deciding(lambda event: event.text(), data="none").decide()
        with self.assertRaisesRegex(Failed, "^the payload is not JSON: "):
            deciding(lambda event: event.json()).decide(text="{")
        self.assertEqual(deciding(lambda e: drop(str(e.bytes())), data="binary").decide(text="é"),
                         drop(str("é".encode())))

    def test_what_is_not_a_decision_is_named(self):
        for returned in (None, "next", 5, drop):
            with self.assertRaisesRegex(Failed, "must return a decision such as NEXT, not "):
                deciding(lambda event, it=returned: it).decide()

    def test_decisions_check_what_they_are_given(self):
        self.assertEqual(route("a", "b"), types.Decision_Route(["a", "b"]))
        self.assertEqual(dead_letter("r"), types.Decision_DeadLetter("r"))
        said = types.Rejection(types.RejectCode.TOO_LARGE, "r")
        self.assertEqual(reject("too-large", "r"), types.Decision_Reject(said))
        for wrong in [
            lambda: drop(5), lambda: route(["a"]), lambda: reject("no", "r"), lambda: emit(),
            lambda: emit("a"), lambda: emit(Output(text="a", json=1)),
            lambda: emit(Output(data="a")), lambda: emit(Output(headers={"a": 1})),
            lambda: emit(Output(queues="a")), lambda: Output(colour=1),
        ]:
            self.assertRaises((TypeError, ValueError), wrong)

    def test_an_output_inherits_what_it_does_not_set(self):
        empty = types.Output([], None, None, [], [], [], None)
        self.assertEqual(emit(Output()), types.Decision_Emit([empty]))
        full = emit(Output(
            queues=["q"], type="t", content_type="c", attributes={"a": "1"},
            headers={"h": ["1", "2"]}, remove=["x"], json={"a": "é"},
        )).value[0]
        self.assertEqual(full.set_headers, [("h", "1"), ("h", "2")])
        self.assertEqual(full.data, types.Data_Text('{"a": "é"}'))


class Configuring(unittest.TestCase):
    def test_a_configuration_is_read_or_refused_with_the_reason(self):
        @plugin
        class Limited:
            def __init__(self, config):
                self.limit = config["limit"]
                self.subscription = Subscription()

            def filter(self, event):
                return NEXT

        self.assertEqual(Configured(Limited, {"limit": 1}).decide(), NEXT)
        for config, reason in [({}, "KeyError: 'limit'"), ([], "config: it is not an object")]:
            with self.assertRaisesRegex(Refused, reason):
                Configured(Limited, config)
        with self.assertRaisesRegex(Refused, "a is unknown: this plugin takes no configuration"):
            Configured(plugin()(lambda event: NEXT), {"a": 1})

    def test_a_wrong_use_is_named(self):
        class Bare:
            def __init__(self, config):
                pass

        with self.assertRaisesRegex(Refused, "self.subscription and filter"):
            Configured(plugin(Bare))
        for wanted, reason in [
            ({"types": "push"}, "types must be a list"), ({"headers": [1]}, "headers must be"),
            ({"data": "text"}, "data must be one of"),
        ]:
            with self.assertRaisesRegex(Refused, reason):
                deciding(lambda event: NEXT, **wanted)
        self.assertRaises(TypeError, lambda: plugin(type=["push"]))
        self.assertRaises(TypeError, lambda: plugin(Bare, types=["push"]))
        with self.assertRaisesRegex(TypeError, "is not a plugin: put @plugin before it"):
            made_of(object())
        with self.assertRaisesRegex(TypeError, "must have one @plugin; it has: "):
            only()


class Offered(unittest.TestCase):
    def setUp(self):
        reset()

    def test_log_metrics_clock_and_state_are_in_memory(self):
        seen = metrics.Counter("seen", kind="a")
        size = metrics.Histogram("size")
        log.warn("odd", n=1)
        seen.add()
        seen.add(2)
        size.observe(1.5)
        self.assertRaises(ValueError, seen.add, -1)
        self.assertEqual(logged(), [("warn", "odd", {"n": "1"})])
        self.assertEqual((measured("seen kind=a"), measured("size")), ([1, 2], [1.5]))
        stop_clock(1000)
        self.assertEqual(clock.now_ns(), 1000)
        self.assertTrue(state.set_if_absent("k", b"v", ttl_ms=10))
        self.assertFalse(state.set_if_absent("k", b"w"))
        self.assertEqual(state.get("k"), b"v")
        stop_clock(1000 + 10_000_000)
        self.assertIsNone(state.get("k"))
        self.assertEqual((state.increment("n"), state.increment("n", 5)), (1, 6))
        state.delete("n")
        self.assertEqual(state.increment("n"), 1)


if __name__ == "__main__":
    unittest.main()
