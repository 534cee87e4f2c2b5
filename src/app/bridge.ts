/** The bridge to other services as the configuration has it. Loaded only where there are rules. */
import { RedisBus } from '../adapters/redis/redis-bus.ts';
import { Bridge } from '../bridge/bridge.ts';
import type { BridgeRule } from '../bridge/bridge-rule.ts';
import type { CountedRule } from '../bridge/rule-counters.ts';
import type { Broker } from '../broker/broker.ts';
import type { Membership } from '../cluster/membership.ts';
import { responsibleBroker } from '../cluster/responsibility.ts';
import type { Sample } from '../metrics/exposition.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';
import { redisConnection } from './redis-connection.ts';

export interface OpenedBridge {
  readonly gauges: readonly GaugeSource[];
  /** Resolves when no rule is served by this broker any more. */
  stop(): Promise<void>;
}

/** `membership` undefined: this broker is alone. */
export function openBridge(
  config: SpokeConfig,
  rules: readonly BridgeRule[],
  broker: Broker,
  membership: Membership | undefined,
  logger: Logger,
): OpenedBridge {
  const { host, port } = config.bridge.redis;
  const bus = new RedisBus({
    ...redisConnection('bridge.redis', config.bridge.redis),
    onState: (err) => {
      if (err === undefined) logger.info({ host, port }, 'Redis of the bridge can be used');
      else
        logger.warn(
          { host, port, err },
          'Redis of the bridge cannot be used: what goes to streams waits in queues, what goes to channels is dropped',
        );
    },
  });
  const brokerId = config.broker.id;
  const bridge = new Bridge({
    broker,
    bus,
    rules,
    brokerId,
    isServed: (tenant) => broker.directory.serves(tenant),
    isResponsibleFor: (key) =>
      membership === undefined || responsibleBroker(key, membership.members()) === brokerId,
  });
  for (const { name, tenant } of rules) {
    if (!broker.directory.serves(tenant))
      logger.warn({ rule: name, tenant }, 'a bridge rule waits for its tenant, which is not served');
  }
  bridge.start();
  return { gauges: gauges(bridge.rules, bus), stop: () => bridge.stop() };
}

function gauges(rules: readonly CountedRule[], bus: RedisBus): readonly GaugeSource[] {
  return [
    {
      name: 'spoke_bridge_messages_total',
      help: 'Messages of bridge rules: sent to Redis, or published from it.',
      type: 'counter',
      read: () => samples(rules, ({ messages }) => messages),
    },
    {
      name: 'spoke_bridge_rejected_total',
      help: 'Messages from Redis that could not be published.',
      type: 'counter',
      read: () => samples(rules, ({ rejected }) => rejected),
    },
    {
      name: 'spoke_bridge_dropped_total',
      help: 'Messages lost between a tenant and Redis: channels while it was away or too much was under way, entries that a stream no longer had.',
      type: 'counter',
      read: () => samples(rules, ({ dropped }) => dropped),
    },
    {
      name: 'spoke_bridge_lag_messages',
      help: 'Messages that wait for their way to a stream, or in it; of the broker that serves the rule.',
      type: 'gauge',
      read: () => samples(rules, ({ lag }) => lag),
    },
    {
      name: 'spoke_bridge_connected',
      help: '1: this broker serves the rule, and Redis can be used.',
      type: 'gauge',
      read: () => samples(rules, ({ isServed }) => (isServed && bus.isConnected ? 1 : 0)),
    },
  ];
}

function samples(
  rules: readonly CountedRule[],
  value: (counters: CountedRule['counters']) => number | undefined,
): readonly Sample[] {
  return rules.flatMap(({ rule: { name, tenant, kind }, counters }) => {
    const read = value(counters);
    const direction = kind === 'outChannel' || kind === 'outStream' ? 'out' : 'in';
    return read === undefined ? [] : [{ labels: { rule: name, tenant, direction }, value: read }];
  });
}
