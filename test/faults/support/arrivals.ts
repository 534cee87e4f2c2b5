/** Clients that connect and subscribe without end, while a test breaks what that needs. */
import { expect } from 'vitest';
import { MQTT_5, persistent } from '../../integration/support/versions.ts';
import type { RunningBroker } from '../../support/running-broker.ts';

const SUBSCRIBERS = 10;
/** For a client to wait for an answer on a busy machine. */
export const ANSWER_MS = 40_000;

/** Clients that come, subscribe and go, one session after the other, and what each was told that it has. */
export class Arrivals {
  readonly acknowledged = new Map<string, string>();
  readonly #brokers: readonly RunningBroker[];
  readonly #running: Promise<void>[];
  refused = 0;
  slowestMs = 0;
  #over = false;

  constructor(brokers: readonly RunningBroker[]) {
    this.#brokers = brokers;
    this.#running = Array.from({ length: SUBSCRIBERS }, (_, index) => this.#run(index));
  }

  async further(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await expect.poll(() => this.acknowledged.size, { timeout: 120_000 }).toBeGreaterThanOrEqual(wanted);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
  }

  async #run(index: number): Promise<void> {
    for (let round = 0; !this.#over; round++) {
      const broker = this.#brokers[(index + round) % this.#brokers.length];
      const clientId = `arrival-${index}-${round}`;
      const startedMs = performance.now();
      if (broker !== undefined && !(await this.#arrive(broker, clientId))) this.refused++;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
    }
  }

  /** false: something was not acknowledged. */
  async #arrive(broker: RunningBroker, clientId: string): Promise<boolean> {
    const client = await broker.open(MQTT_5);
    try {
      client.sendConnect({ clientId, ...persistent(MQTT_5) });
      if ((await client.expect('connack', ANSWER_MS)).reasonCode !== 0) return false;
      const topic = `arrivals/${clientId}`;
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
      const answer = await client.next(ANSWER_MS);
      if (answer.cmd !== 'suback') return false;
      this.acknowledged.set(clientId, topic);
      return true;
    } catch {
      return false;
    } finally {
      client.destroy();
    }
  }
}
