// How a plugin is configured, asked, and told that it was used wrongly.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  RetryAfter, clock, deadLetter, drop, emit, log, metrics, next, plugin, reject, route,
} from "sluicegate-plugin";
import * as state from "sluicegate-plugin/state";
import { configured, logged, measured, reset, stopClock } from "sluicegate-plugin/testing";

beforeEach(reset);

const deciding = (filter, more = {}) => configured(plugin({ ...more, filter }));

test("the smallest filter", () => {
  const it = deciding((event) => (event.header("X-Spam") ? drop("spam") : next), {
    types: ["push"],
    headers: ["X-Spam"],
    data: "none",
  });
  assert.deepEqual(it.subscription, {
    types: ["push"], attributes: [], headers: ["X-Spam"], data: "none",
  });
  assert.deepEqual(it.decide({ headers: { "x-spam": "1" } }), drop("spam"));
  assert.equal(it.decide({ headers: { other: "1" } }), next);
});

test("an event gives what was put into it", () => {
  const seen = [];
  const it = deciding(
    (event) => {
      seen.push(event.id, event.source, event.type, event.contentType, event.time.toISOString());
      seen.push(event.header("X-A"), event.headerValues("x-a"), event.headers.length);
      seen.push(event.attribute("subject"), event.attribute("none"), event.json().a);
      seen.push([...event.bytes()], event.isEmpty);
      return next;
    },
    { attributes: ["subject"], headers: ["*"] },
  );
  const headers = { "X-A": ["1", "2"], b: "3" };
  const attributes = { subject: "main", other: "o" };
  it.decide({ id: "i", source: "s", type: "t", headers, attributes, json: { a: "é" } });
  assert.deepEqual(seen, [
    "i", "s", "t", "application/json", "2023-11-14T22:13:20.000Z", "1", ["1", "2"], 3, "main",
    undefined, "é", [...new TextEncoder().encode('{"a":"é"}')], false,
  ]);
});

test("what is thrown is a failure, and RetryAfter asks for the event again", () => {
  const failing = (thrown) => deciding(() => { throw thrown; });
  const fails = (thrown, failure) => assert.throws(() => failing(thrown).decide({}), failure);
  fails(new Error("no"), { tag: "failed", val: "no" });
  fails("no", { tag: "failed", val: "no" });
  fails(new Error(""), { tag: "failed", val: "it failed without a reason" });
  fails(new RetryAfter(500), { tag: "retry-after", val: 500 });
  assert.throws(() => new RetryAfter(-1), /whole number/);
});

test("a payload of another form is a failure with a reason", () => {
  const fails = (filter, event, val, more) =>
    assert.throws(() => deciding(filter, more).decide(event), { tag: "failed", val });
  const bytes = new Uint8Array([0xff]);
  fails((event) => event.text(), { bytes }, "the payload is not text");
  fails((event) => event.text(), {}, /was not asked for/, { data: "none" });
  assert.throws(() => deciding((event) => event.json()).decide({ text: "{" }), (failure) =>
    failure.val.startsWith("the payload is not JSON: "));
});

test("what is not a decision is named", () => {
  const named = (returned, part) =>
    assert.throws(() => deciding(() => returned).decide({}), (failure) =>
      failure.val.includes(part));
  named(undefined, "must return a decision such as next, not undefined");
  named(Promise.resolve(next), "must not be async");
  named({ tag: "next" }, "must return a decision");
});

test("decisions check what they are given", () => {
  assert.deepEqual(route("a", "b"), { tag: "route", val: ["a", "b"] });
  assert.deepEqual(route(["a", "b"]), route("a", "b"));
  assert.deepEqual(deadLetter("r"), { tag: "dead-letter", val: "r" });
  assert.deepEqual(reject("forbidden", "r").val, { code: "forbidden", reason: "r" });
  for (const wrong of [
    () => drop(), () => drop(5), () => route(5), () => reject("no", "r"), () => emit(),
    () => emit(5), () => emit({ colour: 1 }), () => emit({ text: "a", json: 1 }),
    () => emit({ bytes: [1] }), () => emit({ headers: { a: 1 } }), () => emit({ queues: "a" }),
  ]) {
    assert.throws(wrong, TypeError, String(wrong));
  }
});

test("an output inherits what it does not set", () => {
  assert.deepEqual(emit({}).val, [
    {
      queues: [], type: null, contentType: null, setAttributes: [], setHeaders: [], remove: [],
      data: null,
    },
  ]);
  const [full] = emit({
    queues: ["q"], type: "t", contentType: "c", attributes: { a: "1" },
    headers: { h: ["1", "2"] }, remove: ["x"], json: { a: 1 },
  }).val;
  assert.deepEqual(full.setHeaders, [["h", "1"], ["h", "2"]]);
  assert.deepEqual(full.data, { tag: "text", val: '{"a":1}' });
});

test("a configuration is read, or refused with the reason", () => {
  const filter = plugin((config) => {
    if (config.limit === undefined) throw new Error("config: limit is missing");
    return { filter: () => next };
  });
  assert.equal(configured(filter, { limit: 1 }).decide({}), next);
  assert.throws(() => configured(filter, {}), /limit is missing/);
  assert.throws(() => configured(filter, []), /config: it is not an object/);
  assert.throws(() => configured(plugin({ filter: () => next }), { a: 1 }), /a is unknown/);
  const throwsOf = (made) => () => configured(plugin(() => made));
  assert.throws(throwsOf({}), /filter\(event\) is needed/);
  assert.throws(throwsOf({ filter: () => next, type: "push" }), /type is unknown/);
  assert.throws(throwsOf({ filter: () => next, types: "push" }), /types must be a list/);
  assert.throws(throwsOf({ filter: () => next, data: "text" }), /data must be one of/);
  assert.throws(() => plugin({}).filter({}), /filter\(event\) is needed/);
});

test("log, metrics, clock and state are in memory", () => {
  const seen = metrics.counter("seen", { kind: "a" });
  const size = metrics.histogram("size");
  log.warn("odd", { n: 1 });
  seen.add();
  seen.add(2);
  size.observe(1.5);
  assert.throws(() => seen.add(-1), /only grows/);
  assert.deepEqual(logged(), [{ level: "warn", message: "odd", fields: { n: "1" } }]);
  assert.deepEqual([measured("seen kind=a"), measured("size")], [[1, 2], [1.5]]);
  stopClock(1000);
  assert.equal(clock.now(), 1000);
  assert.equal(state.setIfAbsent("k", "é", { ttlMs: 10 }), true);
  assert.equal(state.setIfAbsent("k", "w"), false);
  assert.equal(state.getText("k"), "é");
  stopClock(1010);
  assert.equal(state.get("k"), undefined);
  assert.deepEqual([state.increment("n"), state.increment("n", 5)], [1, 6]);
  state.remove("n");
  assert.equal(state.increment("n"), 1);
  assert.throws(() => state.set("k", 5), /must be text or a Uint8Array/);
});
