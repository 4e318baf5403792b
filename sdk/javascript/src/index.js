// What a filter imports: `plugin`, the decisions, and what the sandbox offers. Only lists.

export { plugin } from "./plugin.js";
export { RetryAfter } from "./failure.js";
export { next, drop, route, emit, reject, deadLetter } from "./decision.js";
export * as json from "./json.js";
export * as log from "./log.js";
export * as metrics from "./metrics.js";
export * as clock from "./clock.js";
