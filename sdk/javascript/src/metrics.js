// Counters and histograms that the gateway shows beside its own. Make them while configuring.

import { metrics } from "#host";

// The counter of this name and these labels; all instances of a plugin share it.
export function counter(name, labels = {}) {
  const id = metrics.counter(name, pairs(labels));
  return {
    add(delta = 1) {
      if (!Number.isSafeInteger(delta) || delta < 0) {
        throw new TypeError(`a counter only grows, by whole numbers, not by ${delta}`);
      }
      metrics.add(id, delta);
    },
  };
}

// The histogram of this name and these labels; all instances of a plugin share it.
export function histogram(name, labels = {}) {
  const id = metrics.histogram(name, pairs(labels));
  return {
    observe(value) {
      metrics.observe(id, Number(value));
    },
  };
}

function pairs(labels) {
  return Object.entries(labels).map(([name, value]) => [name, String(value)]);
}
