/** What Redis answers about streams, as the bridge needs it. */
import type { StreamEntry } from '../../bridge/bus.ts';

/** Of XREADGROUP with one stream; there is none when nothing came in time. */
export function readEntries(answer: unknown): readonly StreamEntry[] {
  const [stream] = list(answer);
  const [, entries] = list(stream);
  return entriesOf(entries);
}

export function entriesOf(answer: unknown): readonly StreamEntry[] {
  return list(answer).map(entry);
}

/** Of XAUTOCLAIM that answers with ids alone. */
export function claimedCount(answer: unknown): number {
  const [, ids] = list(answer);
  return list(ids).length;
}

/** Of XPENDING: entries that others than `consumer` have been handed. */
export function othersUnsettled(answer: unknown, consumer: string): number {
  const [, , , consumers] = list(answer);
  return list(consumers)
    .map(list)
    .reduce((sum, [name, count]) => sum + (String(name) === consumer ? 0 : Number(count)), 0);
}

/** Of XINFO GROUPS: handed out and not settled, and not handed out; undefined before Redis 7, or when it has lost count. */
export function groupLag(answer: unknown, group: string): number | undefined {
  for (const found of list(answer)) {
    const parts = list(found);
    const value = (name: string): unknown => parts[parts.indexOf(name) + 1];
    if (value('name') !== group || !parts.includes('lag')) continue;
    const lag = value('lag');
    return lag === null ? undefined : Number(lag) + Number(value('pending'));
  }
  return undefined;
}

/** The error of XGROUP CREATE that is none. */
export function isGroupThere(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('BUSYGROUP');
}

function entry(answer: unknown): StreamEntry {
  const [id, parts] = list(answer);
  if (parts === null) return { id: String(id), fields: undefined };
  const fields = new Map<string, Buffer>();
  const all = list(parts);
  for (let at = 0; at + 1 < all.length; at += 2) {
    const value = all[at + 1];
    if (Buffer.isBuffer(value)) fields.set(String(all[at]), value);
  }
  return { id: String(id), fields };
}

function list(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : [];
}
