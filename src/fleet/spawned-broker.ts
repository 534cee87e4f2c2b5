/** A SpokeMQ broker of our own for a replay or a test: fresh directory, free port, killable. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokerChild, BrokerChildError, freePort } from './broker-child.ts';

export interface SpawnedBroker {
  readonly child: BrokerChild;
  readonly host: string;
  readonly port: number;
  /** Holds the broker's data and its log. */
  readonly directory: string;
  /** Deletes the directory; the broker must have ended. */
  remove(): Promise<void>;
}

export interface SpawnOptions {
  /** What the broker inherits; its `SPOKE_…` variables win over the configuration file, ours over them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** More settings, by variable, such as `SPOKE_SNAPSHOT_EVERY_RECORDS`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Uniform in [0, 1): where to look for a free port. */
  readonly random: () => number;
}

const HOST = '127.0.0.1';
/** Sources and built files lie at different depths below the package. */
const PACKAGE_ROOTS = ['../../', '../../../'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** Nothing runs yet: `child.start()` starts it. @throws BrokerChildError when the broker has not been built. */
export async function spawnedBroker(options: SpawnOptions): Promise<SpawnedBroker> {
  const main = packageFile('dist/src/main.js');
  if (main === undefined)
    throw new BrokerChildError('the broker has not been built: run "npm run build" first');
  const directory = await mkdtemp(join(tmpdir(), 'spokemq-fleet-'));
  const port = await freePort(HOST, options.random);
  const child = new BrokerChild({
    command: process.execPath,
    args: [main, 'start'],
    environment: {
      ...options.environment,
      SPOKE_DATA_DIRECTORY: join(directory, 'data'),
      SPOKE_LISTENERS: JSON.stringify([{ transport: 'tcp', host: HOST, port }]),
      SPOKE_ADMIN_PORT: '0',
      ...options.settings,
    },
    host: HOST,
    port,
    logFile: join(directory, 'broker.log'),
  });
  return {
    child,
    host: HOST,
    port,
    directory,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The absolute path of a file that ships with the package; undefined when it is not there. */
export function packageFile(path: string): string | undefined {
  return PACKAGE_ROOTS.map((root) => join(root, path)).find((file) => existsSync(file));
}
