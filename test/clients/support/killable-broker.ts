/** The built broker as a process of its own, on all four transports, with its store on a disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokerChild, freePort } from '../../../src/fleet/broker-child.ts';
import { packageFile } from '../../../src/fleet/spawned-broker.ts';
import { TRANSPORTS, type Transport } from '../../support/running-broker.ts';

const HOST = '127.0.0.1';

/** Whom clients have to trust. */
export const AUTHORITY_FILE = tlsFile('ca');

export interface Endpoint {
  readonly transport: Transport;
  /** As the certificate names it. */
  readonly host: string;
  readonly port: number;
}

export class KillableBroker {
  readonly #child: BrokerChild;
  readonly #directory: string;
  readonly #ports: Readonly<Record<Transport, number>>;

  private constructor(child: BrokerChild, directory: string, ports: Readonly<Record<Transport, number>>) {
    this.#child = child;
    this.#directory = directory;
    this.#ports = ports;
  }

  static async start(): Promise<KillableBroker> {
    const main = packageFile('dist/src/main.js');
    if (main === undefined) throw new Error('the broker has not been built: run "npm run build" first');
    const directory = await mkdtemp(join(tmpdir(), 'spokemq-clients-'));
    const ports = { tcp: 0, tls: 0, ws: 0, wss: 0 };
    // One after the other, so that none is found twice.
    const taken = new Set<number>();
    for (const transport of TRANSPORTS) {
      while (ports[transport] === 0 || taken.has(ports[transport])) {
        ports[transport] = await freePort(HOST, Math.random);
      }
      taken.add(ports[transport]);
    }
    const tls = { certFile: tlsFile('server'), keyFile: tlsFile('server-key') };
    const listeners = TRANSPORTS.map((transport) => ({
      transport,
      host: HOST,
      port: ports[transport],
      ...(transport === 'tls' || transport === 'wss' ? { tls } : {}),
    }));
    const child = new BrokerChild({
      command: process.execPath,
      args: [main, 'start'],
      environment: {
        ...process.env,
        SPOKE_DATA_DIRECTORY: join(directory, 'data'),
        SPOKE_LISTENERS: JSON.stringify(listeners),
        SPOKE_ADMIN_ENABLED: 'false',
      },
      host: HOST,
      port: ports.tcp,
      logFile: join(directory, 'broker.log'),
    });
    await child.start();
    return new KillableBroker(child, directory, ports);
  }

  endpoint(transport: Transport): Endpoint {
    return { transport, host: 'localhost', port: this.#ports[transport] };
  }

  /** SIGKILL, and up again on what is on the disk. */
  async killAndRestart(): Promise<void> {
    await this.#child.kill();
    await this.#child.start();
  }

  async dispose(): Promise<void> {
    await this.#child.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function tlsFile(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));
}
