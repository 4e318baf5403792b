// JSON by its text: the same cases as the Rust SDK's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { json } from "sluicegate-plugin";

const read = (text) => {
  const reader = new json.Reader(text);
  const kinds = [];
  while (reader.token()) kinds.push(reader.kind);
  return kinds;
};

test("it takes what is JSON", () => {
  for (const text of [
    "0", "-0.5e+10", '""', " [ ] ", "{}", "[1,2,[3]]", '{"a":{"b":[true,null]}}',
    '"\\u00e9\\n\\\\"', '{"é":"\\""}', "\t[false]\r\n",
  ]) {
    assert.ok(read(text).length > 0, text);
  }
});

test("it refuses what is not", () => {
  for (const text of [
    "", " ", "[", "{", "[1", "[1,", "[1,]", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}", "[1}",
    '{"a":1]', "01", "1.", "1e", "-", "+1", ".5", "tru", "nul", "True", '"', '"\\x"', '"\\u12"',
    '"\\u12é"', '"a\nb"', "1 2", "[] []", "{}}", "]", ",", "\u00a01",
  ]) {
    assert.throws(() => read(text), { name: "JsonError" }, text);
  }
});

test("an error names its byte, not its character", () => {
  assert.throws(() => read('["é😀",]'), { at: 10, message: /^not JSON at byte 10: a value/ });
  const message = "not JSON at byte 15: a string is cut off";
  assert.throws(() => read('{"email":"a@exa'), { message });
});

test("whatever JSON.parse takes it takes, and it refuses the rest", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const parts = ['"a"', '"\\u0041\\""', "1", "-0.5e3", "[", "]", "{", "}", ",", ":", "true", " "];
  for (let round = 0; round < 20000; round += 1) {
    const text = Array.from({ length: 1 + random(9) }, () => parts[random(parts.length)]).join("");
    const takes = (parse) => {
      try {
        return parse(text), true;
      } catch {
        return false;
      }
    };
    assert.equal(takes(read), takes(JSON.parse), text);
  }
});

test("nesting ends at its bound", () => {
  const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);
  read(nested(128));
  assert.throws(() => read(nested(129)), /nested too deep/);
});

test("pointers find members, elements and any", () => {
  const text = '{"a":[{"b":1},{"b":[2]}],"b":3}';
  const mask = (...pointers) => json.replace(text, { pointers, mask: "0" });
  assert.equal(mask("/a/1/b"), '{"a":[{"b":1},{"b":0}],"b":3}');
  assert.equal(mask("/a/*/b"), '{"a":[{"b":0},{"b":0}],"b":3}');
  assert.equal(mask("/a", "/b"), '{"a":0,"b":0}');
  assert.equal(mask(""), "0");
  assert.equal(mask("/a/2", "/c", "/b/c"), undefined);
  assert.throws(() => mask("a"), /JSON Pointer/);
});

test("keys are found at any depth, in any case, and doubled", () => {
  const text = '{"Token":{"x":1},"n":[{"token":"t"}],"to\\u006ben":2,"tokens":3,"to\u212aen":4}';
  const clean = '{"Token":0,"n":[{"token":0}],"to\\u006ben":0,"tokens":3,"to\u212aen":4}';
  assert.equal(json.replace(text, { keys: ["TOKEN"], mask: "0" }), clean);
  const doubled = '{"a":{"token":1},"a":2,"token":3,"token":4}';
  assert.equal(
    json.replace(doubled, { keys: ["token"], mask: "0" }),
    '{"a":{"token":0},"a":2,"token":0,"token":0}',
  );
});

test("every other byte stays", () => {
  const text = ' {"é" :\t1.50e0 , "k": [ ], "n": 123456789012345678901234567890 }\r\n';
  const kept = ' {"é" :\t1.50e0 , "k": 0, "n": 123456789012345678901234567890 }\r\n';
  assert.equal(json.replace(text, { keys: ["k"], mask: "0" }), kept);
});

test("several paths are found in one pass", () => {
  const paths = [["a", "c", "d"], ["f"], ["a", "e"], ["a", "b"], ["a", "b", "x"]];
  const text = '{"a":{"b":1,"c":{"d":2}},"a":{"e":9},"f":[3],"g":';
  assert.deepEqual(json.find(text, paths), ["2", "[3]", undefined, "1", undefined]);
  assert.deepEqual(json.find("[]", [["a"]]), [undefined]);
  assert.deepEqual(json.find('{"a":1', [["a"], ["b"]]), ["1", undefined]);
});

test("a string is its text, half a pair is U+FFFD, and nothing else is a string", () => {
  assert.equal(json.string('"a\\"\\u00e9\\ud83d\\ude00"'), 'a"é😀');
  assert.equal(json.string('"\\ud800x"'), "\ufffdx");
  assert.equal(json.string("1"), undefined);
  assert.equal(json.string(undefined), undefined);
});

test("a long text with many escapes takes time in proportion", () => {
  const text = '{"k":"' + '\\n"'.replace('"', "x").repeat(300_000) + '"}';
  assert.equal(json.replace(text, { keys: ["k"], mask: "0" }), '{"k":0}');
});
