import { expect, test } from 'vitest';
import { MemoryEventLog } from '../../../../src/adapters/memory/memory-event-log.ts';
import { RegistryFramedLog } from '../../../../src/adapters/schema-registry/registry-framed-log.ts';
import { SchemaIds } from '../../../../src/adapters/schema-registry/schema-ids.ts';
import type { LogEntry, LogRecord, Offset } from '../../../../src/event-log/event-log.ts';
import { decodeSessionEvent } from '../../../../src/event-log/session-event-codec.ts';

const START = [0 as Offset];

/** A registry whose ids are the built-in ones of other records. */
const ids = new SchemaIds([
  { builtInId: 1, registryId: 2, name: 'spokemq.SessionState' },
  { builtInId: 2, registryId: 1, name: 'spokemq.Subscription' },
  { builtInId: 3, registryId: 70_000, name: 'spokemq.RetainedMessage' },
]);

function record(key: string, schemaId: number | null): LogRecord {
  const value = schemaId === null ? null : Buffer.from([0, 0, 0, 0, schemaId, 77]);
  return { partitionKey: 'city\0bike', key, value, event: 'Any', timestampMs: 5 };
}

const session = record('s\0city\0bike', 1);
const subscription = record('u\0city\0bike\0a/#', 2);
const retained = record('r\0city\0a', 3);
const ended = record('s\0city\0bike', null);

test('values carry the ids of the registry below, and the built-in ones above', async () => {
  const log = new MemoryEventLog();
  const framed = new RegistryFramedLog(log, ids);
  const followed: LogEntry[] = [];
  const follower = await framed.follow(START, (entries) => {
    followed.push(...entries);
  });
  const records = [session, subscription, retained, ended];
  await framed.append(records);

  const below = await log.read(0, 0 as Offset, 10);
  expect(below.map(({ value }) => value?.readUInt32BE(1))).toEqual([2, 1, 70_000, undefined]);
  expect(followed).toMatchObject(records);
  expect(await framed.read(0, 0 as Offset, 10)).toEqual(followed);
  expect(session.value?.readUInt32BE(1), 'the value given was not changed').toBe(1);
  await follower.stop();
});

test('the key tells values from before the registry from those of another record', async () => {
  const log = new MemoryEventLog();
  await log.append([session, subscription]);
  const framed = new RegistryFramedLog(log, ids);
  expect(await framed.read(0, 0 as Offset, 10)).toMatchObject([session, subscription]);
});

test.each([
  ['an id that nobody here knows', record('s\0city\0bike', 9), /schema 9; upgrade this broker/],
  ['an id that is the built-in one of another record', record('s\0city\0bike', 3), /schema 3; upgrade/],
  ['a value of somebody else', { ...session, value: Buffer.from('{}') }, /not in the Confluent wire format/],
  ['a key of somebody else', record('city/bike', 1), /does not belong on the topic of session events/],
])('%s holds up no other record, and whoever decodes it is told what to do', async (_, foreign, told) => {
  const log = new MemoryEventLog();
  await log.append([foreign, session]);
  const framed = new RegistryFramedLog(log, ids);
  const followed: LogEntry[] = [];
  const follower = await framed.follow(START, (entries) => {
    followed.push(...entries);
  });
  await follower.stop();
  const read = await framed.read(0, 0 as Offset, 10);
  expect(read).toMatchObject([foreign, session]);
  expect(followed).toEqual(read);
  expect(() => decodeSessionEvent(read[0]!)).toThrow(told);
});

test('ids are ambiguous when one would mean two versions of a record', () => {
  const name = 'spokemq.SessionState';
  expect(ids.ambiguousId).toBeUndefined();
  const clashing = new SchemaIds([
    { builtInId: 1, registryId: 4, name },
    { builtInId: 4, registryId: 5, name },
  ]);
  expect(clashing.ambiguousId).toBe(4);
});
