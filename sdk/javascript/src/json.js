// JSON payloads by their text: values are found or replaced in it, and every other byte stays as it
// is. Parsing and serialising again would change large numbers, spaces and doubled members.

import { Reader } from "./reader.js";

export { DEPTH_MAX, JsonError, Reader } from "./reader.js";

// The text with the values at `pointers` and under `keys` replaced; undefined if there are none.
//
// `pointers` are JSON Pointers (RFC 6901), in which the step `*` is any member or element. `keys`
// are names of members, wherever they are, in any case of A to Z. `mask` is the JSON text that
// stands in place of each value. A text that is not JSON is a JsonError.
export function replace(text, { pointers = [], keys = [], mask = '"***"' }) {
  const places = spans(text, pointers.map(steps), new Set(keys.map(lower)));
  if (places.length === 0) return undefined;
  let out = "";
  let at = 0;
  for (const [start, end] of places) {
    out += text.slice(at, start) + mask;
    at = end;
  }
  return out + text.slice(at);
}

// The texts of the values at several paths of object members, found in one pass that ends with the
// last that can still be found. Of doubled members the first counts. What is not JSON further on
// does not take away what was found before it.
export function find(text, paths) {
  const values = paths.map(() => undefined);
  try {
    search(text, paths, values);
  } catch (error) {
    if (error?.name !== "JsonError") throw error;
  }
  return values;
}

// The text that a JSON string stands for; undefined if it is no string. Half of a surrogate pair
// becomes U+FFFD.
export function string(raw) {
  return raw?.startsWith('"') ? JSON.parse(raw).toWellFormed() : undefined;
}

// The steps of a JSON Pointer; throws if it is none.
export function steps(pointer) {
  if (pointer !== "" && !pointer.startsWith("/")) {
    throw new TypeError(`${pointer} is no JSON Pointer: it must be empty or begin with /`);
  }
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~").toWellFormed());
}

// A to Z in lower case, and nothing else.
export function lower(text) {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).toWellFormed();
}

// Where the values to replace stand. An open container knows which pointers lead into it, and how
// many elements it has had.
function spans(text, pointers, keys) {
  const reader = new Reader(text);
  const open = [];
  const places = [];
  let name;
  while (reader.token()) {
    if (reader.kind === "key") {
      name = string(text.slice(reader.start, reader.end));
      continue;
    }
    if (reader.kind === "}" || reader.kind === "]") {
      open.pop();
      continue;
    }
    const inside = open.at(-1);
    const depth = open.length;
    const leading = inside === undefined ? pointers : leadingOn(inside, depth, name);
    const isNamed = name !== undefined && keys.has(lower(name));
    name = undefined;
    if (isNamed || leading.some((pointer) => pointer.length === depth)) {
      const start = reader.start;
      places.push([start, reader.skip()]);
    } else if (reader.kind === "{" || reader.kind === "[") {
      open.push({ pointers: leading, elements: 0 });
    }
  }
  return places;
}

// The pointers that lead to the value that begins here.
function leadingOn(inside, depth, name) {
  const element = inside.elements;
  inside.elements += 1;
  if (inside.pointers.length === 0) return inside.pointers;
  return inside.pointers.filter((pointer) => {
    const step = pointer[depth - 1];
    if (step === undefined) return false;
    if (step === "*") return true;
    return name !== undefined ? step === name : /^\+?[0-9]+$/.test(step) && +step === element;
  });
}

function search(text, paths, values) {
  const reader = new Reader(text);
  if (!reader.token() || reader.kind !== "{") return;
  // For each open object, which paths lead through it and can still be found.
  const open = [paths.map(() => true)];
  while (reader.token()) {
    const depth = open.length;
    const live = open.at(-1);
    if (reader.kind === "key") {
      const name = string(text.slice(reader.start, reader.end));
      reader.token();
      const hit = paths.map((path, at) => live[at] && path[depth - 1] === name);
      hit.forEach((isHit, at) => (live[at] &&= !isHit));
      const isHere = hit.map((isHit, at) => isHit && paths[at].length === depth);
      if (reader.kind === "{" && hit.includes(true) && !isHere.includes(true)) {
        open.push(hit);
        continue;
      }
      const start = reader.start;
      const end = reader.skip();
      isHere.forEach((is, at) => is && (values[at] = text.slice(start, end)));
    } else {
      open.pop();
    }
    if (!open.some((paths) => paths.includes(true))) return;
  }
}
