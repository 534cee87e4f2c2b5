/**
 * Several ZooKeepers that are one: each a process that a test can kill and start again. Gone, with its data, when the test's own process ends.
 */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../engines/free-ports.ts';
import { hbaseJars } from '../../../engines/hbase/hbase-engine.ts';
import { javaCommand } from '../../../engines/java.ts';
import { realDirectory } from '../../../engines/places.ts';
import { ServerProcess } from '../../../engines/server-process.ts';
import { Watchdog } from '../../../engines/watchdog.ts';

const MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
const HEAP_MB = 64;
const TICK_MS = 500;
/** Ticks in which a follower has to find its leader, and to hear from it. */
const [INIT_LIMIT, SYNC_LIMIT] = [20, 4];

export class ZooKeeperEnsemble {
  readonly servers: readonly ServerProcess[];
  readonly #directory: string;
  readonly #watchdog: Watchdog;

  /** Starts them; they answer when they have found each other. */
  static async start(size: number): Promise<ZooKeeperEnsemble> {
    const jars = await hbaseJars(() => undefined);
    const directory = realDirectory(await mkdtemp(join(tmpdir(), 'spoke-zookeeper-')));
    const ports = await freePorts(size * 3);
    const watchdog = new Watchdog(directory);
    const peers = ports.slice(size);
    const quorum = Array.from(
      { length: size },
      (_, at) => `server.${at + 1}=127.0.0.1:${peers[2 * at] ?? 0}:${peers[2 * at + 1] ?? 0}`,
    );
    const servers = ports.slice(0, size).map((port, at) => {
      const home = join(directory, String(at + 1));
      const args = [
        `-Xmx${HEAP_MB}m`,
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Djava.net.preferIPv4Stack=true',
        '-Dzookeeper.admin.enableServer=false',
        ...['-cp', `${jars}/*`, MAIN, join(home, 'zoo.cfg')],
      ];
      const [role, log] = [`ZooKeeper ${at + 1}`, join(directory, `${at + 1}.log`)];
      return new ServerProcess({ role, command: javaCommand(), args, port, log }, watchdog);
    });
    for (const [at, { port }] of servers.entries())
      await writeHome(join(directory, String(at + 1)), at + 1, port, quorum);
    const ensemble = new ZooKeeperEnsemble(servers, directory, watchdog);
    for (const server of servers) await server.start();
    return ensemble;
  }

  private constructor(servers: readonly ServerProcess[], directory: string, watchdog: Watchdog) {
    this.servers = servers;
    this.#directory = directory;
    this.#watchdog = watchdog;
  }

  /** Of each server: `leader` or `follower`, as it says of itself; undefined: it serves nobody now. */
  async modes(): Promise<readonly (string | undefined)[]> {
    return await Promise.all(this.servers.map(({ port }) => modeOf(port)));
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.kill();
    await rm(this.#directory, { recursive: true, force: true });
    await this.#watchdog.dismiss();
  }
}

async function writeHome(home: string, id: number, port: number, quorum: readonly string[]): Promise<void> {
  const data = join(home, 'data');
  await mkdir(data, { recursive: true });
  await writeFile(join(data, 'myid'), String(id));
  const lines = [
    `dataDir=${data}`,
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
    `tickTime=${TICK_MS}`,
    `initLimit=${INIT_LIMIT}`,
    `syncLimit=${SYNC_LIMIT}`,
    // Its web server would listen on every interface.
    'admin.enableServer=false',
    ...quorum,
  ];
  await writeFile(join(home, 'zoo.cfg'), `${lines.join('\n')}\n`);
}

async function modeOf(port: number): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setEncoding('utf8').setTimeout(1_000, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.write('srvr');
  let answer = '';
  socket.on('data', (text: string) => (answer += text));
  await once(socket, 'close');
  return /^Mode: (\w+)$/m.exec(answer)?.[1];
}
