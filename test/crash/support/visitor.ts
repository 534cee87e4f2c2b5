/**
 * A client identifier that connects again and again: resumes its session, starts clean, subscribes, ends the
 * session or just drops the connection. It remembers what the broker promised about the session, and what may
 * or may not have happened because the answer never came.
 */
import type { SeededRandom } from '../../../src/fleet/seeded-random.ts';
import { RawClient } from '../../support/raw-client.ts';

const SESSION_EXPIRY_S = 3_600;
const CLEAN_SHARE = 0.3;
const SUBSCRIBE_SHARE = 0.6;
const END_SHARE = 0.3;
/** How many of its filters, the latest, a visitor looks for: those of sessions long gone among them. */
const FILTERS_INSPECTED = 24;

export class Visitor {
  readonly clientId: string;
  /** What the broker did against its promises, in words. */
  readonly problems: string[] = [];
  readonly #level: 4 | 5;
  readonly #port: number;
  readonly #random: SeededRandom;
  /** Both values while the answer to a packet that decides it never came. */
  #exists = new Set<boolean>([false]);
  /** Filters by number; each number is used for one SUBSCRIBE only. */
  #mustHave = new Set<number>();
  #mayHave = new Set<number>();
  #filters = 0;

  constructor(clientId: string, level: 4 | 5, port: number, random: SeededRandom) {
    this.clientId = clientId;
    this.#level = level;
    this.#port = port;
    this.#random = random;
  }

  /** Visits until `signal` aborts; it must abort before the broker's death can be noticed. */
  async visitRepeatedly(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#visit().catch((cause: unknown) => {
        if (!signal.aborted) throw cause;
      });
    }
  }

  /** Resumes the session and notes every difference from what was promised. `publish` is acknowledged, QoS 1. */
  async inspect(publish: (topic: string) => Promise<unknown>): Promise<void> {
    const client = await this.#connect(false);
    const first = Math.max(1, this.#filters - FILTERS_INSPECTED + 1);
    const marker = await this.#subscribe(client);
    // The queue of a session keeps its order: what has not come before the marker does not come.
    for (let filter = first; filter <= marker; filter++) await publish(this.#topic(filter));
    const arrived = new Set<string>();
    for (;;) {
      const packet = await client.expect('publish');
      client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
      if (packet.topic === this.#topic(marker)) break;
      arrived.add(packet.topic);
    }
    for (const filter of this.#mustHave) {
      if (filter < first || filter === marker || arrived.has(this.#topic(filter))) continue;
      this.#complain(`subscription ${filter} was acknowledged and is gone`);
    }
    const allowed = new Set([...this.#mayHave].map((filter) => this.#topic(filter)));
    for (const topic of arrived) {
      if (!allowed.has(topic))
        this.#complain(`${topic} arrived, although the session that wanted it was discarded`);
    }
    client.destroy();
  }

  async #visit(): Promise<void> {
    const clean = this.#random.chance(CLEAN_SHARE);
    const client = await this.#connect(clean);
    // On 3.1.1 a clean session ends with its connection: nothing in it can be looked for later.
    const transient = clean && this.#level === 4;
    if (!transient && this.#random.chance(SUBSCRIBE_SHARE)) await this.#subscribe(client);
    if (this.#level === 5 && this.#random.chance(END_SHARE)) this.#end(client);
    else client.destroy();
  }

  async #connect(clean: boolean): Promise<RawClient> {
    const client = await RawClient.open({ port: this.#port, level: this.#level });
    const persistent = this.#level === 5 ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } } : {};
    const before = new Set(this.#exists);
    this.#exists.add(this.#level === 5 || !clean);
    if (clean) this.#mustHave.clear();
    client.sendConnect({ clientId: this.clientId, clean, ...persistent });
    const { sessionPresent } = await client.expect('connack');
    if (clean && sessionPresent) this.#complain('a clean start found a session');
    if (!clean && !before.has(sessionPresent)) {
      this.#complain(
        sessionPresent ? 'a session that had ended was present' : 'a persistent session was forgotten',
      );
    }
    if (!sessionPresent) {
      this.#mustHave.clear();
      this.#mayHave.clear();
    }
    this.#exists = new Set([this.#level === 5 || !clean]);
    return client;
  }

  /** Returns the number of the new filter. */
  async #subscribe(client: RawClient): Promise<number> {
    const filter = ++this.#filters;
    this.#mayHave.add(filter);
    const subscription = { topic: this.#topic(filter), qos: 1 as const, nl: false, rap: false, rh: 0 };
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription] });
    for (;;) {
      const packet = await client.next();
      if (packet.cmd === 'suback') break;
      // Probes of an earlier inspection may still be in the queue of the session.
      if (packet.cmd === 'publish') client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    }
    this.#mustHave.add(filter);
    return filter;
  }

  /** DISCONNECT is never acknowledged: whether the session has ended shows with the next CONNACK. */
  #end(client: RawClient): void {
    this.#exists = new Set([true, false]);
    this.#mustHave.clear();
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    client.end();
  }

  #complain(problem: string): void {
    this.problems.push(`${this.clientId}: ${problem}`);
  }

  #topic(filter: number): string {
    return `visit/${this.clientId}/${filter}`;
  }
}
