/**
 * What the audit trail asks of the event log that it is kept in, whatever that is made of: an adapter's test calls
 * `auditLogContract` with a harness of its own. Retention is the adapter's, and tested with it.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditAdmin } from '../../src/admin/audit-admin.ts';
import type { AuditedEvent, AuditQuery } from '../../src/admin/admin-port.ts';
import type { AdministrativeChange, AuditNote } from '../../src/audit/audit-event.ts';
import { LoggedAuditTrail } from '../../src/audit/audit-trail.ts';
import type { EventLog } from '../../src/event-log/event-log.ts';
import type { TenantId } from '../../src/tenancy/identity.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

/** One log, empty at first, that outlives the instances opened on it. */
export interface AuditLogHarness {
  open(): Promise<EventLog>;
  dispose(): Promise<void>;
}

const DAY_MS = 86_400_000;
const START_MS = Date.now();

export function auditLogContract(name: string, makeHarness: () => Promise<AuditLogHarness>): void {
  describe(`audit log contract: ${name}`, () => {
    let harness: AuditLogHarness;
    let log: EventLog;
    let time: SimulatedTime;
    let trail: LoggedAuditTrail;
    let reader: AuditAdmin;

    beforeEach(async () => {
      harness = await makeHarness();
      time = new SimulatedTime(START_MS);
      await open();
    });

    afterEach(async () => {
      await log.close();
      await harness.dispose();
    });

    async function open(): Promise<void> {
      log = await harness.open();
      trail = new LoggedAuditTrail({
        log,
        clock: time,
        timers: time,
        brokerId: 'spoke-1',
        subjectsMax: 10,
        onLost: (_notes, error) => {
          throw error;
        },
      });
      reader = new AuditAdmin(log, time, 30 * DAY_MS);
    }

    async function read(query: Partial<AuditQuery> = {}): Promise<AuditedEvent[]> {
      const everything = { tenant: undefined, kind: undefined, limit: undefined, untilMs: undefined };
      const events = reader.tailAudit(
        { ...everything, since: 'start', follow: false, ...query },
        new AbortController().signal,
      );
      const read: AuditedEvent[] = [];
      for await (const event of events) read.push(event);
      return read;
    }

    test('what is recorded is read back by another instance, in its order, none for another', async () => {
      for (const target of ['a', 'b', 'a', 'a']) await trail.record(change(target));
      await trail.close();
      await log.close();
      await open();
      const events = await read();
      expect(events).toMatchObject(
        ['a', 'b', 'a', 'a'].map((target) => ({
          ...change(target),
          atMs: START_MS,
          sinceMs: START_MS,
          count: 1,
          brokerId: 'spoke-1',
        })),
      );
    });

    test('a part is read: of a tenant, a kind, a time, so many, behind a cursor', async () => {
      await trail.record(change('a'));
      trail.note(REFUSED);
      trail.note(REFUSED);
      await trail.close();
      await time.advance(DAY_MS);
      await trail.record({ ...change('b'), tenant: 'other' as TenantId });
      const all = await read();
      expect(all.map(({ kind, count }) => [kind, count])).toEqual([
        ['administrativeChange', 1],
        ['refusedLogin', 2],
        ['administrativeChange', 1],
      ]);
      expect(await read({ tenant: 'city' as TenantId })).toEqual(all.slice(0, 2));
      expect(await read({ kind: 'refusedLogin' })).toEqual(all.slice(1, 2));
      expect(await read({ limit: 2 })).toEqual(all.slice(0, 2));
      expect(await read({ since: { timeMs: START_MS + 1 } })).toEqual(all.slice(2));
      expect(await read({ untilMs: START_MS })).toEqual(all.slice(0, 2));
      const cursor = all[0]?.cursor ?? '';
      expect(reader.isAuditCursor(cursor)).toBe(true);
      expect(await read({ since: { cursor } })).toEqual(all.slice(1));
    });

    test('what is older than the retention is not shown, whether it is still there or not', async () => {
      await trail.record(change('old'));
      await time.advance(31 * DAY_MS);
      await trail.record(change('new'));
      expect(await read()).toMatchObject([{ target: 'new' }]);
      expect(await read({ since: { cursor: '0' } })).toMatchObject([{ target: 'new' }]);
    });

    test('what somebody else has put there hides nothing behind it', async () => {
      await trail.record(change('first'));
      const foreign = { partitionKey: 'x', key: 'x', event: '', timestampMs: START_MS };
      await log.append([
        { ...foreign, value: Buffer.from('by hand') },
        { ...foreign, value: null },
      ]);
      await trail.record(change('second'));
      expect(await read()).toMatchObject([{ target: 'first' }, { target: 'second' }]);
    });

    test('a reader that follows is handed what is recorded next', async () => {
      const ending = new AbortController();
      const everything = { tenant: undefined, kind: undefined, limit: undefined, untilMs: undefined };
      const followed = reader.tailAudit({ ...everything, since: 'start', follow: true }, ending.signal);
      await trail.record(change('first'));
      expect((await followed.next()).value).toMatchObject({ target: 'first' });
      const next = followed.next();
      await trail.record(change('second'));
      expect((await next).value).toMatchObject({ target: 'second' });
      const end = followed.next();
      ending.abort();
      expect((await end).done).toBe(true);
    });
  });
}

const REFUSED: AuditNote = {
  kind: 'refusedLogin',
  tenant: 'city' as TenantId,
  clientName: 'bike-1',
  clientId: 'c',
  address: '192.0.2.7',
  method: 'password',
  reason: 'badUserNameOrPassword',
};

function change(target: string): AdministrativeChange {
  return {
    kind: 'administrativeChange',
    who: 'local',
    action: 'session.disconnect',
    tenant: 'city' as TenantId,
    target,
    outcome: 'begun',
  };
}
