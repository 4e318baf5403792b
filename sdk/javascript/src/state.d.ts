// The types of `sluicegate-plugin/state`.

import type { StateError as ContractError } from "../generated/contract.js";

export class StateError extends Error {
  readonly code: ContractError["tag"];
}

export interface Lifetime {
  ttlMs?: number;
}

export function get(key: string): Uint8Array | undefined;
export function getText(key: string): string | undefined;
export function set(key: string, value: string | Uint8Array, lifetime?: Lifetime): void;
export function setIfAbsent(key: string, value: string | Uint8Array, lifetime?: Lifetime): boolean;
export function remove(key: string): void;
export function increment(key: string, delta?: number, lifetime?: Lifetime): number;
