// The gateway's imports in memory, for unit tests in Node. `testing.js` looks into them.

import { encode } from "./utf8.js";

export const memory = { lines: [], series: new Map(), nowNs: undefined, values: new Map() };

export function running() {}

export const log = {
  enabled: () => true,
  write(level, message, fields) {
    memory.lines.push({ level, message, fields: Object.fromEntries(fields) });
  },
};

export const metrics = {
  counter: register,
  histogram: register,
  add(id, delta) {
    series(id).push(delta);
  },
  observe(id, value) {
    series(id).push(value);
  },
};

export const clock = { nowNs: () => memory.nowNs ?? Date.now() * 1e6 };

export const state = {
  get: (key) => live(key)?.value ?? null,
  set(key, value, ttlMs) {
    memory.values.set(key, { value, until: until(ttlMs) });
  },
  setIfAbsent(key, value, ttlMs) {
    if (live(key) !== undefined) return false;
    state.set(key, value, ttlMs);
    return true;
  },
  delete(key) {
    memory.values.delete(key);
  },
  increment(key, delta, ttlMs) {
    const before = live(key);
    const sum = Number(before ? String.fromCharCode(...before.value) : 0) + delta;
    const kept = before && ttlMs === null ? before.until : until(ttlMs);
    memory.values.set(key, { value: encode(String(sum)), until: kept });
    return sum;
  },
};

function register(name, labels) {
  const key = [name, ...labels.map((pair) => pair.join("="))].join(" ");
  if (!memory.series.has(key)) memory.series.set(key, []);
  return [...memory.series.keys()].indexOf(key);
}

function series(id) {
  return [...memory.series.values()][id];
}

function until(ttlMs) {
  return ttlMs === null ? Infinity : clock.nowNs() + ttlMs * 1e6;
}

function live(key) {
  const entry = memory.values.get(key);
  return entry !== undefined && entry.until > clock.nowNs() ? entry : undefined;
}
