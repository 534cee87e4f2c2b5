import { describe, expect, test } from 'vitest';
import { openEmbeddedQueueStore } from '../../../../../src/adapters/embedded/queue/embedded-queue-store.ts';
import type {
  EmbeddedQueueStore,
  EmbeddedQueueStoreOptions,
  StoreEvent,
} from '../../../../../src/adapters/embedded/queue/embedded-queue-store.ts';
import type { QueueKey, Seq } from '../../../../../src/queue/durable-queue.ts';
import {
  EntryMaker,
  EVERYTHING,
  GENEROUS,
  messageOf,
  queueOf,
  textOf,
} from '../../../../contract/durable-queue-contract.ts';
import { PowerCutFileSystem } from '../../../../support/power-cut-file-system.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const SMALL = { segmentBytes: 32 * 1024, checkpointBytes: 48 * 1024, cacheBytes: 1 << 20 };
const bike = queueOf(1);

async function open(
  fileSystem: PowerCutFileSystem,
  options: Partial<EmbeddedQueueStoreOptions> = {},
): Promise<{ store: EmbeddedQueueStore; events: StoreEvent[] }> {
  const events: StoreEvent[] = [];
  const store = await openEmbeddedQueueStore({
    directory: '/queues',
    durability: 'fsync',
    defaultQuota: GENEROUS,
    nowMs: () => 0,
    fileSystem,
    observe: (event) => events.push(event),
    ...SMALL,
    ...options,
  });
  return { store, events };
}

async function fill(
  store: EmbeddedQueueStore,
  make: EntryMaker,
  queue: QueueKey,
  texts: readonly string[],
): Promise<void> {
  for (let start = 0; start < texts.length; start += 10) {
    await store.append(texts.slice(start, start + 10).map((text) => make.entry(queue, text)));
  }
}

async function texts(store: EmbeddedQueueStore, queue = bike): Promise<string[]> {
  return (await store.read(queue, 1 as Seq, EVERYTHING)).map(textOf);
}

function numbered(from: number, through: number): string[] {
  return Array.from({ length: through - from + 1 }, (_, index) => `${from + index}`.padEnd(900, '.'));
}

function checkpoints(disk: PowerCutFileSystem): string[] {
  return disk.files().filter((name) => name.includes('checkpoint-'));
}

function rot(disk: PowerCutFileSystem, file: string | undefined): void {
  if (file === undefined) throw new Error('nothing to damage');
  disk.contentOf(file).fill(0xff, 30, 60);
}

