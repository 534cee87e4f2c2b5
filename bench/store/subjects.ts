/**
 * The stores that are compared. Peers are imported when asked for, from an install of their own; one that is not
 * there is a row that says so.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { openEmbeddedQueueStore } from '../../src/adapters/embedded/queue/embedded-queue-store.ts';
import { queueKey } from '../../src/queue/durable-queue.ts';
import type { Seq } from '../../src/queue/durable-queue.ts';
import { NO_PROPERTIES } from '../../src/queue/message.ts';
import type { ClientId, SessionId, TenantId } from '../../src/tenancy/identity.ts';
import { PositionCounter, rowKey } from './store-subject.ts';
import type { OpenSubject, StoredPosition } from './store-subject.ts';

/** Nothing but bytes and syncs: what the disk itself costs. */
const openPlainFile: OpenSubject = async (directory) => {
  const file = await open(path.join(directory, 'plain'), 'w');
  const counter = new PositionCounter();
  return {
    async append(queues, payload) {
      await file.writev(queues.map((_, index) => payload(index)));
      await file.datasync();
      return queues.map((queue) => counter.next(queue));
    },
    read: () => Promise.resolve(0),
    remove: () => Promise.resolve(),
    close: () => file.close(),
  };
};

const openSpoke: OpenSubject = async (directory) => {
  const tenant = 'default' as TenantId;
  const store = await openEmbeddedQueueStore({
    directory,
    durability: 'fsync',
    defaultQuota: { messagesMax: 1_000_000, bytesMax: 2 ** 40, policy: 'reject' },
    nowMs: () => Date.now(),
  });
  const keys = Array.from({ length: 100_000 }, (_, index) =>
    queueKey(tenant, (index + 1) as SessionId, 'pending'),
  );
  const keyOf = (queue: number): (typeof keys)[number] =>
    keys[queue] ?? queueKey(tenant, queue as SessionId, 'pending');
  let sequence = 0;
  return {
    async append(queues, payload) {
      const results = await store.append(
        queues.map((queue, index) => ({
          queue: keyOf(queue),
          producer: 'bench#1',
          sequence: ++sequence,
          queued: {
            message: {
              topic: 'bikes/17/telemetry',
              payload: payload(index),
              qos: 1,
              retain: false,
              properties: NO_PROPERTIES,
              publishedAtMs: Date.now(),
              expiresAtMs: undefined,
              publisher: 'operator' as ClientId,
            },
            qos: 1,
            retain: false,
            subscriptionIds: undefined,
            packetId: 0,
          },
        })),
      );
      return results.map(({ seq }, index) => ({ queue: queues[index] ?? 0, seq }));
    },
    async read({ queue, seq }) {
      const [entry] = await store.read(keyOf(queue), seq as Seq, { messagesMax: 1, bytesMax: 1 << 20 });
      return entry?.queued.message.payload.length ?? 0;
    },
    remove: (positions) =>
      store.trim(positions.map(({ queue, seq }) => ({ queue: keyOf(queue), through: seq as Seq }))),
    close: () => store.close(),
  };
};

/** The part of classic-level that is used: typed here, because it is installed elsewhere or not at all. */
interface LevelDatabase {
  open(): Promise<void>;
  batch(operations: readonly object[], options: { readonly sync: boolean }): Promise<void>;
  get(key: Buffer): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

const openClassicLevel: OpenSubject = async (directory) => {
  const { ClassicLevel } = (await importPeer('classic-level')) as {
    ClassicLevel: new (location: string, options: object) => LevelDatabase;
  };
  const database = new ClassicLevel(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await database.open();
  const counter = new PositionCounter();
  return {
    async append(queues, payload) {
      const positions = queues.map((queue) => counter.next(queue));
      const puts = positions.map((position, index) => ({
        type: 'put',
        key: rowKey(position),
        value: payload(index),
      }));
      await database.batch(puts, { sync: true });
      return positions;
    },
    read: async (position) => (await database.get(rowKey(position)))?.length ?? 0,
    remove: (positions) =>
      database.batch(
        positions.map((position) => ({ type: 'del', key: rowKey(position) })),
        { sync: true },
      ),
    close: () => database.close(),
  };
};

/** The part of lmdb that is used. */
interface LmdbDatabase {
  put(key: Buffer, value: Buffer): Promise<boolean>;
  remove(key: Buffer): Promise<boolean>;
  get(key: Buffer): Buffer | undefined;
  flushed: Promise<unknown>;
  close(): Promise<void>;
}

const openLmdb: OpenSubject = async (directory) => {
  const lmdb = (await importPeer('lmdb')) as { open(options: object): LmdbDatabase };
  const database = lmdb.open({
    path: path.join(directory, 'data'),
    keyEncoding: 'binary',
    encoding: 'binary',
  });
  const counter = new PositionCounter();
  const settled = async (writes: readonly Promise<boolean>[]): Promise<void> => {
    await Promise.all(writes);
    await database.flushed;
  };
  return {
    async append(queues, payload) {
      const positions = queues.map((queue) => counter.next(queue));
      await settled(positions.map((position, index) => database.put(rowKey(position), payload(index))));
      return positions;
    },
    read: (position: StoredPosition) => Promise.resolve(database.get(rowKey(position))?.length ?? 0),
    remove: (positions) => settled(positions.map((position) => database.remove(rowKey(position)))),
    close: () => database.close(),
  };
};

export const SUBJECTS: ReadonlyMap<string, OpenSubject> = new Map([
  ['plain file', openPlainFile],
  ['spoke embedded', openSpoke],
  ['classic-level', openClassicLevel],
  ['lmdb', openLmdb],
]);

/** The name goes through a variable, so that the compiler does not ask for a package that need not be there. */
async function importPeer(name: string): Promise<unknown> {
  return import(name);
}
