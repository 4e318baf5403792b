// Lines in the gateway's log, marked there with the plugin, its digest and the event.

import { log } from "#host";

// Whether lines of this level are written at all: ask before making an expensive one.
export function enabled(level) {
  return log.enabled(level);
}

export function trace(message, fields) {
  write("trace", message, fields);
}

export function debug(message, fields) {
  write("debug", message, fields);
}

export function info(message, fields) {
  write("info", message, fields);
}

export function warn(message, fields) {
  write("warn", message, fields);
}

export function error(message, fields) {
  write("error", message, fields);
}

function write(level, message, fields = {}) {
  const pairs = Object.entries(fields).map(([name, value]) => [name, String(value).toWellFormed()]);
  log.write(level, String(message).toWellFormed(), pairs);
}
