/** The metadata services inside a broker: of a log of its own all partitions, of a shared one what the group gives it, or none. */
import type { Offset } from '../event-log/event-log.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { Clock, Timers } from '../time/clock.ts';
import type { BrokerStores } from './broker-stores.ts';
import type { SpokeConfig } from './config-schema.ts';
import type { Logger } from './logging.ts';
import { startMetadataServices } from './metadata-services.ts';

export interface BrokerMetadataOptions {
  readonly config: SpokeConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stores: BrokerStores;
}

export interface BrokerMetadata {
  readonly gauges: readonly GaugeSource[];
  /** Takes a last checkpoint if that works at once. */
  stop(): Promise<void>;
}

export async function startBrokerMetadata(options: BrokerMetadataOptions): Promise<BrokerMetadata> {
  if (options.stores.shared) return await startShared(options);
  const { sessions, retained } = options.stores;
  const services = await startMetadataServices({ ...options, logsAreShared: false, sessions, retained });
  sessions.keepTombstonesFrom(() => services.sessions.checkpoint[0] ?? (0 as Offset));
  retained.keepTombstonesFrom(() => services.retained.checkpoint[0] ?? (0 as Offset));
  return { gauges: services.gauges, stop: () => services.finish() };
}

async function startShared(options: BrokerMetadataOptions): Promise<BrokerMetadata> {
  const { config, logger, stores } = options;
  if (!config.metadata.inBroker) return { gauges: [], stop: () => Promise.resolve() };
  // Loaded only where it is used: an embedded broker starts without it.
  const { joinMetadataGroup } = await import('./metadata-group.ts');
  const group = await joinMetadataGroup(config, logger);
  try {
    const services = await startMetadataServices({
      ...options,
      logsAreShared: true,
      sessions: { ...stores.sessions, share: group.sessions },
      retained: { ...stores.retained, share: group.retained },
    });
    return {
      gauges: [...services.gauges, ...group.gauges],
      stop: async () => {
        await services.finish();
        await group.close();
      },
    };
  } catch (error) {
    await group.close();
    throw error;
  }
}
