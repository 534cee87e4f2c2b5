/** A whole broker with its embedded store, over real sockets: all four transports in turn, with accounts or without. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../src/app/broker-process.ts';
import { configSchema } from '../../src/app/config-schema.ts';
import { createLogger } from '../../src/app/logging.ts';
import type { RunningBroker } from '../../src/app/running-broker.ts';
import { packageFile } from '../../src/fleet/spawned-broker.ts';
import { openRawStream, type RawStream } from '../support/raw-stream.ts';
import { KEPT_FROM_PLAYERS, writeAccounts } from './accounts.ts';
import { Auditor } from './auditor.ts';
import { FUZZ_LIMITS } from './fuzz-limits.ts';
import type { FuzzTarget, Wire } from './fuzz-target.ts';
import { Witness } from './witness.ts';

const SETTLE_DEADLINE_MS = 2_000;
const LEFTOVERS_DEADLINE_MS = 10_000;
const POLL_MS = 5;
/** Polls that find nothing new after which nothing more is expected. */
const QUIET_POLLS = 4;
/** The auditor and the two of the witness. */
const OWN_CONNECTIONS = 3;
const TRANSPORTS = ['tcp', 'tls', 'ws', 'wss'] as const;
const TLS = { certFile: tlsFile('server'), keyFile: tlsFile('server-key') };

export class SocketTarget implements FuzzTarget {
  readonly name: 'sockets' | 'accounts';
  readonly forbidden: readonly string[];
  readonly witness: Witness;
  readonly #broker: RunningBroker;
  readonly #directory: string;
  readonly #auditor = new Auditor();
  #opened = 0;
  #bytes = 0;

  private constructor(name: SocketTarget['name'], broker: RunningBroker, directory: string) {
    this.name = name;
    this.forbidden = name === 'accounts' ? KEPT_FROM_PLAYERS : [];
    this.#broker = broker;
    this.#directory = directory;
    this.witness = new Witness(this.#port('tcp'));
  }

  static async start(name: SocketTarget['name']): Promise<SocketTarget> {
    const directory = await mkdtemp(join(tmpdir(), 'spokemq-fuzz-'));
    const usersFile = join(directory, 'users.yaml');
    if (name === 'accounts') await writeAccounts(usersFile);
    const config = configSchema.parse({
      dataDirectory: directory,
      durability: 'os',
      listeners: TRANSPORTS.map((transport) => ({
        transport,
        port: 0,
        ...((transport === 'tls' || transport === 'wss') && { tls: TLS }),
      })),
      ...(name === 'accounts' && { auth: accountsIn(usersFile) }),
      admin: { port: 0 },
      sys: { intervalS: 0 },
      log: { level: 'silent' },
      limits: FUZZ_LIMITS,
    });
    const logger = createLogger(config.log, Object.assign(process.stderr, { isTerminal: false }));
    const target = new SocketTarget(name, await startBroker(config, logger), directory);
    await target.#auditor.begin(await target.open(target.#auditor.onBytes));
    await target.witness.begin();
    return target;
  }

  get audited(): ReadonlySet<string> {
    return this.#auditor.payloads;
  }

  async open(onBytes: (bytes: Buffer) => void): Promise<Wire> {
    const transport = TRANSPORTS[this.#opened++ % TRANSPORTS.length] ?? 'tcp';
    const stream = await openRawStream({ transport, port: this.#port(transport) });
    let isClosed = false;
    stream.onClosed = () => (isClosed = true);
    stream.onBytes = (bytes) => {
      this.#bytes += bytes.length;
      onBytes(bytes);
    };
    return wireOf(stream, () => isClosed);
  }

  async settle(): Promise<void> {
    const deadlineMs = performance.now() + SETTLE_DEADLINE_MS;
    for (let quiet = 0, before = -1; quiet < QUIET_POLLS && performance.now() < deadlineMs;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      quiet = this.#bytes === before ? quiet + 1 : 0;
      before = this.#bytes;
    }
  }

  async leftovers(): Promise<string[]> {
    const deadlineMs = performance.now() + LEFTOVERS_DEADLINE_MS;
    for (;;) {
      const page = await this.#metrics();
      const left = [
        ['sockets', sumOf(page, 'spoke_transport_connections') - OWN_CONNECTIONS],
        ['connections', sumOf(page, 'spoke_connections') - OWN_CONNECTIONS],
        ['staged bytes', sumOf(page, 'spoke_staged_bytes')],
        ['stopped publishers', sumOf(page, 'spoke_publishers_stopped')],
      ].filter(([, count]) => count !== 0);
      if (left.length === 0) return [];
      if (performance.now() > deadlineMs) return left.map(([what, count]) => `${count} ${what} left`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async refusals(): Promise<number> {
    const page = await this.#metrics();
    return REFUSALS.reduce((sum, name) => sum + sumOf(page, name), 0);
  }

  /** The metrics page. */
  #metrics(): Promise<string> {
    return new Promise((resolve, reject) => {
      // An agent would keep its connection: one more handle than before.
      const asking = request(new URL('/metrics', this.#broker.adminUrl), { agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve(Buffer.concat(chunks).toString());
        });
      });
      asking.on('error', reject);
      asking.end();
    });
  }

  async dispose(): Promise<void> {
    await this.witness.end();
    await this.#broker.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #port(transport: string): number {
    return this.#broker.listeners.find((listener) => listener.transport === transport)?.port ?? 0;
  }
}

/** Wrong passwords are part of the game, and lock nobody out. */
function accountsIn(usersFile: string) {
  return {
    mode: 'file',
    usersFile,
    passwords: { scryptLn: 10, upgradeOnLogin: false },
    lockOut: { userFailures: 0, addressFailures: 0 },
  } as const;
}

function tlsFile(name: string): string {
  const file = packageFile(`test/fixtures/tls/${name}.pem`);
  if (file === undefined) throw new Error(`test/fixtures/tls/${name}.pem is missing`);
  return file;
}

/** Why the broker ends connections: each of them is counted in one of these at least. */
const REFUSALS = [
  'spoke_connections_refused_total',
  'spoke_connections_not_admitted_total',
  'spoke_protocol_violations_total',
  'spoke_websocket_violations_total',
  'spoke_handshakes_failed_total',
  'spoke_connect_timeouts_total',
  'spoke_keep_alive_timeouts_total',
  'spoke_stalled_connections_total',
  'spoke_take_overs_total',
  // MQTT 3 has no other answer to a message that is refused.
  'spoke_publishes_refused_total',
  'spoke_messages_dropped_total',
] as const;

function sumOf(page: string, name: string): number {
  let sum = 0;
  for (const line of page.split('\n')) {
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      sum += Number(line.slice(line.lastIndexOf(' ')));
  }
  return sum;
}

function wireOf(stream: RawStream, isClosed: () => boolean): Wire {
  return {
    send: (bytes) => {
      if (!isClosed()) stream.write(bytes);
    },
    end: () => {
      stream.end();
    },
    reset: () => {
      stream.destroy();
    },
    pause: () => {
      if (!isClosed()) stream.pause();
    },
    resume: () => {
      if (!isClosed()) stream.resume();
    },
    get isClosed() {
      return isClosed();
    },
  };
}