describe('embedded queue store', () => {
  test('a second store on the same directory is refused', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    await expect(open(disk)).rejects.toThrow('/queues is in use');
    await store.close();
    await (await open(disk)).store.close();
  });

  test('a message in many queues is stored once', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    const make = new EntryMaker();
    const message = messageOf('x'.repeat(10_000));
    await store.append(Array.from({ length: 200 }, (_, index) => make.entry(queueOf(index + 1), message)));
    expect(store.stats().diskBytes).toBeLessThan(30_000);
  });

  test('disk space comes back while messages come and go', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    const make = new EntryMaker();
    for (let round = 0; round < 40; round++) {
      await fill(store, make, bike, numbered(1, 50));
      await store.trim([{ queue: bike, through: ((round + 1) * 50) as Seq }]);
    }
    await expect.poll(() => store.stats().diskBytes).toBeLessThan(300_000);
    await store.close();
  });

  test('segments with little left in them are rewritten, and what was left is still there after a cut', async () => {
    let disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    const make = new EntryMaker();
    const slow = queueOf(2);
    for (let round = 0; round < 40; round++) {
      await store.append([make.entry(slow, `kept ${round}`)]);
      if (round === 3) await store.mark(slow, [2 as Seq]);
      await fill(store, make, bike, numbered(1, 50));
      await store.trim([{ queue: bike, through: ((round + 1) * 50) as Seq }]);
    }
    await expect.poll(() => store.stats().segmentsRewritten).toBeGreaterThan(5);
    expect(store.stats().diskBytes).toBeLessThan(500_000);
    const kept = Array.from({ length: 40 }, (_, round) => `kept ${round}`);
    expect(await texts(store, slow)).toEqual(kept);
    disk = disk.cut();
    const reopened = (await open(disk)).store;
    expect(await texts(reopened, slow)).toEqual(kept);
    const marked = (await reopened.read(slow, 1 as Seq, EVERYTHING)).filter((entry) => entry.marked);
    expect(marked.map(({ seq }) => seq)).toEqual([2]);
    expect(await texts(reopened)).toEqual([]);
  });

  test('a damaged checkpoint costs nothing: the older one is used', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    const make = new EntryMaker();
    await fill(store, make, bike, numbered(1, 300));
    await store.trim([{ queue: bike, through: 250 as Seq }]);
    await fill(store, make, bike, numbered(301, 400));
    await store.close();
    expect(checkpoints(disk)).toHaveLength(2);
    rot(disk, checkpoints(disk).at(-1));
    const { store: reopened, events } = await open(disk);
    expect(events).toMatchObject([{ type: 'checkpointDamaged' }]);
    expect(await texts(reopened)).toEqual(numbered(251, 400));
    expect(await reopened.append([make.entry(bike, 'next')])).toMatchObject([{ seq: 401 }]);
  });

  test('without any checkpoint the journal alone gives back every message', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    const make = new EntryMaker();
    const slow = queueOf(2);
    await store.append([make.entry(slow, 'early')]);
    for (let round = 0; round < 20; round++) {
      await fill(store, make, bike, numbered(1, 50));
      await store.trim([{ queue: bike, through: ((round + 1) * 50 - 1) as Seq }]);
    }
    await store.close();
    for (const file of checkpoints(disk)) rot(disk, file);
    const { store: reopened, events } = await open(disk);
    expect(events.map(({ type }) => type)).toEqual(['checkpointDamaged', 'checkpointDamaged']);
    expect(await texts(reopened, slow)).toEqual(['early']);
    expect(await texts(reopened)).toEqual(numbered(50, 50));
    expect(await reopened.bounds(bike)).toMatchObject({ min: 1000, next: 1001 });
  });

  test('a start after a close replays nothing', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const first = await open(disk);
    await fill(first.store, new EntryMaker(), bike, numbered(1, 20));
    await first.store.close();
    const journal = disk.files().filter((name) => name.endsWith('.journal'));
    rot(disk, journal[0]);
    const { store, events } = await open(disk);
    expect(events).toEqual([]);
    expect(await store.bounds(bike)).toMatchObject({ messages: 20 });
  });

  test('a rotten message is reported and taken out; the queue goes on behind it', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const first = await open(disk);
    await fill(first.store, new EntryMaker(), bike, ['a', 'bad', 'c']);
    await first.store.close();
    const [journal] = disk.files().filter((name) => name.endsWith('.journal'));
    if (journal === undefined) throw new Error('no journal');
    const content = disk.contentOf(journal);
    content.fill(0, content.indexOf('bad'), content.indexOf('bad') + 3);
    const { store, events } = await open(disk);
    expect(await texts(store)).toEqual(['a', 'c']);
    expect(events).toMatchObject([{ type: 'messageLost', seq: 2 }]);
    expect(await store.bounds(bike)).toMatchObject({ messages: 2 });
  });

  test('a full disk refuses appends, and what it refused can be repeated once there is room', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store, events } = await open(disk);
    const make = new EntryMaker();
    await store.append([make.entry(bike, 'before')]);
    disk.fail('write', 'ENOSPC');
    const entry = make.entry(bike, 'during');
    await expect(store.append([entry])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.append([entry])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await texts(store)).toEqual(['before']);
    disk.fail('write', undefined);
    await expect.poll(() => events.map(({ type }) => type), { timeout: 10_000 }).toContain('writeRecovered');
    expect(await store.append([entry])).toMatchObject([{ status: 'repeat', seq: 2 }]);
    expect(await texts(store)).toEqual(['before', 'during']);
  });

  test('a message is not handed out before it is durable', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { store } = await open(disk);
    const make = new EntryMaker();
    const order: string[] = [];
    const appended = store.append([make.entry(bike, 'a')]).then(() => order.push('appended'));
    const read = store
      .read(bike, 1 as Seq, EVERYTHING)
      .then((entries) => order.push(`read ${entries.length}`));
    await Promise.all([appended, read]);
    expect(order).toEqual(['appended', 'read 1']);
  });

  test('the index of a deep queue stays within its bound', async () => {
    let disk = new PowerCutFileSystem(seededRandom(1));
    const options = { indexBytesMax: 100_000, segmentBytes: 1 << 20, checkpointBytes: 1 << 20 };
    const { store } = await open(disk, options);
    const make = new EntryMaker();
    const total = 30_000;
    for (let done = 0; done < total; done += 500) {
      await store.append(
        Array.from({ length: 500 }, (_, index) => make.entry(bike, String(done + index + 1))),
      );
      expect(store.stats().indexBytes).toBeLessThanOrEqual(110_000);
    }
    expect(store.stats().spilledBytes).toBeGreaterThan(400_000);
    disk = disk.cut();
    const { store: reopened } = await open(disk, options);
    expect(reopened.stats().indexBytes).toBeLessThanOrEqual(130_000);
    let next = 1;
    while (next <= total) {
      const entries = await reopened.read(bike, next as Seq, { messagesMax: 1000, bytesMax: 1 << 30 });
      expect(entries.map(textOf)).toEqual(entries.map((_, index) => String(next + index)));
      next += entries.length;
      if (next === 15_001) await reopened.trim([{ queue: bike, through: 15_000 as Seq }]);
    }
    expect(await reopened.bounds(bike)).toMatchObject({ min: 15_001, messages: 15_000 });
    await reopened.drop(bike);
    expect(reopened.stats()).toMatchObject({ indexBytes: 0, spilledBytes: 0 });
  });

  test('appends go on while checkpoints of a large table are taken, and a cut at any moment loses nothing', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = seededRandom(seed);
      let disk = new PowerCutFileSystem(random);
      const expected = new Map<number, string[]>();
      const make = new EntryMaker();
      for (let life = 0; life < 4; life++) {
        const { store } = await open(disk, { checkpointBytes: 4096 });
        for (const [session, known] of expected) {
          expect(await texts(store, queueOf(session)), `seed ${seed}`).toEqual(known);
        }
        for (let round = Math.floor(random() * 40); round >= 0; round--) {
          const session = 1 + Math.floor(random() * 12);
          const text = `${seed}/${life}/${round}`.padEnd(Math.floor(random() * 2000), '.');
          await store.append([make.entry(queueOf(session), text, { producer: `life ${life}` })]);
          expected.set(session, [...(expected.get(session) ?? []), text]);
        }
        disk = disk.cut();
      }
    }
  });
});
