/**
 * The calls that wait for their answer on one connection: bounded, each with its deadline, every one settled exactly once.
 * Knows no socket; one timer looks after all deadlines together.
 */
import type { TimerHandle, Timers } from '../../../time/clock.ts';
import type { AnswerParts } from './frame-reader.ts';
import type { HBaseError } from './hbase-error.ts';

/** How much later than its deadline a call may be given up, milliseconds. */
const SWEEP_MS = 50;

export interface PendingCall {
  readonly sentMs: number;
  readonly deadlineMs: number;
  readonly byteLength: number;
  readonly method: string;
  resolve(answer: AnswerParts): void;
  reject(error: HBaseError): void;
}

export class PendingCalls {
  readonly #timers: Timers;
  readonly #monotonicMs: () => number;
  readonly #onTimeout: (call: PendingCall) => void;
  readonly #calls = new Map<number, PendingCall>();
  #bytes = 0;
  #sweep: TimerHandle | undefined;

  /** `onTimeout` is told of each call that was given up, after it was forgotten. */
  constructor(timers: Timers, monotonicMs: () => number, onTimeout: (call: PendingCall) => void) {
    this.#timers = timers;
    this.#monotonicMs = monotonicMs;
    this.#onTimeout = onTimeout;
  }

  get count(): number {
    return this.#calls.size;
  }

  /** Of the requests that wait, frames included. */
  get bytes(): number {
    return this.#bytes;
  }

  add(callId: number, call: PendingCall): void {
    this.#calls.set(callId, call);
    this.#bytes += call.byteLength;
    this.#sweep ??= this.#timers.after(SWEEP_MS, this.#giveUpLate);
  }

  /** The call, no longer pending; undefined when it was given up before: its answer comes too late. */
  take(callId: number): PendingCall | undefined {
    const call = this.#calls.get(callId);
    if (call !== undefined) {
      this.#calls.delete(callId);
      this.#bytes -= call.byteLength;
    }
    return call;
  }

  /** Rejects everything that waits. */
  failAll(errorOf: (call: PendingCall) => HBaseError): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#bytes = 0;
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const call of calls) call.reject(errorOf(call));
  }

  readonly #giveUpLate = (): void => {
    this.#sweep = undefined;
    const now = this.#monotonicMs();
    for (const [callId, call] of this.#calls) {
      if (call.deadlineMs > now) continue;
      this.take(callId);
      this.#onTimeout(call);
    }
    if (this.#calls.size > 0) this.#sweep ??= this.#timers.after(SWEEP_MS, this.#giveUpLate);
  };
}
