// The types of `metrics`.

export interface Counter {
  add(delta?: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

export function counter(name: string, labels?: Record<string, string>): Counter;
export function histogram(name: string, labels?: Record<string, string>): Histogram;
