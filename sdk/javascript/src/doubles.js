// The gateway's imports in memory, for unit tests in Node. `testing.js` looks into them. State is in
// `doubles-state.js`.

import { encode } from "./utf8.js";

export const memory = { lines: [], series: new Map(), nowNs: undefined };

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

function register(name, labels) {
  const key = [name, ...labels.map((pair) => pair.join("="))].join(" ");
  if (!memory.series.has(key)) memory.series.set(key, []);
  return [...memory.series.keys()].indexOf(key);
}

function series(id) {
  return [...memory.series.values()][id];
}
