// The types of `json`: payloads by their text.

export const DEPTH_MAX: 128;

export class JsonError extends Error {
  readonly at: number;
}

/** Reads JSON token by token. */
export class Reader {
  constructor(text: string);
  readonly kind: "{" | "}" | "[" | "]" | "key" | "string" | "number" | "word" | undefined;
  readonly start: number;
  readonly end: number;
  token(): boolean;
  skip(): number;
}

export interface Replacement {
  /** JSON Pointers; the step `*` is any member or element. */
  pointers?: string[];
  /** Names of members, wherever they are, in any case. */
  keys?: string[];
  /** JSON that stands in place of each value; `"***"` unless said otherwise. */
  mask?: string;
}

/** The text with these values replaced; undefined if there are none. */
export function replace(text: string, replacement: Replacement): string | undefined;
/** The texts of the values at these paths of object members. */
export function find(text: string, paths: string[][]): (string | undefined)[];
/** The text that a JSON string stands for; undefined if it is no string. */
export function string(raw: string | undefined): string | undefined;
/** The steps of a JSON Pointer. */
export function steps(pointer: string): string[];
/** A to Z in lower case, and nothing else. */
export function lower(text: string): string;
