/**
 * Which bridge rules this broker serves, and when: those of tenants that are served, and of those that one broker is to serve the ones that
 * fall to it. Looks again and again, because tenants, members and this broker change for many reasons.
 */
import type { Broker } from '../broker/broker.ts';
import type { TenantBroker } from '../broker/tenant-broker.ts';
import type { TimerHandle } from '../time/clock.ts';
import type { TenantId } from '../tenancy/identity.ts';
import type { BridgeRule } from './bridge-rule.ts';
import type { BridgeBus } from './bus.ts';
import { InChannel } from './in-channel.ts';
import { InStream } from './in-stream.ts';
import { OutChannel } from './out-channel.ts';
import { OutStream } from './out-stream.ts';
import { RuleCounters, type CountedRule } from './rule-counters.ts';
import type { RuleContext, RuleRun } from './rule-run.ts';

/** How long a rule is nobody's when its broker is gone, beyond what it takes to notice. */
const LOOK_EVERY_MS = 500;

export interface BridgeOptions {
  readonly broker: Broker;
  readonly bus: BridgeBus;
  readonly rules: readonly BridgeRule[];
  /** The name of this broker, the same in its next run. */
  readonly brokerId: string;
  /** false: the tenant is suspended, or there is none. */
  readonly isServed: (tenant: TenantId) => boolean;
  /** Of the brokers that are alive, whether this one is to do it. */
  readonly isResponsibleFor: (key: string) => boolean;
}

interface Place extends CountedRule {
  run: RuleRun | undefined;
  /** A tenant that was deleted and made again has another one. */
  tenantBroker: TenantBroker | undefined;
}

export class Bridge {
  readonly #options: BridgeOptions;
  readonly #places: readonly Place[];
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#places = options.rules.map((rule) => ({
      rule,
      counters: new RuleCounters(),
      run: undefined,
      tenantBroker: undefined,
    }));
  }

  get rules(): readonly CountedRule[] {
    return this.#places;
  }

  start(): void {
    void this.#look();
  }

  /** Resolves when no rule is served here any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.all(this.#places.map((place) => leave(place)));
    this.#options.bus.close();
  }

  async #look(): Promise<void> {
    for (const place of this.#places) {
      const tenantBroker = this.#brokerFor(place.rule);
      if (place.tenantBroker !== tenantBroker) await leave(place);
      if (tenantBroker === undefined || this.#isOver()) continue;
      place.tenantBroker = tenantBroker;
      place.run ??= this.#begin(place, tenantBroker);
    }
    if (this.#isOver()) return;
    this.#timer = this.#options.broker.services.timers.after(LOOK_EVERY_MS, () => void this.#look());
  }

  /** Asked again after every await. */
  #isOver(): boolean {
    return this.#stopped;
  }

  /** undefined: the rule is not to be served here now. */
  #brokerFor({ kind, name, tenant }: BridgeRule): TenantBroker | undefined {
    const { broker, isServed, isResponsibleFor } = this.#options;
    if (!broker.services.peers.mesh.holdsPlace || !isServed(tenant)) return undefined;
    if (kind === 'outChannel') return broker.tenant(tenant);
    const isHere = broker.redirection === undefined && isResponsibleFor(`${tenant}/${name}`);
    return isHere ? broker.tenant(tenant) : undefined;
  }

  #begin({ rule, counters }: Place, tenantBroker: TenantBroker): RuleRun {
    const { broker, bus, brokerId } = this.#options;
    const { name, tenant, kind } = rule;
    broker.services.log.info({ rule: name, tenant, kind }, 'bridge rule served by this broker');
    counters.isServed = true;
    const context: RuleContext = { broker, tenantBroker, bus, counters };
    switch (rule.kind) {
      case 'outChannel':
        return new OutChannel(rule, context);
      case 'outStream':
        return new OutStream(rule, context);
      case 'inChannel':
        return new InChannel(rule, context);
      case 'inStream':
        return new InStream(rule, context, brokerId);
    }
  }
}

async function leave(place: Place): Promise<void> {
  const { run } = place;
  place.run = undefined;
  place.tenantBroker = undefined;
  place.counters.isServed = false;
  await run?.stop();
}
