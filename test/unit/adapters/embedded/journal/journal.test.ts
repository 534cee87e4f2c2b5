import { describe, expect, test } from 'vitest';
import { bytesBody, openJournal } from '../../../../../src/adapters/embedded/journal/journal.ts';
import type { Journal, JournalOptions } from '../../../../../src/adapters/embedded/journal/journal.ts';
import type { JournalEvent } from '../../../../../src/adapters/embedded/journal/recovery.ts';
import { StoreUnavailableError } from '../../../../../src/errors/store-unavailable-error.ts';
import { PowerCutFileSystem } from '../../../../support/power-cut-file-system.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const DIRECTORY = '/journal';

interface Opened {
  readonly journal: Journal;
  readonly replayed: string[];
  readonly events: JournalEvent[];
}

async function open(fileSystem: PowerCutFileSystem, options: Partial<JournalOptions> = {}): Promise<Opened> {
  const replayed: string[] = [];
  const events: JournalEvent[] = [];
  const journal = await openJournal({
    directory: DIRECTORY,
    fileSystem,
    durability: 'fsync',
    segmentBytes: 4096,
    replay: ({ body }) => replayed.push(body.toString('latin1')),
    observe: (event) => events.push(event),
    ...options,
  });
  return { journal, replayed, events };
}

/** One synced group per text. */
async function write(journal: Journal, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    journal.append(1, bytesBody(Buffer.from(text, 'latin1')));
    await journal.durable();
  }
}

function segmentPath(fileSystem: PowerCutFileSystem, index: number): string {
  const path = fileSystem.files().filter((name) => name.endsWith('.journal'))[index];
  if (path === undefined) throw new Error(`no segment ${index}`);
  return path;
}

function flipByte(fileSystem: PowerCutFileSystem, path: string, text: string): void {
  const content = fileSystem.contentOf(path);
  const at = content.indexOf(text);
  content[at] = (content[at] ?? 0) ^ 0x40;
}

