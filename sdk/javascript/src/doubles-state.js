// State in memory, for unit tests in Node. It answers as the gateway does, which `state.cases` beside
// the SDKs shows of both.

import { clock } from "./doubles.js";
import { encode } from "./utf8.js";

const KEY_BYTES_MAX = 512;
const NUMBER_MAX = 2n ** 63n - 1n;

// What `state: {}` grants in the gateway's configuration.
const GRANTED = { keysMax: 10_000, bytesMax: 16 * 1024 * 1024, valueBytesMax: 64 * 1024 };

export const grant = { ...GRANTED };

// By key: { value, until }.
const entries = new Map();

export function forgetState() {
  entries.clear();
  Object.assign(grant, GRANTED);
}

export const state = {
  get: (key) => look(key)?.value ?? null,
  set(key, value, ttlMs) {
    look(key);
    put(key, value, until(ttlMs));
  },
  setIfAbsent(key, value, ttlMs) {
    if (look(key) !== undefined) return false;
    put(key, value, until(ttlMs));
    return true;
  },
  delete(key) {
    look(key);
    entries.delete(key);
  },
  increment(key, delta, ttlMs) {
    const before = look(key);
    const sum = (before === undefined ? 0n : number(before.value)) + BigInt(delta);
    if (sum > NUMBER_MAX || sum < -NUMBER_MAX - 1n) {
      throw { tag: "unavailable", val: "the sum is too large" };
    }
    put(key, encode(String(sum)), ttlMs === null && before ? before.until : until(ttlMs));
    return Number(sum);
  },
};

// The entry of a key that is there; throws if no key can be this one.
function look(key) {
  const bytes = encode(key).length;
  if (bytes === 0 || bytes > KEY_BYTES_MAX) throw { tag: "too-large" };
  const now = clock.nowNs();
  for (const [name, entry] of entries) {
    if (entry.until <= now) entries.delete(name);
  }
  return entries.get(key);
}

function put(key, value, until) {
  if (value.length > grant.valueBytesMax) throw { tag: "too-large" };
  const before = entries.has(key) ? entries.get(key).value.length : -encode(key).length;
  let bytes = value.length - before;
  for (const [name, entry] of entries) bytes += encode(name).length + entry.value.length;
  // What does not grow is always taken.
  const isOver =
    (!entries.has(key) && entries.size >= grant.keysMax) ||
    (value.length > before && bytes > grant.bytesMax);
  if (isOver) throw { tag: "quota-exceeded" };
  entries.set(key, { value: Uint8Array.from(value), until });
}

function number(value) {
  // A byte that is not ASCII is no digit.
  const text = Array.from(value, (byte) => String.fromCharCode(byte)).join("");
  const read = /^[+-]?[0-9]+$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
  if (read === undefined || read > NUMBER_MAX || read < -NUMBER_MAX - 1n) {
    throw { tag: "unavailable", val: "the value is not a number" };
  }
  return read;
}

function until(ttlMs) {
  return ttlMs === null ? Infinity : clock.nowNs() + ttlMs * 1e6;
}
