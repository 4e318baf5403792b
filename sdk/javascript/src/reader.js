// Reads JSON token by token, with the place of each in the text. It takes what RFC 8259 says, does
// not recurse, and looks no further than it is asked to.
//
// Strings are found with indexOf, which the engine does natively: a loop over the characters would
// take most of a filter's time. Each position is looked at once, however many escapes there are.

import { length } from "./utf8.js";

// How deep containers may be nested.
export const DEPTH_MAX = 128;

// The text is not JSON. `at` is the byte at which it stops being it.
export class JsonError extends Error {
  constructor(at, what) {
    super(`not JSON at byte ${at}: ${what}`);
    this.name = "JsonError";
    this.at = at;
  }
}

const CONTROL = /[\u0000-\u001f]/;
const HEX4 = /[0-9a-fA-F]{4}/y;
const DIGITS = /[0-9]+/y;
const SPACES = /[ \t\n\r]+/y;
const WORDS = ["true", "false", "null"];

export class Reader {
  #text;
  #at = 0;
  #objects = [];
  // What may come next: value, value-or-end, key, key-or-end, comma-or-end or nothing.
  #next = "value";
  #quote = -1;
  #backslash = -1;

  // The token that was read last: "{", "}", "[", "]", "key", "string", "number" or "word".
  kind;
  // Where it stands; strings and keys with their quotes.
  start = 0;
  end = 0;

  constructor(text) {
    this.#text = text;
  }

  // Reads a token; false after the last.
  token() {
    for (;;) {
      this.#space();
      if (this.#at >= this.#text.length) {
        if (this.#next === "nothing") return false;
        this.#fail(this.#at, "it is cut off");
      }
      const character = this.#text[this.#at];
      const next = this.#next;
      if (next === "value" || next === "value-or-end") {
        if (next === "value-or-end" && character === "]") return this.#close("]");
        return this.#value(character);
      }
      if (next === "nothing") this.#fail(this.#at, "something follows the value");
      const inObject = this.#objects.at(-1);
      if (next === "comma-or-end" && character === ",") {
        this.#at += 1;
        this.#next = inObject ? "key" : "value";
      } else if (next !== "key" && character === (inObject ? "}" : "]")) {
        return this.#close(character);
      } else if (next !== "comma-or-end" && character === '"') {
        return this.#key();
      } else {
        this.#fail(this.#at, "another character belongs here");
      }
    }
  }

  // Passes over the value whose first token was just read; gives the end of all of it.
  skip() {
    if (this.kind !== "{" && this.kind !== "[") return this.end;
    const outside = this.#objects.length - 1;
    while (this.token()) {
      if (this.#objects.length === outside) return this.end;
    }
    return this.#fail(this.#at, "it is cut off");
  }

  #value(character) {
    if (character === "{") return this.#open("{", true, "key-or-end");
    if (character === "[") return this.#open("[", false, "value-or-end");
    if (character === '"') return this.#scalar("string", this.#stringEnd());
    if (character === "-" || (character >= "0" && character <= "9")) {
      return this.#scalar("number", this.#numberEnd());
    }
    const word = WORDS.find((one) => this.#text.startsWith(one, this.#at));
    if (word === undefined) this.#fail(this.#at, "a value belongs here");
    return this.#scalar("word", this.#at + word.length);
  }

  #open(kind, isObject, next) {
    if (this.#objects.length === DEPTH_MAX) this.#fail(this.#at, "it is nested too deep");
    this.#objects.push(isObject);
    this.#next = next;
    return this.#is(kind, this.#at + 1);
  }

  #close(kind) {
    this.#objects.pop();
    return this.#scalar(kind, this.#at + 1);
  }

  #scalar(kind, end) {
    this.#next = this.#objects.length === 0 ? "nothing" : "comma-or-end";
    return this.#is(kind, end);
  }

  #key() {
    this.#is("key", this.#stringEnd());
    this.#space();
    if (this.#text[this.#at] !== ":") this.#fail(this.#at, "a colon belongs here");
    this.#at += 1;
    this.#next = "value";
    return true;
  }

  #is(kind, end) {
    this.kind = kind;
    this.start = this.#at;
    this.end = end;
    this.#at = end;
    return true;
  }

  // The end of the string that starts here; escapes are checked for their form.
  #stringEnd() {
    const text = this.#text;
    let from = this.#at + 1;
    for (;;) {
      if (this.#quote < from) this.#quote = found(text.indexOf('"', from));
      if (this.#backslash < from) this.#backslash = found(text.indexOf("\\", from));
      const stop = Math.min(this.#quote, this.#backslash, text.length);
      const control = text.slice(from, stop).search(CONTROL);
      if (control >= 0) this.#fail(from + control, "a control character in a string");
      if (stop === text.length) this.#fail(stop, "a string is cut off");
      if (stop === this.#quote) return stop + 1;
      from = this.#escapeEnd(stop);
    }
  }

  #escapeEnd(at) {
    const escape = this.#text[at + 1];
    if (escape !== undefined && '"\\/bfnrt'.includes(escape)) return at + 2;
    HEX4.lastIndex = at + 2;
    if (escape === "u" && HEX4.test(this.#text)) return at + 6;
    return this.#fail(at, "an escape that is none");
  }

  #numberEnd() {
    const text = this.#text;
    const start = text[this.#at] === "-" ? this.#at + 1 : this.#at;
    let at = text[start] === "0" ? start + 1 : this.#digits(start);
    if (text[at] === ".") at = this.#digits(at + 1);
    if (text[at] === "e" || text[at] === "E") {
      const isSigned = text[at + 1] === "+" || text[at + 1] === "-";
      at = this.#digits(at + (isSigned ? 2 : 1));
    }
    return at;
  }

  #digits(at) {
    DIGITS.lastIndex = at;
    if (!DIGITS.test(this.#text)) this.#fail(at, "a digit belongs here");
    return DIGITS.lastIndex;
  }

  #space() {
    if (this.#text.charCodeAt(this.#at) > 0x20) return;
    SPACES.lastIndex = this.#at;
    if (SPACES.test(this.#text)) this.#at = SPACES.lastIndex;
  }

  #fail(at, what) {
    throw new JsonError(length(this.#text.slice(0, at)), what);
  }
}

function found(index) {
  return index < 0 ? Infinity : index;
}
