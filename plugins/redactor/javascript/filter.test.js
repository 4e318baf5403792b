// What the filter decides, without the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";
import { emit, next } from "sluicegate-plugin";
import { configured } from "sluicegate-plugin/testing";
import { filter } from "./filter.js";

const CONFIG = { keys: ["email"], headers: ["X-Forwarded-For"] };

test("a payload and a header are redacted in one output", () => {
  const decision = configured(filter, CONFIG).decide({
    headers: { "x-forwarded-for": "192.0.2.1" },
    text: '{ "email" : "a@example.org", "n": 1.0 }',
  });
  const text = '{ "email" : "***", "n": 1.0 }';
  assert.deepEqual(decision, emit({ remove: ["x-forwarded-for"], text }));
});

test("an event with nothing to hide goes on as it is", () => {
  const it = configured(filter, CONFIG);
  assert.equal(it.decide({ json: { name: "x" } }), next);
  assert.equal(it.decide({}), next);
});

test("what cannot be read is not let through", () => {
  const it = configured(filter, CONFIG);
  assert.throws(() => it.decide({ text: '{"email":"a@exa' }), { tag: "failed" });
  assert.throws(() => it.decide({ bytes: new Uint8Array([0xff]) }), {
    tag: "failed", val: "the payload is not text, so nothing can be masked",
  });
});

test("without anything to mask it does not ask for the payload", () => {
  assert.equal(configured(filter, { headers: ["a"] }).subscription.data, "none");
});

test("a wrong configuration is refused by name", () => {
  for (const [config, named] of [
    [{}, "needed"], [{ keys: "a" }, "keys"], [{ pointers: ["a"] }, "pointers"],
    [{ keys: ["a"], mask: 1 }, "mask"], [{ keys: ["a"], kees: [] }, "kees"], [[], "config"],
  ]) {
    assert.throws(() => configured(filter, config), { message: new RegExp(named) });
  }
});
