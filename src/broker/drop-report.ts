/**
 * Puts dropped messages into the log: every drop is counted where it happens, and what came together since the
 * last report becomes one line per tenant and reason, so that a flood of drops is not a flood of lines.
 */
import type { Counters, DropReason } from '../metrics/counters.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { BrokerLog } from './broker-log.ts';

export class DropReport {
  readonly #log: BrokerLog;
  /** Reported so far. */
  readonly #reported = new Map<TenantId, Map<DropReason, number>>();

  constructor(log: BrokerLog) {
    this.#log = log;
  }

  report(tenant: TenantId, counters: Counters): void {
    let reported = this.#reported.get(tenant);
    if (reported === undefined) this.#reported.set(tenant, (reported = new Map<DropReason, number>()));
    for (const [reason, total] of counters.drops) {
      const messages = total - (reported.get(reason) ?? 0);
      if (messages === 0) continue;
      reported.set(reason, total);
      this.#log.warn({ tenant, reason, messages, total }, 'messages dropped');
    }
  }
}
