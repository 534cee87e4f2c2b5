/**
 * SpokeMQ from this repository's build: as configured by default (everything acknowledged is synced), and with syncing left to
 * the operating system, which is what most peers do. Only limits that would cut a measurement short are lifted.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrokerLauncher } from './launch.ts';

const REPOSITORY = new URL('../../../', import.meta.url);
const MAIN = fileURLToPath(new URL('dist/src/main.js', REPOSITORY));

const LIFTED_LIMITS = {
  SPOKE_LIMITS_CONNECTION_RATE_MAX: '1000000',
  SPOKE_LIMITS_SUBSCRIPTIONS_PER_SESSION_MAX: '1000000',
} as const;

/** `more`: variables of the environment, beside and in place of the usual ones. */
export function launcher(
  name: string,
  durability: 'fsync' | 'os',
  settings: string,
  more: Readonly<Record<string, string>> = {},
): BrokerLauncher {
  return {
    name,
    settings,
    version: () => {
      if (!existsSync(MAIN)) return undefined;
      const manifest: unknown = JSON.parse(readFileSync(new URL('package.json', REPOSITORY), 'utf8'));
      return typeof manifest === 'object' && manifest !== null && 'version' in manifest
        ? String(manifest.version)
        : undefined;
    },
    plan: ({ port, dataDirectory, nodeArgs }) => ({
      command: process.execPath,
      args: [...nodeArgs, MAIN, 'start'],
      env: {
        ...LIFTED_LIMITS,
        SPOKE_DATA_DIRECTORY: dataDirectory,
        SPOKE_DURABILITY: durability,
        SPOKE_LISTENERS: JSON.stringify([{ transport: 'tcp', host: '127.0.0.1', port }]),
        SPOKE_ADMIN_PORT: '0',
        SPOKE_LOG_LEVEL: 'warn',
        ...more,
      },
    }),
  };
}

export const spokemq = launcher('spokemq', 'fsync', 'defaults: durability fsync');
export const spokemqOs = launcher('spokemq-os', 'os', 'durability os: not synced, like the peers');
