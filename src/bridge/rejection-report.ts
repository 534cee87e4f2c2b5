/** Says of messages that could not be published why, without a line for each. */
import type { BrokerLog } from '../broker/broker-log.ts';
import type { Clock } from '../time/clock.ts';
import type { BridgeRule } from './bridge-rule.ts';

/** Between lines about one rule. */
const SAY_EVERY_MS = 10_000;

export class RejectionReport {
  readonly #rule: BridgeRule;
  readonly #log: BrokerLog;
  readonly #clock: Clock;
  #saidAtMs = -Infinity;
  #unsaid = 0;

  constructor(rule: BridgeRule, log: BrokerLog, clock: Clock) {
    this.#rule = rule;
    this.#log = log;
    this.#clock = clock;
  }

  rejected(reason: string): void {
    this.#unsaid++;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#saidAtMs < SAY_EVERY_MS) return;
    const { name, tenant } = this.#rule;
    this.#log.warn(
      { rule: name, tenant, reason, rejected: this.#unsaid },
      'messages of another service could not be published; this is why the last of them could not',
    );
    this.#saidAtMs = nowMs;
    this.#unsaid = 0;
  }
}
