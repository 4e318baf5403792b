// What a filter reads from an event. Nothing is decoded before it is asked for.

import { encode } from "./utf8.js";

export class Event {
  #raw;
  #hasPayload;

  // `raw` is the contract's record. Unit tests make events with `sluicegate-plugin/testing`.
  constructor(raw, hasPayload) {
    this.#raw = raw;
    this.#hasPayload = hasPayload;
  }

  get id() {
    return this.#raw.id;
  }

  get source() {
    return this.#raw.source;
  }

  get type() {
    return this.#raw.type;
  }

  // When it happened, to the millisecond: a number cannot hold nanoseconds since 1970.
  get time() {
    return new Date(Math.floor(this.#raw.time / 1e6));
  }

  // The media type; "" if it is not known.
  get contentType() {
    return this.#raw.contentType;
  }

  // The attributes that the subscription asked for, as [name, value].
  get attributes() {
    return this.#raw.attributes;
  }

  // The headers that the subscription asked for, as [name, value], names in lower case.
  get headers() {
    return this.#raw.headers;
  }

  // The value of an attribute; undefined if it is not there or was not asked for.
  attribute(name) {
    return first(this.#raw.attributes, name);
  }

  // The first value of a header; undefined if it is not there or was not asked for.
  header(name) {
    return first(this.#raw.headers, name);
  }

  // All values of a header, in order.
  headerValues(name) {
    const lower = name.toLowerCase();
    return this.#raw.headers.filter(([other]) => other === lower).map(([, value]) => value);
  }

  // Whether the payload has no bytes.
  get isEmpty() {
    return this.#payload().val.length === 0;
  }

  // The payload as text.
  text() {
    const { tag, val } = this.#payload();
    if (tag !== "text") throw new Error("the payload is not text");
    return val;
  }

  // The payload as a Uint8Array.
  bytes() {
    const { tag, val } = this.#payload();
    return tag === "text" ? encode(val) : Uint8Array.from(val);
  }

  // The payload as JSON.parse reads it. Numbers beyond 2^53 lose digits: to change a payload, use
  // `json.replace`, which leaves every other byte as it is.
  json() {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`the payload is not JSON: ${error.message}`);
    }
  }

  #payload() {
    if (!this.#hasPayload) {
      throw new Error('the payload was not asked for: the subscription says data: "none"');
    }
    return this.#raw.data;
  }
}

function first(fields, name) {
  const lower = name.toLowerCase();
  return fields.find(([other]) => other === lower)?.[1];
}
