// The types of what a filter imports.

import type {
  DataMode,
  Decision as ContractDecision,
  Event as ContractEvent,
  Level,
  RejectCode,
  Subscription as ContractSubscription,
} from "../generated/contract.js";

export type { DataMode, Level, RejectCode };

/** What a filter returns; made by the functions below, and by them alone. */
export type Decision = Readonly<ContractDecision> & { readonly __brand: "decision" };

/** No opinion: the next filter, or the route's queues. */
export const next: Decision;
/** Accept the event and discard it; the reason is logged. */
export function drop(reason: string): Decision;
/** The event as it is, to these queues. */
export function route(...queues: (string | string[])[]): Decision;
/** One new event for each output. What an output does not set is inherited. */
export function emit(...outputs: (Output | Output[])[]): Decision;
/** Tell the producer no. */
export function reject(code: RejectCode, reason: string): Decision;
/** To the dead-letter queue. */
export function deadLetter(reason: string): Decision;

/** Texts by name; several texts for a header that comes several times. */
export type Fields = Record<string, string | string[]>;

/** A new event. Without `queues` it continues down the route. At most one payload. */
export interface Output {
  queues?: string[];
  type?: string;
  contentType?: string;
  attributes?: Fields;
  headers?: Fields;
  /** Names of attributes and headers to remove. */
  remove?: string[];
  text?: string;
  bytes?: Uint8Array;
  json?: unknown;
}

/** What a filter reads from an event. */
export interface Event {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** To the millisecond. */
  readonly time: Date;
  /** "" if it is not known. */
  readonly contentType: string;
  readonly attributes: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  /** Whether the payload has no bytes. */
  readonly isEmpty: boolean;
  attribute(name: string): string | undefined;
  /** The first value; the name in any case. */
  header(name: string): string | undefined;
  headerValues(name: string): string[];
  /** Throws if the payload is not UTF-8 text, or was asked for as bytes. */
  text(): string;
  bytes(): Uint8Array;
  /** As JSON.parse reads it: numbers beyond 2^53 lose digits. */
  json(): any;
}

/** What a filter wants to see, and how it decides. */
export interface Definition {
  /** Patterns in which `*` is any characters; none: every type. */
  types?: string[];
  /** Names; `*` for all. */
  attributes?: string[];
  /** Names in any case; `*` for all. */
  headers?: string[];
  /** "auto" (text where it is UTF-8) unless said otherwise. */
  data?: DataMode;
  /** What it throws is a failure, and the plugin's failure policy applies. */
  filter(event: Event): Decision;
}

/** The value to export as `filter`. */
export interface Plugin {
  configure(config: string): ContractSubscription;
  filter(event: ContractEvent): Decision;
}

/** Makes a plugin of a definition, or of a function that makes one of the configuration. */
export function plugin(definition: Definition | ((config: any) => Definition)): Plugin;

/** Thrown by a filter that wants the event again after so many milliseconds. */
export class RetryAfter extends Error {
  constructor(ms: number);
  readonly ms: number;
}

export * as json from "./json.js";
export * as log from "./log.js";
export * as metrics from "./metrics.js";
export * as clock from "./clock.js";
