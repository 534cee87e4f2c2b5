/** What every adapter of the bridge's bus promises. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { BridgeBus, EntryFields, StreamEntry } from '../../src/bridge/bus.ts';
import { eventually } from '../support/eventually.ts';

export interface BusUnderTest {
  readonly bus: BridgeBus;
  /** As another service says something. */
  readonly say: (channel: string, message: string) => Promise<void>;
  /** As another service reads a stream: its entries, oldest first. */
  readonly entriesOf: (stream: string) => Promise<readonly Readonly<Record<string, string>>[]>;
}

/** `current`: asked within each test. */
export function bridgeBusContract(current: () => BusUnderTest): void {
  const fields = (text: string): EntryFields => [
    ['text', text],
    ['bytes', Buffer.from([0xff, 0])],
  ];
  const upTo = (entriesMax: number, bytesMax = 1_000_000) => ({ entriesMax, bytesMax });
  const texts = (entries: readonly StreamEntry[]) =>
    entries.map((entry) => entry.fields?.get('text')?.toString());

  it('tells who listens what is published, byte for byte, until it stops listening', async () => {
    const { bus, say } = current();
    const channel = randomUUID();
    const heard: [string, Buffer][] = [];
    const other: string[] = [];
    /** The last probe may come late. */
    const saidLater = () => heard.filter(([, message]) => message.toString() !== '?');
    const stop = bus.subscribe(channel, false, (from, message) => heard.push([from, message]));
    const stopAll = bus.subscribe(`${channel}*`, true, (from) => other.push(from));
    await eventually(async () => {
      await say(`${channel}/probe`, '?');
      await say(channel, '?');
      expect(other.length).toBeGreaterThan(0);
      expect(heard.length).toBeGreaterThan(0);
    });
    await bus.publish(channel, Buffer.from([0, 0xff]));
    await bus.publish(`${channel}/deep`, Buffer.from('x'));
    await eventually(() => {
      expect(other).toContain(`${channel}/deep`);
    });
    expect(saidLater()).toEqual([[channel, Buffer.from([0, 0xff])]]);
    stop();
    await bus.publish(channel, Buffer.from('unheard'));
    await bus.publish(`${channel}/last`, Buffer.from('heard'));
    await eventually(() => {
      expect(other).toContain(`${channel}/last`);
    });
    expect(saidLater()).toHaveLength(1);
    stopAll();
  });

  it('appends entries in order, and keeps about as many as it is told', async () => {
    const { bus, entriesOf } = current();
    const stream = randomUUID();
    await bus.append(stream, [fields('1'), fields('2')], 0);
    await bus.append(stream, [fields('3')], 0);
    expect((await entriesOf(stream)).map(({ text }) => text)).toEqual(['1', '2', '3']);
    const many = Array.from({ length: 1_000 }, (_, index) => fields(`${index}`));
    await bus.append(stream, many, 100);
    const kept = await entriesOf(stream);
    expect(kept.length).toBeLessThan(500);
    expect(kept.at(-1)?.['text']).toBe('999');
  });

  it('appends nothing when it cannot append all of it', async () => {
    const { bus, entriesOf } = current();
    const stream = randomUUID();
    await expect(bus.append(stream, [fields('1'), []], 0)).rejects.toThrow();
    expect(await entriesOf(stream)).toEqual([]);
  });

  it('hands each entry to one consumer, once until it is settled', async () => {
    const { bus } = current();
    const stream = randomUUID();
    const [one, two] = [bus.group(stream, 'g', 'one'), bus.group(stream, 'g', 'two')];
    await one.create();
    await two.create();
    await bus.append(stream, [fields('1'), fields('2'), fields('3')], 0);
    await eventually(async () => {
      expect(await one.lag()).not.toBe(0);
    });
    let first: readonly StreamEntry[] = [];
    await eventually(async () => {
      first = await one.next(upTo(2), 100);
    });
    expect(texts(first)).toEqual(['1', '2']);
    expect(first[0]?.fields?.get('bytes')).toEqual(Buffer.from([0xff, 0]));
    let second: readonly StreamEntry[] = [];
    await eventually(async () => {
      second = await two.next(upTo(2), 100);
    });
    expect(texts(second)).toEqual(['3']);
    expect(texts(await one.unsettled(upTo(10)))).toEqual(['1', '2']);
    await one.settle(
      first.slice(0, 1).map(({ id }) => id),
      [],
    );
    expect(texts(await one.unsettled(upTo(10)))).toEqual(['2']);
    expect(await one.next(upTo(1), 1)).toEqual([]);
    one.close();
    two.close();
  });

  it('hands out no more bytes at a time than it is asked for, but for the entry that reaches the bound', async () => {
    const { bus } = current();
    const stream = randomUUID();
    const group = bus.group(stream, 'g', 'one');
    await group.create();
    // 1,010 bytes each with its name, but for the last.
    const kilobyte = (letter: string): EntryFields => [['text', letter.repeat(1_006)]];
    await bus.append(stream, ['a', 'b', 'c', 'd'].map(kilobyte), 0);
    await bus.append(stream, [[['text', 'e'.repeat(100_000)]], fields('last')], 0);
    const letters = (entries: readonly StreamEntry[]) =>
      texts(entries)
        .map((text) => text?.slice(0, 1))
        .join('');
    const read: string[] = [];
    await eventually(async () => {
      const entries = await group.next(upTo(10, 2_500), 1);
      if (entries.length > 0) read.push(letters(entries));
      expect(read.join('')).toBe('abcdel');
    });
    expect(read).toEqual(['abc', 'de', 'l']);
    const unsettled = await group.unsettled(upTo(10, 2_500));
    expect(letters(unsettled)).toBe('abc');
    expect(letters(await group.unsettled(upTo(2, 2_500)))).toBe('ab');
    await group.settle(
      unsettled.map(({ id }) => id),
      [],
    );
    expect(letters(await group.unsettled(upTo(10, 2_500)))).toBe('de');
    group.close();
  });

  it('lets a consumer take over what another one has left for long enough', async () => {
    const { bus } = current();
    const stream = randomUUID();
    const [one, two] = [bus.group(stream, 'g', 'one'), bus.group(stream, 'g', 'two')];
    await one.create();
    await bus.append(stream, [fields('1'), fields('2')], 0);
    await eventually(async () => {
      expect(texts(await one.next(upTo(5), 100))).toEqual(['1', '2']);
    });
    expect(await two.claim(10, 60_000)).toEqual({ claimed: 0, left: 2 });
    expect(await two.claim(1, 0)).toEqual({ claimed: 1, left: 1 });
    expect(await two.claim(10, 0)).toMatchObject({ left: 0 });
    expect(texts(await two.unsettled(upTo(10)))).toEqual(['1', '2']);
    expect(await one.unsettled(upTo(10))).toEqual([]);
    await two.settle(
      (await two.unsettled(upTo(10))).map(({ id }) => id),
      [],
    );
    expect(await two.claim(10, 0)).toEqual({ claimed: 0, left: 0 });
    one.close();
    two.close();
  });

  it('keeps what is rejected beside the stream, with the reason', async () => {
    const { bus, entriesOf } = current();
    const stream = randomUUID();
    const group = bus.group(stream, 'g', 'one');
    await group.create();
    await bus.append(stream, [fields('bad')], 0);
    let entries: readonly StreamEntry[] = [];
    await eventually(async () => {
      entries = await group.next(upTo(5), 100);
    });
    const [entry] = entries;
    if (entry === undefined) throw new Error('nothing was handed out');
    await group.settle([], [{ entry, reason: 'it is bad' }]);
    expect(await group.unsettled(upTo(10))).toEqual([]);
    expect(await entriesOf(`${stream}:rejected`)).toMatchObject([
      { text: 'bad', rejectedEntry: entry.id, rejectedBecause: 'it is bad' },
    ]);
    group.close();
  });

  it('lets whoever waits for entries go when the group is closed', async () => {
    const { bus } = current();
    const group = bus.group(randomUUID(), 'g', 'one');
    await group.create();
    await eventually(async () => {
      expect(await group.next(upTo(1), 1)).toEqual([]);
    });
    const waiting = group.next(upTo(1), 5_000);
    group.close();
    await expect(waiting).rejects.toThrow();
  });
}
