// The decisions, as constructors. They check what they are given, so that a mistake is named where
// it is made and not by the gateway.

const REJECT_CODES = [
  "invalid", "unauthenticated", "forbidden", "too-large", "rate-limited", "unavailable",
];
const OUTPUT_KEYS = [
  "queues", "type", "contentType", "attributes", "headers", "remove", "text", "bytes", "json",
];
const made = new WeakSet();

// No opinion: the next filter, or the route's queues.
export const next = decision("next");

// Accept the event and discard it; the reason is logged.
export function drop(reason) {
  return decision("drop", text("drop: the reason", reason));
}

// The event as it is, to these queues.
export function route(...queues) {
  return decision("route", names("route: the queues", queues.flat()));
}

// One new event for each output. What an output does not set is inherited.
export function emit(...outputs) {
  const all = outputs.flat();
  if (all.length === 0) {
    throw new TypeError("emit: at least one output is needed; to let the event go, say drop");
  }
  return decision("emit", all.map(output));
}

// Tell the producer no.
export function reject(code, reason) {
  if (!REJECT_CODES.includes(code)) {
    throw new TypeError(`reject: the code must be one of ${REJECT_CODES.join(", ")}, not ${code}`);
  }
  return decision("reject", { code, reason: text("reject: the reason", reason) });
}

// To the dead-letter queue.
export function deadLetter(reason) {
  return decision("dead-letter", text("deadLetter: the reason", reason));
}

// What a filter returned, if it is a decision.
export function checked(returned) {
  if (made.has(returned)) return returned;
  if (typeof returned?.then === "function") {
    throw new TypeError("a filter must not be async: it returned a promise");
  }
  throw new TypeError(`a filter must return a decision such as next, not ${returned}`);
}

function decision(tag, val) {
  const it = Object.freeze(val === undefined ? { tag } : { tag, val });
  made.add(it);
  return it;
}

function output(patch) {
  if (patch === null || typeof patch !== "object") {
    throw new TypeError(`emit: an output must be an object, not ${patch}`);
  }
  for (const key of Object.keys(patch)) {
    if (!OUTPUT_KEYS.includes(key)) throw new TypeError(`emit: an output has no ${key}`);
  }
  return {
    queues: names("emit: queues", patch.queues ?? []),
    type: patch.type === undefined ? null : text("emit: type", patch.type),
    contentType:
      patch.contentType === undefined ? null : text("emit: contentType", patch.contentType),
    setAttributes: fields("emit: attributes", patch.attributes ?? {}),
    setHeaders: fields("emit: headers", patch.headers ?? {}),
    remove: names("emit: remove", patch.remove ?? []),
    data: payload(patch),
  };
}

function payload(patch) {
  const given = ["text", "bytes", "json"].filter((key) => patch[key] !== undefined);
  if (given.length > 1) {
    throw new TypeError(`emit: an output has one payload, not both ${given.join(" and ")}`);
  }
  switch (given[0]) {
    case "text":
      return { tag: "text", val: text("emit: text", patch.text) };
    case "json":
      return { tag: "text", val: text("emit: json", JSON.stringify(patch.json)) };
    case "bytes":
      if (!(patch.bytes instanceof Uint8Array)) {
        throw new TypeError("emit: bytes must be a Uint8Array");
      }
      return { tag: "binary", val: patch.bytes };
    default:
      return null;
  }
}

// An object of values, each a text or a list of texts, as pairs.
function fields(what, object) {
  return Object.entries(object).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, text(`${what}.${name}`, one)]));
}

function names(what, list) {
  if (!Array.isArray(list)) throw new TypeError(`${what} must be a list, not ${typeof list}`);
  return list.map((name) => text(what, name));
}

function text(what, value) {
  if (typeof value !== "string") throw new TypeError(`${what} must be text, not ${typeof value}`);
  return value.toWellFormed();
}
