// Sends GitHub security alerts at or above a severity to queues of their own.
//
// It reads the severity from the payload of `code_scanning_alert` and `dependabot_alert`; events of
// other types never reach it.

import { drop, json, next, plugin, route } from "sluicegate-plugin";

// How bad an alert is. Code scanning rules that are not about security say note, warning and error.
const RANKS = {
  low: 1, note: 1, medium: 2, moderate: 2, warning: 2, high: 3, error: 3, critical: 4,
};

// Where an alert says its own: code scanning first, then Dependabot.
const PLACES = [
  ["alert", "rule", "security_severity_level"],
  ["alert", "rule", "severity"],
  ["alert", "security_advisory", "severity"],
  ["alert", "security_vulnerability", "severity"],
];

export const filter = plugin((config) => {
  const { threshold, queues, otherwise } = read(config);
  return {
    types: ["code_scanning_alert*", "dependabot_alert*"],
    filter(event) {
      if (rankOf(event.text()) >= threshold) return route(queues);
      return otherwise === "drop" ? drop("below the severity threshold") : next;
    },
  };
});

// The first place that says a severity counts; an alert that says none is below all.
function rankOf(payload) {
  const ranks = json.find(payload, PLACES).map((raw) => rank(json.string(raw)));
  return ranks.find((one) => one !== undefined) ?? 0;
}

function rank(name) {
  return Object.hasOwn(RANKS, name ?? "") ? RANKS[name] : undefined;
}

// Members that are not known are errors, so that a typing error is seen.
function read({ threshold, queues = [], else: otherwise = "next", ...others }) {
  for (const name of Object.keys(others)) throw wrong(name);
  if (threshold === undefined) {
    throw new Error("config: threshold is missing (low, medium, high, critical)");
  }
  if (typeof threshold !== "string" || rank(threshold) === undefined) throw wrong("threshold");
  if (!Array.isArray(queues) || queues.some((queue) => typeof queue !== "string")) {
    throw wrong("queues");
  }
  if (otherwise !== "next" && otherwise !== "drop") throw wrong("else");
  if (queues.length === 0) throw new Error("config: queues is missing or empty");
  return { threshold: rank(threshold), queues, otherwise };
}

function wrong(name) {
  return new Error(`config: ${name} is unknown or has a wrong value`);
}
