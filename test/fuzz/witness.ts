/**
 * Two clients that do nothing wrong: one publishes with QoS 1, the other takes and acknowledges, again and again. How many of
 * these round trips they complete says whether others feel what is done to the broker.
 */
import { RawClient } from '../support/raw-client.ts';
import { WATCHER } from './accounts.ts';

/** A round trip that takes so long counts as none. */
export const ROUND_TRIP_DEADLINE_MS = 5_000;
const TOPIC = 'witness';

export class Witness {
  /** Completed. */
  roundTrips = 0;
  /** Why there are no more; undefined: there are. */
  failure: string | undefined;
  readonly #port: number;
  readonly #clients: RawClient[] = [];
  #running: Promise<void> = Promise.resolve();
  #ended = false;
  /** Where it stops until it is asked for more. */
  #goal = 0;
  #onGoal: (() => void) | undefined;
  readonly #waiters: { readonly at: number; readonly resolve: () => void }[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  async begin(): Promise<void> {
    const [to, from] = [await this.#connect('witness-to'), await this.#connect('witness-from')];
    to.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TOPIC, qos: 1 }] });
    await to.expect('suback');
    this.#running = this.#run(from, to).catch((error: unknown) => {
      if (!this.#ended) this.failure = error instanceof Error ? error.message : String(error);
      this.#wake();
    });
  }

  /** Resolves when so many more are completed, or there will be no more. Between two calls it rests. */
  async complete(count: number): Promise<void> {
    const at = this.roundTrips + count;
    this.#goal = Math.max(this.#goal, at);
    this.#onGoal?.();
    if (this.failure === undefined) await new Promise<void>((resolve) => this.#waiters.push({ at, resolve }));
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#onGoal?.();
    await this.#running;
    for (const client of this.#clients) client.destroy();
  }

  async #connect(clientId: string): Promise<RawClient> {
    const { client } = await RawClient.connect({ port: this.#port }, { clientId, ...WATCHER });
    this.#clients.push(client);
    return client;
  }

  async #run(from: RawClient, to: RawClient): Promise<void> {
    for (;;) {
      while (!this.#ended && this.roundTrips >= this.#goal) {
        await new Promise<void>((resolve) => (this.#onGoal = resolve));
      }
      if (this.#ended) return;
      const payload = String(this.roundTrips);
      from.send({ cmd: 'publish', topic: TOPIC, payload, qos: 1, dup: false, retain: false, messageId: 1 });
      const [message] = await Promise.all([
        to.expect('publish', ROUND_TRIP_DEADLINE_MS),
        from.expect('puback', ROUND_TRIP_DEADLINE_MS),
      ]);
      if (message.payload.toString() !== payload)
        throw new Error(`the witness got ${message.payload.toString()}`);
      to.send({ cmd: 'puback', messageId: message.messageId ?? 0 });
      this.roundTrips++;
      this.#wake();
      // One after the other, with a turn for everybody in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #wake(): void {
    const isOver = this.failure !== undefined;
    const due = this.#waiters.filter(({ at }) => isOver || at <= this.roundTrips);
    for (const waiter of due) {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  }
}
