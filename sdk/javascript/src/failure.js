// How a filter fails: what it throws, as the contract's `failure`.

// Thrown by a filter that wants the event again later.
export class RetryAfter extends Error {
  constructor(ms) {
    if (!Number.isInteger(ms) || ms < 0 || ms > 0xffffffff) {
      throw new TypeError(`RetryAfter: ms must be a whole number up to 4294967295, not ${ms}`);
    }
    super(`retry after ${ms} ms`);
    this.name = "RetryAfter";
    this.ms = ms;
  }
}

// The failure that stands for anything that was thrown.
export function failureOf(thrown) {
  if (thrown instanceof RetryAfter) return { tag: "retry-after", val: thrown.ms };
  return { tag: "failed", val: messageOf(thrown) };
}

// The text of anything that was thrown: a filter may throw what is no Error.
export function messageOf(thrown) {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return (message || "it failed without a reason").toWellFormed();
}
