/** A broker as a child process that takes connections of a proxy on this machine only: on TCP, WebSocket and, end to end, TLS. */
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterBroker } from '../../engines/haproxy/cluster-config.ts';
import { freePorts } from '../../engines/free-ports.ts';
import { BrokerChild } from '../../src/fleet/broker-child.ts';
import { packageFile } from '../../src/fleet/spawned-broker.ts';
import { adminTokenFile } from '../../src/adapters/file/admin-token.ts';

const HOST = '127.0.0.1';
const pem = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

export class ProxiedBroker {
  readonly child: BrokerChild;
  /** As HAProxy is told of it. */
  readonly address: ClusterBroker;
  readonly #directory: string;

  static async start(name: string): Promise<ProxiedBroker> {
    const directory = await mkdtemp(join(tmpdir(), 'spokemq-proxied-'));
    const [tcp = 0, ws = 0, tls = 0, admin = 0] = await freePorts(4);
    const broker = new ProxiedBroker(directory, { name, host: HOST, ports: { tcp, ws, tls, admin } });
    await broker.child.start();
    return broker;
  }

  private constructor(directory: string, address: ClusterBroker) {
    const main = packageFile('dist/src/main.js');
    if (main === undefined) throw new Error('nothing has been built: run "npm run build" first');
    const { tcp = 0, ws = 0, tls = 0, admin } = address.ports;
    // HAProxy says whose certificate it has seen, and the broker believes it.
    const proxyProtocol = { trusted: [HOST], clientUser: 'decides' };
    const listeners = [
      // First: where the child counts as ready.
      { transport: 'tcp', port: tcp, proxyProtocol },
      { transport: 'ws', port: ws, proxyProtocol },
      {
        transport: 'tls',
        port: tls,
        proxyProtocol: { trusted: [HOST] },
        tls: { certFile: pem('fleet-server'), keyFile: pem('fleet-server-key') },
      },
    ];
    this.#directory = directory;
    this.address = address;
    this.child = new BrokerChild({
      command: process.execPath,
      args: [main, 'start'],
      environment: {
        ...process.env,
        SPOKE_DATA_DIRECTORY: this.#data,
        SPOKE_BROKER_ID: address.name,
        SPOKE_LISTENERS: JSON.stringify(listeners),
        SPOKE_ADMIN_PORT: `${admin}`,
        SPOKE_DURABILITY: 'os',
        SPOKE_LOG_FORMAT: 'json',
      },
      host: HOST,
      port: tcp,
      logFile: join(directory, 'broker.log'),
    });
  }

  /** Clients that are connected to it. */
  async connections(): Promise<number> {
    const page = await (await fetch(this.#url('/metrics'))).text();
    return Number(/^spoke_connections\{tenant="default"\} (\d+)$/m.exec(page)?.[1] ?? 0);
  }

  /** Asks the admin API. */
  async admin(path: string, init: RequestInit = {}): Promise<Response> {
    const token = (await readFile(adminTokenFile(this.#data), 'utf8')).trim();
    const type = init.body === undefined ? {} : { 'content-type': 'application/json' };
    return await fetch(this.#url(path), { ...init, headers: { authorization: `Bearer ${token}`, ...type } });
  }

  signal(signal: NodeJS.Signals): void {
    const { processId } = this.child;
    if (processId === undefined) throw new Error(`${this.address.name} does not run`);
    process.kill(processId, signal);
  }

  async dispose(): Promise<void> {
    await this.child.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#directory, 'data');
  }

  #url(path: string): string {
    return `http://${HOST}:${this.address.ports.admin}${path}`;
  }
}
