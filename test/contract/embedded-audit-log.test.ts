import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEmbeddedEventLog } from '../../src/adapters/embedded/event-log/embedded-event-log.ts';
import { PowerCutFileSystem } from '../support/power-cut-file-system.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { auditLogContract } from './audit-log-contract.ts';
import { readAll, record } from './event-log-contract.ts';

const DAY_MS = 86_400_000;

auditLogContract('embedded', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'spoke-audit-log-'));
  return {
    open: () =>
      openEmbeddedEventLog({
        directory,
        durability: 'os',
        nowMs: () => Date.now(),
        retention: { ageMsMax: 365 * DAY_MS, bytesMax: 1_048_576 },
      }),
    dispose: () => rm(directory, { recursive: true }),
  };
});

describe('retention', () => {
  let nowMs = 1_000 * DAY_MS;
  const disk = new PowerCutFileSystem(seededRandom(7));
  const open = (directory: string) =>
    openEmbeddedEventLog({
      directory,
      durability: 'fsync',
      nowMs: () => nowMs,
      retention: { ageMsMax: 32 * DAY_MS, bytesMax: 2_097_152 },
      fileSystem: disk,
    });

  test('by age: a quiet log loses its oldest days, keys or not, and offsets go on', async () => {
    let log = await open('/age');
    for (let day = 0; day < 100; day++) {
      await log.append([{ ...record('same key'), timestampMs: nowMs }]);
      nowMs += DAY_MS + 1;
    }
    await log.close();
    log = await open('/age');
    await log.compact();
    const entries = await readAll(log);
    const ages = entries.map(({ timestampMs }) => Math.floor((nowMs - timestampMs) / DAY_MS));
    expect(Math.max(...ages)).toBeLessThanOrEqual(34);
    expect(entries.length).toBeGreaterThanOrEqual(31);
    expect((await log.startOffsets())[0]).toBe(entries[0]?.offset);
    expect(entries.at(-1)?.offset).toBe(99);
    nowMs += 1_000 * DAY_MS;
    await log.append([{ ...record('after years'), timestampMs: nowMs }]);
    await log.close();
    log = await open('/age');
    expect(await readAll(log)).toMatchObject([{ key: 'after years', offset: 100 }]);
    await log.close();
  });

  test('by size: the oldest files go, the newest records stay', async () => {
    const log = await open('/size');
    const value = Buffer.alloc(8_192, 7);
    for (let n = 0; n < 500; n++) await log.append([{ ...record('k'), value, timestampMs: nowMs }]);
    await log.close();
    const again = await open('/size');
    const entries = await readAll(again);
    expect(again.bytes).toBeLessThanOrEqual(2_097_152 + 3 * 65_536);
    expect(entries.length * value.length).toBeGreaterThan(1_572_864);
    expect(entries.at(-1)?.offset).toBe(499);
    await again.close();
  });
});
