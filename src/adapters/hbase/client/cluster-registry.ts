/**
 * Where the cluster's fixed points are, as ZooKeeper has them: the server of `hbase:meta`, and the active master. Watched, so that
 * asking costs nothing; what was known last stays valid while ZooKeeper is away.
 */
import type { Timers } from '../../../time/clock.ts';
import type { Deadline } from './deadline.ts';
import { HBaseError } from './hbase-error.ts';
import type { HBaseProtocol, MessageCodec } from './protocol.ts';
import { addressOf, type ServerAddress } from './server-address.ts';
import { ZooKeeperSession } from './zookeeper-session.ts';

/** In front of the server's name and the message: 0xff, a length, and that many bytes. */
const RECORD_MARK = 0xff;
const MESSAGE_MARK = Buffer.from('PBUF');

export interface ClusterRegistryOptions {
  readonly quorum: string;
  /** `/hbase` unless the cluster says otherwise. */
  readonly znodeParent: string;
  readonly protocol: HBaseProtocol;
  readonly timers: Timers;
}

interface WatchedServer {
  readonly node: string;
  readonly decode: (message: Buffer) => ServerAddress;
  address: ServerAddress | undefined;
  /** Why what the node holds cannot be used. */
  problem: string | undefined;
  /** Told when the address becomes known. */
  readonly waiting: Set<(address: ServerAddress) => void>;
}

export class ClusterRegistry {
  readonly #options: ClusterRegistryOptions;
  readonly #meta: WatchedServer;
  readonly #master: WatchedServer;
  #session: ZooKeeperSession | undefined;
  // The same function for every read: the library keeps one watch for each function it is given.
  readonly #metaChanged = (): void => {
    this.#read(this.#meta);
  };
  readonly #masterChanged = (): void => {
    this.#read(this.#master);
  };

  private constructor(options: ClusterRegistryOptions) {
    const { protocol, znodeParent } = options;
    this.#options = options;
    this.#meta = watched(`${znodeParent}/meta-region-server`, protocol.metaRegionServer, ({ server }) =>
      addressOf(server),
    );
    this.#master = watched(`${znodeParent}/master`, protocol.masterNode, ({ master }) => addressOf(master));
  }

  /** Begins to ask ZooKeeper; does not wait for it. */
  static async open(options: ClusterRegistryOptions): Promise<ClusterRegistry> {
    const registry = new ClusterRegistry(options);
    registry.#session = await ZooKeeperSession.open({
      quorum: options.quorum,
      timers: options.timers,
      onConnected: () => {
        registry.refresh();
      },
    });
    return registry;
  }

  get isConnected(): boolean {
    return this.#session?.isConnected === true;
  }

  /** Rejects with `REGISTRY_UNAVAILABLE` when ZooKeeper has not told by the deadline. */
  metaServer(deadline: Deadline): Promise<ServerAddress> {
    return this.#server(this.#meta, 'where hbase:meta is', deadline);
  }

  /** Rejects with `REGISTRY_UNAVAILABLE` when ZooKeeper has not told by the deadline, or there is no active master. */
  masterServer(deadline: Deadline): Promise<ServerAddress> {
    return this.#server(this.#master, 'where the master is', deadline);
  }

  /** Reads both again: what it knows has proved wrong, or a watch may have been missed. */
  refresh(): void {
    this.#read(this.#meta);
    this.#read(this.#master);
  }

  close(): void {
    this.#session?.close();
  }

  #server(watched: WatchedServer, what: string, deadline: Deadline): Promise<ServerAddress> {
    if (watched.address !== undefined) return Promise.resolve(watched.address);
    let known: ((address: ServerAddress) => void) | undefined;
    const arrival = new Promise<ServerAddress>((resolve) => {
      known = resolve;
      watched.waiting.add(resolve);
    });
    return deadline
      .bound(arrival, {}, () => this.#unknown(watched, what))
      .finally(() => known !== undefined && watched.waiting.delete(known));
  }

  #unknown({ node, problem }: WatchedServer, what: string): HBaseError {
    const { quorum } = this.#options;
    const state = this.isConnected ? (problem ?? `has no node ${node}`) : 'cannot be reached';
    return new HBaseError(
      'REGISTRY_UNAVAILABLE',
      `ZooKeeper at ${quorum} ${state}, so it is not known ${what}`,
    );
  }

  #read(watched: WatchedServer): void {
    this.#session?.read(
      watched.node,
      (data) => {
        take(watched, data);
        if (watched.address === undefined) return;
        const waiting = [...watched.waiting];
        watched.waiting.clear();
        for (const known of waiting) known(watched.address);
      },
      watched === this.#meta ? this.#metaChanged : this.#masterChanged,
    );
  }
}

function watched<Message>(
  node: string,
  codec: MessageCodec<Message>,
  address: (message: Message) => ServerAddress,
): WatchedServer {
  return {
    node,
    decode: (message) => address(codec.decode(message)),
    address: undefined,
    problem: undefined,
    waiting: new Set(),
  };
}

function take(watched: WatchedServer, data: Buffer | null): void {
  watched.address = undefined;
  watched.problem = undefined;
  if (data === null) return;
  try {
    watched.address = watched.decode(messageOf(data));
  } catch {
    // Another program's node: the parent node in the configuration is wrong, or HBase's format has changed.
    watched.problem = `holds something else than HBase's in ${watched.node}`;
  }
}

/** The message inside a node: `0xff | u32 length | that many bytes | "PBUF" | message`. */
export function messageOf(data: Buffer): Buffer {
  const start = data[0] === RECORD_MARK && data.length >= 5 ? 5 + data.readUInt32BE(1) : 0;
  const end = start + MESSAGE_MARK.length;
  if (!data.subarray(start, end).equals(MESSAGE_MARK)) {
    throw new HBaseError('PROTOCOL', `a node of ${data.length} bytes is not one of HBase's`);
  }
  return data.subarray(end);
}
