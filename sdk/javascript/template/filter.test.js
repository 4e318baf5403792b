import assert from "node:assert/strict";
import { test } from "node:test";
import { drop, next } from "sluicegate-plugin";
import { configured } from "sluicegate-plugin/testing";
import { filter } from "./filter.js";

test("a marked event is dropped, and any other goes on", () => {
  const it = configured(filter, {});
  const marked = it.decide({ type: "push", headers: { "x-spam": "yes" } });
  assert.deepEqual(marked, drop("marked as spam"));
  assert.equal(it.decide({ type: "push" }), next);
});
