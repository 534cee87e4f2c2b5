/** Two clients with one client identifier, each at a broker of its own: whoever is put out comes back, until it is over. */
import { expect } from 'vitest';
import { MQTT_5, persistent } from '../../integration/support/versions.ts';
import type { RawClient } from '../../support/raw-client.ts';
import type { RunningBroker } from '../../support/running-broker.ts';
import { ANSWER_MS } from './arrivals.ts';

const FURTHER_MS_MAX = 120_000;

export class Contenders {
  readonly clientId: string;
  /** CONNACKs that said that the session is this client's. */
  wins = 0;
  readonly #contending: Promise<RawClient | undefined>[];
  #isOver = false;
  #end: () => void = () => undefined;

  constructor(brokers: readonly RunningBroker[], clientId: string) {
    this.clientId = clientId;
    const over = new Promise<void>((resolve) => (this.#end = resolve));
    this.#contending = brokers.map((broker) => this.#contend(broker, over));
  }

  async further(count: number): Promise<void> {
    const wanted = this.wins + count;
    await expect.poll(() => this.wins, { timeout: FURTHER_MS_MAX }).toBeGreaterThanOrEqual(wanted);
  }

  /** Nobody comes back any more. Resolves with the number of the broker at which the one is that still has a connection. */
  async winner(): Promise<number> {
    this.#isOver = true;
    this.#end();
    const clients = await Promise.all(this.#contending);
    const open = (): number[] =>
      [...clients.entries()].flatMap(([index, client]) => (client?.isClosed === false ? [index] : []));
    await expect.poll(() => open().length, { timeout: ANSWER_MS }).toBe(1);
    const [winner = -1] = open();
    await clients[winner]?.roundTrip();
    return winner;
  }

  /** The last one goes too. */
  async leave(): Promise<void> {
    for (const client of await Promise.all(this.#contending)) client?.destroy();
  }

  async #contend(broker: RunningBroker, over: Promise<void>): Promise<RawClient | undefined> {
    for (;;) {
      const client = await this.#connected(broker);
      if (client !== undefined) await Promise.race([client.closed(FURTHER_MS_MAX), over]);
      if (this.#isOver) return client;
      client?.destroy();
    }
  }

  /** undefined: it was refused, or put out before it was told anything. */
  async #connected(broker: RunningBroker): Promise<RawClient | undefined> {
    const client = await broker.open(MQTT_5);
    client.sendConnect({ clientId: this.clientId, ...persistent(MQTT_5) });
    try {
      if ((await client.expect('connack', ANSWER_MS)).reasonCode === 0) {
        this.wins++;
        return client;
      }
    } catch {
      // Put out: the other one was later.
    }
    client.destroy();
    return undefined;
  }
}
