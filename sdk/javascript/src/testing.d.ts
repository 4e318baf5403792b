// The types of `sluicegate-plugin/testing`.

import type { Decision, Fields, Level, Plugin } from "./index.js";
import type { Subscription } from "../generated/contract.js";

export interface TestEvent {
  id?: string;
  source?: string;
  type?: string;
  time?: Date;
  contentType?: string;
  attributes?: Fields;
  headers?: Fields;
  json?: unknown;
  text?: string;
  bytes?: Uint8Array;
}

export interface Configured {
  subscription: Subscription;
  /** A failure is thrown: { tag: "failed", val: reason } or { tag: "retry-after", val: ms }. */
  decide(event: TestEvent): Decision;
}

export function configured(filter: Plugin, config?: unknown): Configured;
export function logged(): { level: Level; message: string; fields: Record<string, string> }[];
export function measured(series: string): number[];
export function stopClock(ms: number | undefined): void;
export function grantState(bounds: {
  keysMax?: number;
  bytesMax?: number;
  valueBytesMax?: number;
}): void;
export function reset(): void;
