/** What every generator of session identifiers promises. An adapter's test calls it with its harness. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SessionIdGenerator } from '../../src/session/session-id-generator.ts';
import type { TenantId } from '../../src/tenancy/identity.ts';

/** A place where no identifier has been given yet. */
export interface SessionIdGeneratorHarness {
  open(): Promise<SessionIdGenerator>;
  /** Whether the place outlives the instance, even one that is not closed. */
  readonly durable: boolean;
  dispose(): Promise<void>;
}

const CITY = 'city' as TenantId;
const PORT = 'port' as TenantId;

export function sessionIdGeneratorContract(
  name: string,
  makeHarness: () => Promise<SessionIdGeneratorHarness>,
): void {
  describe(`session id generator contract: ${name}`, () => {
    let harness: SessionIdGeneratorHarness;
    let ids: SessionIdGenerator;

    beforeEach(async () => {
      harness = await makeHarness();
      ids = await harness.open();
    });

    afterEach(async () => {
      await ids.close();
      await harness.dispose();
    });

    test('identifiers start at 1 and rise, each tenant for itself', async () => {
      expect(await ids.next(CITY)).toBe(1);
      expect(await ids.next(PORT)).toBe(1);
      expect(await ids.next(CITY)).toBeGreaterThan(1);
    });

    test('concurrent calls never get the same identifier, and get them in the order of the calls', async () => {
      const tenants = [CITY, PORT];
      const given = await Promise.all(
        tenants.map((tenant) => Promise.all(Array.from({ length: 5_000 }, () => ids.next(tenant)))),
      );
      for (const own of given) {
        expect(new Set(own).size).toBe(5_000);
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
    });

    test('a tenant that is removed begins anew, the others go on', async () => {
      await Promise.all([CITY, PORT].map((tenant) => ids.next(tenant)));
      await ids.remove(CITY);
      expect(await ids.next(CITY)).toBe(1);
      expect(await ids.next(PORT)).toBeGreaterThan(1);
      await ids.remove(CITY);
      await ids.remove(CITY);
      expect(await ids.next(CITY)).toBe(1);
    });

    test('a tenant that is forgotten is given nothing twice', async () => {
      const before = await Promise.all([ids.next(CITY), ids.next(CITY)]);
      ids.forget(CITY);
      expect(await ids.next(CITY)).toBeGreaterThan(Math.max(...before));
    });

    test('an identifier is not given again after a restart or a crash', async () => {
      if (!harness.durable) return;
      const highest = new Map<TenantId, number>();
      for (let start = 0; start < 5; start++) {
        for (const tenant of [PORT, CITY]) {
          const given = await Promise.all(Array.from({ length: 700 }, () => ids.next(tenant)));
          expect(Math.min(...given)).toBeGreaterThan(highest.get(tenant) ?? 0);
          highest.set(tenant, Math.max(...given));
        }
        if (start % 2 === 0) await ids.close();
        ids = await harness.open();
      }
    });
  });
}
