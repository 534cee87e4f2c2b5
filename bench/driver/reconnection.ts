/**
 * Clients that have lost their broker and look for another one, all of them at once: as devices do, each tries the next address
 * a while after an attempt that failed. It counts; it does not judge.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ReconnectParams, ReconnectResult } from './calls.ts';
import type { BenchClient } from './client.ts';
import { monotonicMs } from './monotonic-clock.ts';

/** Failures kept: the first few tell the story. */
const FAILURES_MAX = 5;
/** Pauses between half and one and a half times the average, so that who failed together does not come back together. */
const PAUSES = 100;

type Connect = (port: number, clientId: string) => Promise<BenchClient>;

export class Reconnection {
  readonly #params: ReconnectParams;
  readonly #connect: Connect;
  readonly #connectedAtMs: number[] = [];
  readonly #failures: string[] = [];
  #failedAttempts = 0;
  #sessionsMissing = 0;

  constructor(params: ReconnectParams, connect: Connect) {
    this.#params = params;
    this.#connect = connect;
  }

  /** The connections of those that came back. */
  async complete(clients: readonly BenchClient[]): Promise<BenchClient[]> {
    const dialled = await Promise.all(clients.map((client, index) => this.#replace(client, index)));
    return dialled.filter((client) => client !== undefined);
  }

  get result(): ReconnectResult {
    return {
      connectedAtMs: Float64Array.from(this.#connectedAtMs),
      failedAttempts: this.#failedAttempts,
      sessionsMissing: this.#sessionsMissing,
      failures: this.#failures,
    };
  }

  async #replace(lost: BenchClient, index: number): Promise<BenchClient | undefined> {
    const { ports, retryMs, giveUpMs } = this.#params;
    await lost.broken;
    for (let attempt = index; monotonicMs() < giveUpMs; attempt += 1) {
      try {
        const client = await this.#connect(ports[attempt % ports.length] ?? 0, lost.clientId);
        this.#connectedAtMs.push(monotonicMs());
        if (!client.hasSession) this.#sessionsMissing += 1;
        return client;
      } catch (error) {
        this.#failedAttempts += 1;
        if (this.#failures.length < FAILURES_MAX) this.#failures.push(String(error));
        await delay(retryMs * (0.5 + (index % PAUSES) / PAUSES));
      }
    }
    return undefined;
  }
}
