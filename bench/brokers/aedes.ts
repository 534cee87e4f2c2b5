/**
 * aedes from this folder's own install, twice: everything in memory, and with its LevelDB persistence. Defaults otherwise.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerLauncher } from './launch.ts';

const SERVER = fileURLToPath(new URL('aedes-server.js', import.meta.url));

export const aedes: BrokerLauncher = {
  name: 'aedes',
  settings: 'defaults, persistence in memory',
  version: () => installedVersion('aedes'),
  plan: ({ port, nodeArgs }) => ({
    command: process.execPath,
    args: [...nodeArgs, SERVER, String(port)],
    env: {},
  }),
};

export const aedesLevel: BrokerLauncher = {
  name: 'aedes-level',
  settings: 'defaults, aedes-persistence-level on classic-level, not synced',
  version: () => installedVersion('aedes-persistence-level'),
  plan: ({ port, dataDirectory, nodeArgs }) => ({
    command: process.execPath,
    args: [...nodeArgs, SERVER, String(port), join(dataDirectory, 'level')],
    env: {},
  }),
};

function installedVersion(name: string): string | undefined {
  const require = createRequire(import.meta.url);
  for (const directory of require.resolve.paths(name) ?? []) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(directory, name, 'package.json'), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
        return String(manifest.version);
    } catch {
      // Not in this directory; the next one is the parent's.
    }
  }
  return undefined;
}
