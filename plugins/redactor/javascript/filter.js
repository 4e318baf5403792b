// Masks values in JSON payloads and removes headers, before an event is stored anywhere.
//
// Every byte of the payload that is not masked stays as it was. What cannot be read as JSON is not
// let through: the filter fails, and its failure policy applies.

import { emit, json, next, plugin } from "sluicegate-plugin";

export const filter = plugin((config) => {
  const { types, headers, ...rules } = read(config);
  const hasRules = rules.pointers.length > 0 || rules.keys.length > 0;
  return {
    types,
    headers,
    data: hasRules ? "auto" : "none",
    filter(event) {
      const text = hasRules && !event.isEmpty ? masked(event, rules) : undefined;
      // The subscription asked for the headers to remove and no others.
      if (text === undefined && event.headers.length === 0) return next;
      return emit({ remove: event.headers.map(([name]) => name), text });
    },
  };
});

function masked(event, rules) {
  let text;
  try {
    text = event.text();
  } catch {
    throw new Error("the payload is not text, so nothing can be masked");
  }
  return json.replace(text, rules);
}

// Members that are not known are errors, so that a typing error is seen.
function read(config) {
  const { types = [], headers = [], keys = [], pointers = [], mask = "***", ...others } = config;
  for (const name of Object.keys(others)) throw wrong(name);
  for (const [name, list] of Object.entries({ types, headers, keys, pointers })) {
    if (!Array.isArray(list) || list.some((text) => typeof text !== "string")) throw wrong(name);
  }
  if (pointers.some((pointer) => !isPointer(pointer))) throw wrong("pointers");
  if (typeof mask !== "string") throw wrong("mask");
  if (pointers.length === 0 && keys.length === 0 && headers.length === 0) {
    throw new Error("config: one of pointers, keys and headers is needed");
  }
  return { types, headers: headers.map(json.lower), keys, pointers, mask: JSON.stringify(mask) };
}

function isPointer(text) {
  return text === "" || text.startsWith("/");
}

function wrong(name) {
  return new Error(`config: ${name} is unknown or has a wrong value`);
}
