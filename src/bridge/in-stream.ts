/**
 * What is in a stream is published, at least once and in its order: an entry is settled when its message is as durable as before a PUBACK.
 * One broker at a time reads, and never more than it has published; what another one left unsettled comes first.
 */
import { StoreUnavailableError } from '../errors/store-unavailable-error.ts';
import type { InStreamRule } from './bridge-rule.ts';
import type { ReadBounds, RejectedEntry, StreamEntry, StreamGroup } from './bus.ts';
import { EnvelopeError } from './envelope.ts';
import { InboundPublisher, type InboundOutcome } from './inbound-publisher.ts';
import { Pause } from './pause.ts';
import { RejectionReport } from './rejection-report.ts';
import { LAG_EVERY_MS, RETRY_MS_MAX, RETRY_MS_MIN, type RuleContext, type RuleRun } from './rule-run.ts';
import { messageOf } from './stream-entry.ts';

/** Read and published before more is read. */
const AT_ONCE: ReadBounds = { entriesMax: 100, bytesMax: 1024 * 1024 };
/** How long a read waits for the next entry: so soon a rule that moves to another broker is let go of. */
const READ_WAIT_MS = 1_000;
/** Between two looks at what other brokers were handed and have not settled. */
const CLAIM_EVERY_MS = 250;

export class InStream implements RuleRun {
  readonly #rule: InStreamRule;
  readonly #context: RuleContext;
  readonly #publisher: InboundPublisher;
  readonly #report: RejectionReport;
  readonly #group: StreamGroup;
  readonly #pause: Pause;
  readonly #lagPause: Pause;
  readonly #served: Promise<unknown>;

  /** `consumer`: the same when this broker is started again. */
  constructor(rule: InStreamRule, context: RuleContext, consumer: string) {
    const { bus, broker, tenantBroker } = context;
    this.#rule = rule;
    this.#context = context;
    this.#publisher = new InboundPublisher(rule, tenantBroker);
    this.#report = new RejectionReport(rule, tenantBroker.log, tenantBroker.clock);
    this.#group = bus.group(rule.stream, rule.group, consumer);
    this.#pause = new Pause(broker.services.timers);
    this.#lagPause = new Pause(broker.services.timers);
    this.#served = Promise.all([this.#serve(), this.#watchLag()]);
  }

  async stop(): Promise<void> {
    this.#pause.end();
    this.#lagPause.end();
    this.#group.close();
    await this.#served;
  }

  async #serve(): Promise<void> {
    let retryMs = RETRY_MS_MIN;
    while (!this.#pause.hasEnded) {
      try {
        await this.#group.create();
        retryMs = RETRY_MS_MIN;
        await this.#takeOver();
        await this.#follow();
      } catch (error) {
        // The bus says itself that it is away, and so does the store.
        const { log } = this.#context.broker.services;
        log.debug({ rule: this.#rule.name, err: error }, 'a stream cannot be read now, trying again');
        await this.#pause.wait(retryMs);
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
      }
    }
  }

  /** What was handed out before: to this broker in an earlier run, and to others that do not settle it any more. */
  async #takeOver(): Promise<void> {
    await this.#publishUnsettled();
    // By then whoever was handed an entry has settled it, or cannot any more.
    const { storeTimeoutMs } = this.#context.tenantBroker.limits;
    while (!this.#pause.hasEnded) {
      const { claimed, left } = await this.#group.claim(AT_ONCE.entriesMax, storeTimeoutMs);
      if (claimed > 0) await this.#publishUnsettled();
      else if (left === 0) return;
      else await this.#pause.wait(CLAIM_EVERY_MS);
    }
  }

  async #publishUnsettled(): Promise<void> {
    for (;;) {
      const entries = await this.#group.unsettled(AT_ONCE);
      if (entries.length === 0) return;
      await this.#publish(entries);
    }
  }

  async #follow(): Promise<void> {
    const { clock, limits } = this.#context.tenantBroker;
    let lookedAtMs = clock.nowMs();
    while (!this.#pause.hasEnded) {
      const entries = await this.#group.next(AT_ONCE, READ_WAIT_MS);
      if (entries.length > 0) await this.#publish(entries);
      if (clock.nowMs() - lookedAtMs < limits.storeTimeoutMs) continue;
      await this.#takeOver();
      lookedAtMs = clock.nowMs();
    }
  }

  /** Throws when the store is away: what is not settled is handed out again. */
  async #publish(entries: readonly StreamEntry[]): Promise<void> {
    const { counters } = this.#context;
    const outcomes = await Promise.all(entries.map((entry) => this.#publishOne(entry)));
    const settled: string[] = [];
    const rejected: RejectedEntry[] = [];
    let lost = 0;
    for (const [index, entry] of entries.entries()) {
      const outcome = outcomes[index];
      if (outcome?.type === 'rejected') rejected.push({ entry, reason: outcome.reason });
      else if (outcome?.type === 'published') settled.push(entry.id);
      if (entry.fields === undefined) lost++;
    }
    // Durable here: each message in every durable queue it matched, and the retained message if it is one.
    await this.#group.settle(settled, rejected);
    counters.messages += settled.length - lost;
    counters.dropped += lost;
    counters.rejected += rejected.length;
    for (const { reason } of rejected) this.#report.rejected(reason);
    if (settled.length + rejected.length < entries.length)
      throw new StoreUnavailableError('durable queue', 'messages of a stream were not stored in time');
  }

  #publishOne({ fields }: StreamEntry): Promise<InboundOutcome> {
    // There is nothing left to publish: it is done with.
    if (fields === undefined) return Promise.resolve({ type: 'published' });
    try {
      return this.#publisher.publish(messageOf(fields, this.#rule.format, this.#rule.tenant));
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      return Promise.resolve({ type: 'rejected', reason: error.message });
    }
  }

  async #watchLag(): Promise<void> {
    const { counters } = this.#context;
    while (!this.#lagPause.hasEnded) {
      counters.lag = await this.#group.lag().catch(() => undefined);
      await this.#lagPause.wait(LAG_EVERY_MS);
    }
    counters.lag = undefined;
  }
}
