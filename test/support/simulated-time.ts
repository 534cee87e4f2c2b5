/**
 * Time that passes when a simulation says so. Timers fire in the order they are due; between two of them every
 * promise and every end of turn runs out, so a run depends on nothing but its seed.
 */
import type { Clock, TimerHandle, Timers } from '../../src/time/clock.ts';

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

export class SimulatedTime implements Clock, Timers {
  #nowMs: number;
  #order = 0;
  /** A binary heap by due time, then by order. */
  readonly #heap: Waiting[] = [];
  readonly #cancelled = new Set<Waiting>();
  #endOfTurn: (() => void)[] = [];

  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): TimerHandle {
    const waiting = { dueMs: this.#nowMs + Math.ceil(Math.max(0, delayMs)), order: ++this.#order, action };
    this.#heap.push(waiting);
    this.#up(this.#heap.length - 1);
    return { cancel: () => this.#cancelled.add(waiting) };
  }

  endOfTurn(action: () => void): void {
    this.#endOfTurn.push(action);
  }

  /** Resolves in simulated time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    await macrotask();
    while (this.#endOfTurn.length > 0) {
      for (const action of this.#endOfTurn.splice(0)) action();
      await macrotask();
    }
  }

  /** Lets time pass. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await this.settle();
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      if (this.#cancelled.delete(next)) continue;
      this.#nowMs = next.dueMs;
      next.action();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #down(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (child >= this.#heap.length || !this.#swapIfBefore(child, index)) return;
      index = child;
    }
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const [a, b] = [this.#heap[child], this.#heap[parent]];
    if (a === undefined || b === undefined || !this.#isBefore(child, parent)) return false;
    this.#heap[child] = b;
    this.#heap[parent] = a;
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return false;
    return first.dueMs < second.dueMs || (first.dueMs === second.dueMs && first.order < second.order);
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
