import { afterEach, beforeEach, expect, test } from 'vitest';
import { memberGauges } from '../../../src/app/member-gauges.ts';
import { peerGauges } from '../../../src/app/peer-gauges.ts';
import { LinkStats } from '../../../src/cluster/link/link-stats.ts';
import { MemberRoster } from '../../../src/cluster/member-roster.ts';
import { SystemClock } from '../../../src/transport/system-time.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster();
});

afterEach(async () => {
  await cluster.close();
});

test('everything that links count can be read, under its own name', () => {
  const stats = new LinkStats();
  const keys = Object.keys(stats) as (keyof LinkStats)[];
  for (const [index, key] of keys.entries()) stats[key] = index + 1;
  const read = peerGauges({ dropped: 100 }, stats).map((source) => [source.name, source.read()]);
  const values = read.flatMap(([, value]) =>
    typeof value === 'object' ? Array.from(value, (sample) => sample.value) : [value],
  );
  expect(new Set(values)).toEqual(new Set([...keys.map((_, index) => index + 1), 100]));
  expect(values).toHaveLength(keys.length + 1);
});

test('no metric of a broker among others is there twice', async () => {
  const { mesh, membership } = await cluster.start('one');
  const roster = new MemberRoster({
    membership,
    clock: new SystemClock(),
    reach: (incarnation) => mesh.reach(incarnation),
  });
  const gauges = [...memberGauges(roster, mesh, undefined), ...peerGauges({ dropped: 0 }, new LinkStats())];
  expect(new Set(gauges.map(({ name }) => name)).size).toBe(gauges.length);
});
