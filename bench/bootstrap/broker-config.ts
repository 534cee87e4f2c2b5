/** The configuration of the measured broker: defaults, on a loopback port that the system chooses. */
import { configSchema, type SpokeConfig } from '../../src/app/config-schema.ts';

/** More than any bench holds: the limit is not what is measured. */
const SESSIONS_MAX = 100_000_000;

export function brokerConfig(dataDirectory: string): SpokeConfig {
  return configSchema.parse({
    dataDirectory,
    // The state is thrown away with its directory, and the start writes next to nothing.
    durability: 'os',
    listeners: [{ transport: 'tcp', host: '127.0.0.1', port: 0 }],
    admin: { port: 0 },
    limits: { sessionsMax: SESSIONS_MAX },
    log: { level: 'info', format: 'json' },
  });
}
