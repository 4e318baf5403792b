// What the filter decides, without the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drop, next, route } from "sluicegate-plugin";
import { configured } from "sluicegate-plugin/testing";
import { filter } from "./filter.js";

const CONFIG = { threshold: "high", queues: ["urgent", "siem"] };
const type = "code_scanning_alert";

test("alerts at or above the threshold go to the queues", () => {
  for (const severity of ["high", "critical"]) {
    const json = { alert: { security_advisory: { severity } } };
    assert.deepEqual(configured(filter, CONFIG).decide({ type, json }), route("urgent", "siem"));
  }
});

test("alerts below it go on or are dropped", () => {
  const json = { alert: { rule: { security_severity_level: "medium", severity: "error" } } };
  assert.equal(configured(filter, CONFIG).decide({ type, json }), next);
  const dropping = configured(filter, { ...CONFIG, else: "drop" });
  assert.deepEqual(dropping.decide({ type, json }), drop("below the severity threshold"));
});

test("what does not say is below all, and what was said before the text breaks counts", () => {
  const it = configured(filter, { ...CONFIG, threshold: "low" });
  for (const text of ["", "[]", "{}", '{"alert":null}', '{"alert":{"rule":{"severity":9}}}']) {
    assert.equal(it.decide({ type, text }), next, text);
  }
  const text = '{"alert":{"rule":{"severity":"error","security_severity_level":null}}},';
  assert.deepEqual(it.decide({ type, text }), route("urgent", "siem"));
});

test("a payload that is not text is a failure", () => {
  assert.throws(() => configured(filter, CONFIG).decide({ type, bytes: new Uint8Array([255]) }), {
    tag: "failed", val: "the payload is not text",
  });
});

test("a wrong configuration is refused by name", () => {
  for (const [config, named] of [
    [{}, "threshold"], [{ threshold: "high" }, "queues"], [{ ...CONFIG, queues: [] }, "queues"],
    [{ ...CONFIG, queues: [1] }, "queues"], [{ ...CONFIG, threshold: "hi" }, "threshold"],
    [{ ...CONFIG, else: "stop" }, "else"], [{ ...CONFIG, limit: 1 }, "limit"], [[], "config"],
  ]) {
    assert.throws(() => configured(filter, config), { message: new RegExp(named) });
  }
});
