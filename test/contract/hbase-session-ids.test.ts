/** The contract of session identifiers over a real HBase, and what several generators of one cluster promise together. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { HBaseClient } from '../../src/adapters/hbase/client/hbase-client.ts';
import { nextStartNumber } from '../../src/adapters/hbase/counters/counter.ts';
import { HBaseSessionIds } from '../../src/adapters/hbase/counters/hbase-session-ids.ts';
import type { TenantId } from '../../src/tenancy/identity.ts';
import { connectHBase } from '../support/hbase-queues.ts';
import { newNamespace } from '../support/hbase-snapshots.ts';
import { sessionIdGeneratorContract } from './session-id-generator-contract.ts';

const CITY = 'city' as TenantId;

let client: HBaseClient;
beforeAll(async () => {
  client = await connectHBase(inject('zookeeperQuorum'));
});
afterAll(() => {
  client.close();
});

sessionIdGeneratorContract('HBase', async () => {
  const namespace = await newNamespace(client, 'counters');
  return {
    open: () => Promise.resolve(new HBaseSessionIds({ client, namespace })),
    durable: true,
    dispose: () => Promise.resolve(),
  };
});

describe('numbers from HBase', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await newNamespace(client, 'counters');
  });

  test('several generators side by side never give the same identifier', async () => {
    const generators = Array.from({ length: 5 }, () => new HBaseSessionIds({ client, namespace }));
    const given = await Promise.all(
      generators.map(async (ids) => {
        const own: number[] = [];
        for (let n = 0; n < 3_000; n++) own.push(await ids.next(CITY));
        return own;
      }),
    );
    expect(new Set(given.flat()).size).toBe(15_000);
    for (const own of given) expect(own).toEqual(own.toSorted((a, b) => a - b));
  });

  test('identifiers go on above what the log knows when the table of counters was lost', async () => {
    const tenant = 'lost' as TenantId;
    const known = 1_000_000;
    const generators = [1, 2].map(
      () => new HBaseSessionIds({ client, namespace, highestKnown: (of) => (of === tenant ? known : 0) }),
    );
    const given = await Promise.all(
      generators.map((ids) => Promise.all(Array.from({ length: 2_000 }, () => ids.next(tenant)))),
    );
    expect(Math.min(...given.flat())).toBeGreaterThan(known);
    expect(new Set(given.flat()).size).toBe(4_000);
  });

  test('a broker never has the same start number twice, others count for themselves', async () => {
    expect(await nextStartNumber(client, namespace, 'spoke-1')).toBe(1);
    const many = await Promise.all(
      Array.from({ length: 20 }, () => nextStartNumber(client, namespace, 'spoke-1')),
    );
    expect(new Set([1, ...many]).size).toBe(21);
    expect(await nextStartNumber(client, namespace, 'spoke-2')).toBe(1);
  });

  test('no table is the store being away, and what to do', async () => {
    const missing = nextStartNumber(client, `${namespace}_missing`, 'spoke-1');
    await expect(missing).rejects.toThrow('run "spoke storage apply"');
  });
});
