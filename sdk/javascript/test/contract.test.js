// The committed types are what the contract gives.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("generated/contract.d.ts is what sdk/wit gives", () => {
  const generate = fileURLToPath(new URL("../generate", import.meta.url));
  assert.equal(execFileSync(process.execPath, [generate, "--check"], { encoding: "utf8" }), "");
});
