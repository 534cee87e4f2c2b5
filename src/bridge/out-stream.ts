/**
 * What is published to the tenant goes to a stream, at least once: the rule has a persistent session, and a position in its queue is given up
 * when the stream has the message. So a bus that is away holds up no publisher, and whichever broker dies, the next one goes on from there.
 * What it sends again has the `id` that it had. Messages with QoS 0 go too, while the session is connected, and at most once.
 */
import { SystemClient } from '../broker/system-client.ts';
import { queueKey } from '../queue/durable-queue.ts';
import { bridgeClientId } from '../tenancy/system-client.ts';
import type { OutStreamRule } from './bridge-rule.ts';
import { Pause } from './pause.ts';
import { LAG_EVERY_MS, RETRY_MS_MAX, type RuleContext, type RuleRun } from './rule-run.ts';
import { StreamDrain } from './stream-drain.ts';

export class OutStream implements RuleRun {
  readonly #rule: OutStreamRule;
  readonly #context: RuleContext;
  readonly #pause: Pause;
  readonly #lagPause: Pause;
  readonly #served: Promise<unknown>;
  #client: SystemClient | undefined;
  #drain: StreamDrain | undefined;

  constructor(rule: OutStreamRule, context: RuleContext) {
    this.#rule = rule;
    this.#context = context;
    const { timers } = context.broker.services;
    this.#pause = new Pause(timers);
    this.#lagPause = new Pause(timers);
    this.#served = Promise.all([this.#serve(), this.#watchLag()]);
  }

  async stop(): Promise<void> {
    this.#pause.end();
    this.#lagPause.end();
    // What is under way is given up in the queue as well, or the next broker would send it again.
    await this.#drain?.stop();
    this.#client?.end();
    await this.#served;
  }

  /** Keeps a session open. */
  async #serve(): Promise<void> {
    while (!this.#pause.hasEnded) {
      try {
        await this.#serveOnce();
      } catch (error) {
        const { name: rule, tenant } = this.#rule;
        const { log } = this.#context.broker.services;
        log.warn(
          { rule, tenant, err: error },
          'the session of a bridge rule cannot be opened now, trying again',
        );
      }
      await this.#pause.wait(RETRY_MS_MAX);
    }
  }

  /** Resolves when the session is another broker's, or the rule is to be left. */
  async #serveOnce(): Promise<void> {
    const { broker, tenantBroker } = this.#context;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const client = new SystemClient(
      {
        clientId: bridgeClientId(this.#rule.name),
        filter: this.#rule.filter,
        onMessage: (delivery) => {
          drain.take(delivery);
        },
        onEnded: end,
      },
      tenantBroker.limits,
    );
    const drain = new StreamDrain(this.#rule, this.#context, client);
    this.#client = client;
    this.#drain = drain;
    try {
      await client.open(broker, tenantBroker);
      await ended;
    } finally {
      await drain.stop();
      this.#client = undefined;
      this.#drain = undefined;
    }
  }

  async #watchLag(): Promise<void> {
    const { counters, broker } = this.#context;
    while (!this.#lagPause.hasEnded) {
      const sessionId = this.#client?.sessionId;
      if (sessionId !== undefined) {
        const queue = queueKey(this.#rule.tenant, sessionId, 'pending');
        counters.lag = await broker.services.store.bounds(queue).then(
          ({ messages }) => messages,
          // The store is away, which readiness and the log say.
          () => undefined,
        );
      }
      await this.#lagPause.wait(LAG_EVERY_MS);
    }
    counters.lag = undefined;
  }
}
