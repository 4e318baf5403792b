// The types of `clock`.

/** Milliseconds since 1970. */
export function now(): number;
