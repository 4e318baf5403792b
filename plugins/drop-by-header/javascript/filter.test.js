// What the filter decides, without the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drop, next } from "sluicegate-plugin";
import { configured } from "sluicegate-plugin/testing";
import { filter } from "./filter.js";

test("an event with the header is dropped", () => {
  const it = configured(filter, { header: "X-Spam" });
  assert.deepEqual(it.decide({ headers: { "x-spam": "" } }), drop("marked by x-spam"));
  assert.equal(it.decide({ headers: { "x-ham": "yes" } }), next);
});

test("with values, one of the header's must be among them", () => {
  const it = configured(filter, { header: "x-spam", values: ["yes", "1"], reason: "spam" });
  assert.deepEqual(it.decide({ headers: { "X-Spam": ["no", "1"] } }), drop("spam"));
  assert.equal(it.decide({ headers: { "x-spam": "YES" } }), next);
  assert.equal(it.decide({}), next);
});

test("it asks for that header alone, and never for the payload", () => {
  assert.deepEqual(configured(filter, { header: "X-Spam" }).subscription, {
    types: [], attributes: [], headers: ["x-spam"], data: "none",
  });
});

test("a wrong configuration is refused by name", () => {
  for (const [config, named] of [
    [{}, "header"], [{ header: 5 }, "header"], [{ header: "" }, "header"],
    [{ header: "*" }, "header"], [{ header: "a", values: "yes" }, "values"],
    [{ header: "a", values: [1] }, "values"], [{ header: "a", reason: 1 }, "reason"],
    [{ header: "a", colour: 1 }, "colour"], [[], "config"],
  ]) {
    assert.throws(() => configured(filter, config), { message: new RegExp(named) });
  }
});
