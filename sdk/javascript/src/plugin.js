// How a module becomes a plugin: the two functions of the contract around what its author wrote.

import { checked } from "./decision.js";
import { Event } from "./event.js";
import { failureOf, messageOf } from "./failure.js";
import { running } from "#host";

const KEYS = ["types", "attributes", "headers", "data", "filter"];
const DATA_MODES = ["none", "auto", "binary"];

// Makes the value that the module exports as `filter`.
//
// `definition` is an object with the subscription and `filter(event)`, or a function that makes one
// of the configuration. What it throws while it does refuses the configuration.
export function plugin(definition) {
  const define = typeof definition === "function" ? definition : withoutConfig(definition);
  let decide;
  let hasPayload;
  return {
    configure(text) {
      running();
      try {
        const made = checkedDefinition(define(configOf(text)));
        decide = (event) => made.filter(event);
        const subscription = subscriptionOf(made);
        hasPayload = subscription.data !== "none";
        return subscription;
      } catch (thrown) {
        throw messageOf(thrown);
      }
    },
    filter(event) {
      try {
        if (decide === undefined) throw new Error("not configured");
        return checked(decide(new Event(event, hasPayload)));
      } catch (thrown) {
        throw failureOf(thrown);
      }
    },
  };
}

function withoutConfig(definition) {
  checkedDefinition(definition);
  return (config) => {
    const names = Object.keys(config);
    if (names.length > 0) {
      throw new Error(`config: ${names[0]} is unknown: this plugin takes no configuration`);
    }
    return definition;
  };
}

function configOf(text) {
  let config;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new Error(`config: not JSON: ${error.message}`);
  }
  if (config === null || typeof config !== "object" || Array.isArray(config)) {
    throw new Error("config: it is not an object");
  }
  return config;
}

function checkedDefinition(made) {
  if (made === null || typeof made !== "object" || typeof made.filter !== "function") {
    throw new TypeError("plugin: an object with filter(event) is needed");
  }
  for (const key of Object.keys(made)) {
    if (!KEYS.includes(key)) {
      throw new TypeError(`plugin: ${key} is unknown; there are ${KEYS.join(", ")}`);
    }
  }
  return made;
}

function subscriptionOf({ types = [], attributes = [], headers = [], data = "auto" }) {
  for (const [name, list] of Object.entries({ types, attributes, headers })) {
    if (!Array.isArray(list) || list.some((item) => typeof item !== "string")) {
      throw new TypeError(`plugin: ${name} must be a list of texts`);
    }
  }
  if (!DATA_MODES.includes(data)) {
    throw new TypeError(`plugin: data must be one of ${DATA_MODES.join(", ")}, not ${data}`);
  }
  return { types, attributes, headers, data };
}
