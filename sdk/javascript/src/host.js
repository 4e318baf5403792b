// What the gateway offers inside a component, and what the engine lacks there: `console`, and a
// clock behind `Date`. In Node `doubles.js` stands in its place.

import * as hostClock from "sluicegate:plugin/clock@0.1.0";
import * as hostLog from "sluicegate:plugin/log@0.1.0";
import * as hostMetrics from "sluicegate:plugin/metrics@0.1.0";

let isRunning = false;

// Said by `configure`: before it, while the component is built, there is no gateway to ask.
export function running() {
  isRunning = true;
}

export const log = {
  enabled: (level) => asked("log", hostLog).enabled(level),
  write: (level, message, fields) => asked("log", hostLog).write(level, message, fields),
};

export const metrics = {
  counter: (name, labels) => asked("metrics", hostMetrics).counter(name, labels),
  histogram: (name, labels) => asked("metrics", hostMetrics).histogram(name, labels),
  add: (id, delta) => hostMetrics.add(id, delta),
  observe: (id, value) => hostMetrics.observe(id, value),
};

export const clock = { nowNs: () => asked("clock", hostClock).nowNs() };

function asked(name, host) {
  if (isRunning) return host;
  throw new Error(`${name}: the gateway is there from configure on, not while building`);
}

// `Date` without arguments would ask a WASI clock, which is a trap here.
const now = () => Math.floor(clock.nowNs() / 1e6);
const EngineDate = globalThis.Date;
EngineDate.now = now;
globalThis.Date = new Proxy(EngineDate, {
  construct: (target, given, made) =>
    Reflect.construct(target, given.length > 0 ? given : [now()], made),
  apply: () => new EngineDate(now()).toString(),
});
EngineDate.prototype.constructor = globalThis.Date;

const line = (level) => (...words) => {
  log.write(level, words.map(String).join(" ").toWellFormed(), []);
};
globalThis.console = {
  trace: line("trace"),
  debug: line("debug"),
  log: line("info"),
  info: line("info"),
  warn: line("warn"),
  error: line("error"),
};
