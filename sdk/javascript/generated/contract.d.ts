// The contract sluicegate:plugin@0.1.0 as TypeScript. Made by `generate`: do not edit.

export type Data =
  | { tag: "text"; val: string }
  | { tag: "binary"; val: Uint8Array };

export interface Event {
  id: string;
  source: string;
  type: string;
  time: number;
  contentType: string;
  attributes: Fields;
  headers: Fields;
  data: Data;
}

export type DataMode =
  | "none"
  | "auto"
  | "binary";

export interface Subscription {
  types: Array<string>;
  attributes: Array<string>;
  headers: Array<string>;
  data: DataMode;
}

export interface Output {
  queues: Array<string>;
  type: string | null;
  contentType: string | null;
  setAttributes: Fields;
  setHeaders: Fields;
  remove: Array<string>;
  data: Data | null;
}

export type RejectCode =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "too-large"
  | "rate-limited"
  | "unavailable";

export interface Rejection {
  code: RejectCode;
  reason: string;
}

export type Decision =
  | { tag: "next" }
  | { tag: "drop"; val: string }
  | { tag: "route"; val: Array<string> }
  | { tag: "emit"; val: Array<Output> }
  | { tag: "reject"; val: Rejection }
  | { tag: "dead-letter"; val: string };

export type Failure =
  | { tag: "retry-after"; val: number }
  | { tag: "failed"; val: string };

export type Fields = Array<[string, string]>;

export type Level =
  | "trace"
  | "debug"
  | "info"
  | "warn"
  | "error";

export interface LogInterface {
  enabled(level: Level): boolean;
  write(level: Level, message: string, fields: Array<[string, string]>): void;
}

export interface MetricsInterface {
  counter(name: string, labels: Array<[string, string]>): number;
  histogram(name: string, labels: Array<[string, string]>): number;
  add(id: number, delta: number): void;
  observe(id: number, value: number): void;
}

export type StateError =
  | { tag: "quota-exceeded" }
  | { tag: "too-large" }
  | { tag: "unavailable"; val: string };

export interface StateInterface {
  /** Throws StateError. */
  get(key: string): Uint8Array | null;
  /** Throws StateError. */
  set(key: string, value: Uint8Array, ttlMs: number | null): void;
  /** Throws StateError. */
  setIfAbsent(key: string, value: Uint8Array, ttlMs: number | null): boolean;
  /** Throws StateError. */
  delete(key: string): void;
  /** Throws StateError. */
  increment(key: string, delta: number, ttlMs: number | null): number;
}

export interface ClockInterface {
  nowNs(): number;
}

export interface FilterInterface {
  /** Throws string. */
  configure(config: string): Subscription;
  /** Throws Failure. */
  filter(event: Event): Decision;
}

export interface BatchFilterInterface {
  /** Throws string. */
  configure(config: string): Subscription;
  filterBatch(events: Array<Event>): Array<{ tag: "ok"; val: Decision } | { tag: "err"; val: Failure }>;
}
