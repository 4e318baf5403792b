// The types of `log`.

import type { Level } from "../generated/contract.js";

type Write = (message: string, fields?: Record<string, unknown>) => void;

export function enabled(level: Level): boolean;
export const trace: Write;
export const debug: Write;
export const info: Write;
export const warn: Write;
export const error: Write;
