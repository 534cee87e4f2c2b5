import { expect, test } from 'vitest';
import { EmbeddedSessionIds } from '../../../../src/adapters/embedded/session-ids.ts';
import { nextStartNumber } from '../../../../src/adapters/embedded/start-number.ts';
import type { TenantId } from '../../../../src/tenancy/identity.ts';
import { PowerCutFileSystem } from '../../../support/power-cut-file-system.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const DIRECTORY = '/data';
const CITY = 'city' as TenantId;

test('no identifier and no start number is given again after power was lost at any moment', async () => {
  const random = seededRandom(7);
  let fileSystem = new PowerCutFileSystem(random);
  let highestId = 0;
  let highestStart = 0;
  for (let life = 0; life < 40; life++) {
    const ids = new EmbeddedSessionIds({ directory: DIRECTORY, fileSystem });
    const given: number[] = [];
    const starts: number[] = [];
    const work = async (): Promise<void> => {
      starts.push(await nextStartNumber({ directory: DIRECTORY, fileSystem, nowMs: 1e12 }));
      for (let n = 0; n < 2_000; n++) given.push(await ids.next(CITY));
    };
    void work();
    await turns(Math.floor(random() * 60));
    fileSystem = fileSystem.cut();
    expect(Math.min(Infinity, ...given)).toBeGreaterThan(highestId);
    expect(Math.min(Infinity, ...starts)).toBeGreaterThan(highestStart);
    highestId = Math.max(highestId, ...given);
    highestStart = Math.max(highestStart, ...starts);
  }
  expect(highestId).toBeGreaterThan(2_000);
  expect(highestStart).toBeGreaterThan(5);
  expect(highestStart).toBeLessThan(1_000);
});

test('damaged files are reported, and numbers go on far above what is known', async () => {
  const fileSystem = new PowerCutFileSystem(seededRandom(7));
  const first = new EmbeddedSessionIds({ directory: DIRECTORY, fileSystem });
  expect(await first.next(CITY)).toBe(1);
  expect(await nextStartNumber({ directory: DIRECTORY, fileSystem, nowMs: 5 })).toBe(1);
  for (const file of fileSystem.files()) fileSystem.contentOf(file).fill(0);

  const damaged: string[] = [];
  const onDamage = (path: string): unknown => damaged.push(path);
  const second = new EmbeddedSessionIds({
    directory: DIRECTORY,
    fileSystem,
    highestKnown: () => 500,
    onDamage,
  });
  expect(await second.next(CITY)).toBeGreaterThan(500 + 1_024);
  expect(await nextStartNumber({ directory: DIRECTORY, fileSystem, nowMs: 1e12, onDamage })).toBe(1e12);
  expect(damaged).toHaveLength(2);
});

test('a disk that fails is said to be unavailable, and works again when it does', async () => {
  const fileSystem = new PowerCutFileSystem(seededRandom(7));
  const ids = new EmbeddedSessionIds({ directory: DIRECTORY, fileSystem });
  fileSystem.fail('datasync', 'EIO');
  await expect(ids.next(CITY)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  fileSystem.fail('datasync', undefined);
  expect(await ids.next(CITY)).toBe(1);
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
