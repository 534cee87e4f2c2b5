/**
 * A whole broker in this process on all four transports, with a data directory of its own: what `spoke start` runs,
 * without the command line. It can be stopped and started again on the same data and the same ports, and ends with
 * the test that started it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IConnackPacket, IConnectPacket } from 'mqtt-packet';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { startBroker } from '../../src/app/broker-process.ts';
import { configSchema, type SpokeConfig } from '../../src/app/config-schema.ts';
import { createLogger } from '../../src/app/logging.ts';
import type { RunningBroker as BrokerProcess } from '../../src/app/running-broker.ts';
import { adminTokenFile } from '../../src/adapters/file/admin-token.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';

export type BrokerSettings = z.input<typeof configSchema>;
export type Transport = 'tcp' | 'tls' | 'ws' | 'wss';

export const TRANSPORTS: readonly Transport[] = ['tcp', 'tls', 'ws', 'wss'];

/** For running tests over another transport than TCP where they name none: `SPOKE_TEST_TRANSPORT=wss npx vitest …`. */
const DEFAULT_TRANSPORT = z.enum(TRANSPORTS).parse(process.env['SPOKE_TEST_TRANSPORT'] ?? 'tcp');

/** Where a client connects: everything but the port may be left out. */
export type ConnectionChoice = Partial<Omit<RawClientOptions, 'port'>>;

const tlsFile = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
const TLS = {
  certFile: tlsFile('server'),
  keyFile: tlsFile('server-key'),
  caFile: tlsFile('ca'),
  clientCertificates: 'optional',
} as const;

/** Shown when a test is looked into: `SPOKE_TEST_LOG=debug npx vitest …`. */
const LOG_LEVEL = process.env['SPOKE_TEST_LOG'] ?? 'silent';

/** Settings of brokers that do not say otherwise; asked for each new data directory. */
export type BrokerHome = () => Promise<BrokerSettings>;

let home: BrokerHome = () => Promise.resolve({});

/** From now on brokers keep their queues elsewhere: lets tests that were written for one store run on another. */
export function startBrokersAt(elsewhere: BrokerHome): void {
  home = elsewhere;
}

export class RunningBroker {
  readonly dataDirectory: string;
  readonly #home: BrokerSettings;
  #settings: BrokerSettings;
  #process: BrokerProcess | undefined;
  #ports: Partial<Record<Transport, number>> = {};
  readonly #clients = new Set<RawClient>();

  private constructor(dataDirectory: string, home: BrokerSettings, settings: BrokerSettings) {
    this.#home = home;
    this.dataDirectory = dataDirectory;
    this.#settings = settings;
  }

  /** Starts with an empty data directory. */
  static async start(settings: BrokerSettings = {}): Promise<RunningBroker> {
    const broker = new RunningBroker(
      await mkdtemp(join(tmpdir(), 'spoke-integration-')),
      await home(),
      settings,
    );
    await broker.startAgain();
    return broker;
  }

  /**
   * As `start`, for one test: the broker is gone when the test has finished. A test that runs beside others passes
   * the `onTestFinished` of its context.
   */
  static async forTest(
    settings: BrokerSettings = {},
    finished: (dispose: () => Promise<void>) => void = onTestFinished,
  ): Promise<RunningBroker> {
    const broker = await RunningBroker.start(settings);
    finished(() => broker.dispose());
    return broker;
  }

  /** What the broker left behind is taken up, at the ports it had. `settings` replace those from before. */
  async startAgain(settings: BrokerSettings = this.#settings): Promise<void> {
    this.#settings = settings;
    const config = this.#config();
    const logger = createLogger(config.log, Object.assign(process.stderr, { isTerminal: true }));
    this.#process = await startBroker(config, logger);
    for (const { transport, port } of this.#process.listeners) this.#ports[transport] = port;
  }

  /** Graceful, as on SIGTERM. */
  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    await running?.stop();
  }

  /** Resolves when the admin API was asked to stop the process. */
  async stopRequested(): Promise<string | undefined> {
    return await this.#process?.stopRequested;
  }

  /** As on SIGHUP. */
  async reload(): Promise<void> {
    await this.#process?.reload();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.startAgain();
  }

  async dispose(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.stop();
    await rm(this.dataDirectory, { recursive: true, force: true });
  }

  port(transport: Transport = 'tcp'): number {
    const port = this.#ports[transport];
    if (port === undefined) throw new Error(`The broker has never listened for ${transport}`);
    return port;
  }

  /** Opens a connection and sends nothing. */
  async open(choice: ConnectionChoice = {}): Promise<RawClient> {
    const transport = choice.transport ?? DEFAULT_TRANSPORT;
    const client = await RawClient.open({ ...choice, transport, port: this.port(transport) });
    this.#clients.add(client);
    return client;
  }

  /** Opens, sends CONNECT and returns the client with the CONNACK, whatever it says. */
  async connect(
    choice: ConnectionChoice = {},
    connect: Partial<IConnectPacket> = {},
  ): Promise<{ client: RawClient; connack: IConnackPacket }> {
    const client = await this.open(choice);
    client.sendConnect(connect);
    return { client, connack: await client.expect('connack') };
  }

  /** Asks the admin API, with the token unless told otherwise. */
  async admin(path: string, init: RequestInit = {}): Promise<Response> {
    const token = (await readFile(adminTokenFile(this.dataDirectory), 'utf8')).trim();
    const url = this.#process?.adminUrl;
    if (url === undefined) throw new Error('The broker is stopped, or started without its admin API');
    const type = init.body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { authorization: `Bearer ${token}`, ...type };
    return await fetch(new URL(path, url), { headers, ...init });
  }

  #config(): SpokeConfig {
    return configSchema.parse({
      listeners: TRANSPORTS.map((transport) => ({
        transport,
        port: this.#ports[transport] ?? 0,
        ...(transport === 'tls' || transport === 'wss' ? { tls: TLS } : {}),
      })),
      // Nobody cuts the power here, and a sync for every test step is most of its time.
      durability: 'os',
      admin: { port: 0 },
      sys: { intervalS: 0 },
      log: { level: LOG_LEVEL },
      ...this.#home,
      ...this.#settings,
      dataDirectory: this.dataDirectory,
    });
  }
}
