// Holds the double of state against the list that the gateway is held against too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import * as state from "sluicegate-plugin/state";
import { grantState, reset, stopClock } from "sluicegate-plugin/testing";

beforeEach(reset);

test("the double answers as the gateway does", () => {
  const lines = readFileSync(new URL("../../state.cases", import.meta.url), "utf8").split("\n");
  let now = 0;
  let steps = 0;
  lines.forEach((line, at) => {
    if (line === "" || line.startsWith("#")) return;
    const [question, wanted = ""] = line.split(" => ");
    const [verb, ...words] = question.split(" ");
    if (verb === "case") {
      reset();
      stopClock((now = 1000));
    } else if (verb === "grant") {
      const [keysMax, bytesMax, valueBytesMax] = words.map(Number);
      grantState({ keysMax, bytesMax, valueBytesMax });
    } else if (verb === "pass") {
      stopClock((now += Number(words[0])));
    } else {
      const value = wanted.startsWith("some ") ? bytes(wanted.slice(5)).toString("hex") : "";
      const expected = value === "" && wanted !== 'some ""' ? wanted : `some ${value}`;
      // A sum is a number of the language: exact up to 2^53.
      const isSum = verb === "increment" && /^-?[0-9]+$/.test(wanted);
      const said = answer(verb, words);
      const wrong = `line ${at + 1}: ${line}: ${said}`;
      assert.equal(isSum ? Number(said) : said, isSum ? Number(wanted) : expected, wrong);
      steps += 1;
    }
  });
  assert.ok(steps > 100, `only ${steps} steps were read`);
});

test("what state is not granted cannot be granted in a test", () => {
  assert.throws(() => grantState({ keys: 1 }), /state has no keys/);
});

// What a step answers, with a value in hexadecimal.
function answer(verb, [key, value, ms]) {
  const lifetime = (text) => (text === undefined ? {} : { ttlMs: Number(text) });
  const name = bytes(key).toString();
  const ask = {
    get: () => {
      const found = state.get(name);
      return found === undefined ? "none" : `some ${Buffer.from(found).toString("hex")}`;
    },
    set: () => (state.set(name, Uint8Array.from(bytes(value)), lifetime(ms)), "ok"),
    "set-if-absent": () => state.setIfAbsent(name, Uint8Array.from(bytes(value)), lifetime(ms)),
    delete: () => (state.remove(name), "ok"),
    increment: () => state.increment(name, Number(value), lifetime(ms)),
  };
  try {
    return String(ask[verb]());
  } catch (thrown) {
    if (!(thrown instanceof state.StateError)) throw thrown;
    return thrown.message.replace("state: ", "").replace("unavailable: ", "unavailable ");
  }
}

// The bytes that a word of the list stands for.
function bytes(word) {
  if (word === '""') return Buffer.alloc(0);
  if (word.startsWith("0x")) return Buffer.from(word.slice(2), "hex");
  const [part, times] = word.split("*");
  return Buffer.from(times === undefined ? word : part.repeat(Number(times)));
}
