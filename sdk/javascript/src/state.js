// State that the gateway keeps for the plugin, written with the event's commit. It needs
// `imports: [ state ]` in the plugin's plugin.yaml, and must be granted.

import { state } from "#state-host";
import { decode, encode } from "./utf8.js";

// `code` is "quota-exceeded", "too-large" or "unavailable".
export class StateError extends Error {
  constructor(code, reason) {
    super(reason ? `state: ${code}: ${reason}` : `state: ${code}`);
    this.name = "StateError";
    this.code = code;
  }
}

// The value of a key as a Uint8Array; undefined if there is none.
export function get(key) {
  const value = ask(() => state.get(key));
  return value === null || value === undefined ? undefined : Uint8Array.from(value);
}

// The value of a key as text; undefined if there is none.
export function getText(key) {
  const value = get(key);
  return value === undefined ? undefined : decode(value);
}

// Sets a key to a text or a Uint8Array, for good or for `ttlMs`.
export function set(key, value, { ttlMs } = {}) {
  ask(() => state.set(key, bytes(value), ttlMs ?? null));
}

// Sets a key unless it has a value; whether it did.
export function setIfAbsent(key, value, { ttlMs } = {}) {
  return ask(() => state.setIfAbsent(key, bytes(value), ttlMs ?? null));
}

// Forgets a key. (`delete` is a word of the language.)
export function remove(key) {
  ask(() => state.delete(key));
}

// Adds to the number under a key, which begins at 0; the sum. Exact up to 2^53.
export function increment(key, delta = 1, { ttlMs } = {}) {
  return ask(() => Number(state.increment(key, delta, ttlMs ?? null)));
}

function bytes(value) {
  if (typeof value === "string") return encode(value);
  if (value instanceof Uint8Array) return value;
  throw new TypeError("state: a value must be text or a Uint8Array");
}

function ask(question) {
  try {
    return question();
  } catch (thrown) {
    if (typeof thrown?.tag !== "string") throw thrown;
    throw new StateError(thrown.tag, thrown.val);
  }
}