describe('journal', () => {
  test('replays what was appended, over segments, in order', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const first = await open(disk);
    const texts = Array.from({ length: 50 }, (_, index) => `${index}:`.padEnd(500, 'x'));
    await write(first.journal, ...texts);
    expect(first.journal.segments().length).toBeGreaterThan(5);
    await first.journal.close();
    const second = await open(disk);
    expect(second.replayed).toEqual(texts);
    expect(second.events).toEqual([]);
  });

  test('replay begins at a position', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    await write(journal, 'before');
    const from = journal.end;
    await write(journal, 'behind');
    await journal.close();
    expect((await open(disk, { from })).replayed).toEqual(['behind']);
  });

  test('restarts go on in the newest segment, after a kill and after a power cut too', async () => {
    const options = { segmentBytes: 1 << 20 };
    let disk = new PowerCutFileSystem(seededRandom(1));
    const texts: string[] = [];
    for (let start = 0; start < 9; start++) {
      const { journal, replayed } = await open(disk, options);
      expect(replayed).toEqual(texts);
      const text = `start ${start} ${'x'.repeat(start * 10_000)}`;
      const position = journal.append(1, bytesBody(Buffer.from(text)));
      await journal.durable();
      expect((await journal.load(position.segment, position.offset)).toString()).toBe(text);
      texts.push(text);
      if (start % 3 === 0) await journal.close();
      else disk = start % 3 === 1 ? disk.kill() : disk.cut();
    }
    const { journal, replayed } = await open(disk, options);
    expect(replayed).toEqual(texts);
    expect(journal.segments()).toHaveLength(1);
  });

  test('many appends share a sync', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk, { segmentBytes: 1 << 20 });
    for (let count = 0; count < 1000; count++) journal.append(1, bytesBody(Buffer.from(String(count))));
    expect(journal.unsyncedBytes).toBeGreaterThan(1000);
    await journal.durable();
    expect(journal.syncs).toBe(1);
    expect(journal.unsyncedBytes).toBe(0);
  });

  test('durable means behind every sync that the bytes need', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    const position = journal.append(1, bytesBody(Buffer.from('a')));
    expect(journal.isDurable(position.segment, position.offset)).toBe(false);
    await journal.durable();
    expect(journal.isDurable(position.segment, position.offset)).toBe(true);
  });

  test('reads records back from memory and from disk, also across blocks', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const options = { segmentBytes: 1 << 20, cacheBytes: 0 };
    const { journal } = await open(disk, options);
    const bodies = [10, 70_000, 200_000, 64 * 1024, 1].map((length, index) =>
      Buffer.alloc(length, index + 1),
    );
    const positions = bodies.map((body) => journal.append(1, bytesBody(body)));
    await journal.durable();
    const reopened = (await journal.close().then(() => open(disk, options))).journal;
    for (const [index, position] of positions.entries()) {
      const body = await reopened.load(position.segment, position.offset);
      expect(body.equals(bodies[index] ?? Buffer.alloc(0))).toBe(true);
    }
  });

  test('a tail that was never synced is cut, reported, and gone at the next start', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    await write(journal, 'kept');
    const path = segmentPath(disk, 0);
    const file = await disk.open(path, 'update');
    const torn = Buffer.concat([Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 1]), Buffer.alloc(50, 7)]);
    await file.write([torn], await file.size());
    const crashed = disk.kill();
    const second = await open(crashed);
    expect(second.replayed).toEqual(['kept']);
    expect(second.events).toMatchObject([{ type: 'tornTailCut', bytes: torn.length, records: 1 }]);
    expect(second.journal.tornBytes).toBe(torn.length);
    await write(second.journal, 'later');
    const third = await open(crashed.kill());
    expect(third.replayed).toEqual(['kept', 'later']);
    expect(third.events).toEqual([]);
  });

  test('a tail of NUL bytes does not keep the journal from opening', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    await write(journal, 'kept');
    const file = await disk.open(segmentPath(disk, 0), 'update');
    await file.write([Buffer.alloc(3000)], await file.size());
    expect((await open(disk.kill())).replayed).toEqual(['kept']);
  });

  test.each([
    ['an older segment', 0],
    ['the last segment, when a later group proves it had been synced', 2],
  ])('a rotten record in %s is skipped and the rest is used', async (_, segment) => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    const texts = Array.from({ length: 9 }, (__, index) => `record ${index} `.padEnd(1300, '.'));
    await write(journal, ...texts);
    const crashed = disk.kill();
    flipByte(crashed, segmentPath(crashed, segment), `record ${segment * 3 + 1}`);
    const { replayed, events } = await open(crashed);
    expect(replayed).toEqual(texts.filter((__, index) => index !== segment * 3 + 1));
    expect(events).toMatchObject([{ type: 'damageSkipped' }]);
  });

  test('a rotten length costs one record, not the rest of the segment', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    await write(journal, 'first', 'second', 'third', 'x'.repeat(4000));
    const crashed = disk.kill();
    const content = crashed.contentOf(segmentPath(crashed, 0));
    content.writeUInt32LE(0x7fff_0000, content.indexOf('second') - 9);
    const { replayed } = await open(crashed);
    expect(replayed).toEqual(['first', 'third', 'x'.repeat(4000)]);
  });

  test('a rotten record is not returned by a read', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const options = { segmentBytes: 2048 };
    const { journal } = await open(disk, options);
    const position = journal.append(1, bytesBody(Buffer.from('payload')));
    await write(journal, 'x'.repeat(4000)); // The newest segment keeps its last block in memory: have it be another.
    await journal.close();
    const reopened = (await open(disk, options)).journal;
    flipByte(disk, segmentPath(disk, 0), 'payload');
    await expect(reopened.load(position.segment, position.offset)).rejects.toThrow('damaged');
  });

  test.each(['write', 'datasync', 'create', 'syncDirectory'] as const)(
    'after a failed %s nothing counts as durable until the same bytes are synced',
    async (operation) => {
      const disk = new PowerCutFileSystem(seededRandom(1));
      const { journal, events } = await open(disk);
      disk.fail(operation, 'ENOSPC');
      const position = journal.append(1, bytesBody(Buffer.from('first')));
      await expect(journal.durable()).rejects.toThrow(StoreUnavailableError);
      expect(journal.isDurable(position.segment, position.offset)).toBe(false);
      expect(() => journal.append(1, bytesBody(Buffer.from('refused')))).toThrow(StoreUnavailableError);
      disk.fail(operation, undefined);
      await expect.poll(() => journal.unsyncedBytes, { timeout: 10_000 }).toBe(0);
      expect(journal.isDurable(position.segment, position.offset)).toBe(true);
      await write(journal, 'second');
      expect(events.map(({ type }) => type)).toEqual(['writeFailed', 'writeRecovered']);
      expect((await open(disk.cut())).replayed).toEqual(['first', 'second']);
    },
  );

  test('a segment of a later release stops the start instead of losing its records', async () => {
    const disk = new PowerCutFileSystem(seededRandom(1));
    const { journal } = await open(disk);
    await write(journal, 'record');
    await journal.close();
    disk.contentOf(segmentPath(disk, 0)).writeUInt32LE(2, 8);
    await expect(open(disk)).rejects.toThrow('later release');
  });

  test('no power cut loses a record that was durable, or invents one', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      let disk = new PowerCutFileSystem(random);
      const durable: string[] = [];
      let written: string[] = [];
      for (let life = 0; life < 4; life++) {
        const { journal, replayed } = await open(disk);
        expect(replayed.slice(0, durable.length), `seed ${seed}`).toEqual(durable);
        expect([...durable, ...written].slice(0, replayed.length), `seed ${seed}`).toEqual(replayed);
        durable.splice(0, durable.length, ...replayed);
        written = [];
        for (let step = Math.floor(random() * 12); step > 0; step--) {
          const batch = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) =>
            `${life}/${step}/${index}`.padEnd(Math.floor(random() * 1500), '-'),
          );
          for (const text of batch) journal.append(1, bytesBody(Buffer.from(text, 'latin1')));
          written.push(...batch);
          const synced = journal.durable().then(() => {
            durable.push(...written.splice(0));
          });
          if (step > 1 || random() < 0.5) await synced;
          else await new Promise((resolve) => setImmediate(resolve));
        }
        disk = disk.cut();
      }
    }
  });
});
