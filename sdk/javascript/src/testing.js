// For unit tests of filters, in Node: a configured filter that is asked about events, and the
// gateway's log, metrics, clock and state in memory. Not for use inside a component.

import { forgetState, grant } from "./doubles-state.js";
import { memory } from "./doubles.js";
import { encode } from "./utf8.js";

const EVENT_KEYS = [
  "id", "source", "type", "time", "contentType", "attributes", "headers", "json", "text", "bytes",
];

// Configures what a module exports as `filter`. A refused configuration is thrown as an Error.
export function configured(filter, config = {}) {
  let subscription;
  try {
    subscription = filter.configure(JSON.stringify(config));
  } catch (why) {
    throw new Error(why);
  }
  return {
    subscription,
    // The decision about an event. A failure is thrown: { tag: "failed", val: reason } or
    // { tag: "retry-after", val: ms }.
    decide: (event) => filter.filter(rawEvent(event, subscription)),
  };
}

// What the gateway would hand over of this event under this subscription.
function rawEvent(event, subscription) {
  for (const key of Object.keys(event)) {
    if (!EVENT_KEYS.includes(key)) throw new TypeError(`testing: an event has no ${key}`);
  }
  return {
    id: event.id ?? "018bcfe5-6800-7000-8000-000000000007",
    source: event.source ?? "test",
    type: event.type ?? "test",
    time: (event.time ?? new Date(1_700_000_000_000)).getTime() * 1e6,
    contentType: event.contentType ?? "application/json",
    attributes: picked(event.attributes ?? {}, subscription.attributes),
    headers: picked(event.headers ?? {}, subscription.headers),
    data: dataOf(event, subscription.data),
  };
}

function picked(object, wanted) {
  const names = wanted.map((name) => name.toLowerCase());
  return Object.entries(object)
    .map(([name, value]) => [name.toLowerCase(), value])
    .filter(([name]) => names.includes("*") || names.includes(name))
    .flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
}

function dataOf(event, mode) {
  if (mode === "none") return { tag: "binary", val: new Uint8Array() };
  if (event.bytes !== undefined) return { tag: "binary", val: event.bytes };
  const text = event.json === undefined ? (event.text ?? "") : JSON.stringify(event.json);
  return mode === "binary" ? { tag: "binary", val: encode(text) } : { tag: "text", val: text };
}

// The lines that were logged, as { level, message, fields }.
export function logged() {
  return memory.lines;
}

// What was added to or observed in a series, such as "dropped" or "dropped reason=spam".
export function measured(series) {
  return memory.series.get(series) ?? [];
}

// Stops the clock at this time (ms since 1970); undefined lets it run.
export function stopClock(ms) {
  memory.nowNs = ms === undefined ? undefined : ms * 1e6;
}

// Changes how much state there may be, as `state` of a plugin does in the gateway's configuration:
// keys, bytes of keys and values, bytes of a value. What is not named stays.
export function grantState(bounds) {
  for (const [name, bound] of Object.entries(bounds)) {
    if (!(name in grant)) throw new TypeError(`testing: state has no ${name}`);
    grant[name] = bound;
  }
}

// Forgets lines, series, state with its grant, and a stopped clock.
export function reset() {
  memory.lines.length = 0;
  memory.series.clear();
  forgetState();
  memory.nowNs = undefined;
}
