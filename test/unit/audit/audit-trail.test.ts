/** What is durable before it is done, what nobody waits for, and what is counted when it is lost. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryEventLog } from '../../../src/adapters/memory/memory-event-log.ts';
import { decodeAuditEntry } from '../../../src/audit/audit-event-codec.ts';
import type { AdministrativeChange, AuditEntry, RefusedLogin } from '../../../src/audit/audit-event.ts';
import { LoggedAuditTrail } from '../../../src/audit/audit-trail.ts';
import { StoreUnavailableError } from '../../../src/errors/store-unavailable-error.ts';
import type { LogPosition, LogRecord } from '../../../src/event-log/event-log.ts';
import type { TenantId } from '../../../src/tenancy/identity.ts';
import { readAll } from '../../contract/event-log-contract.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const SUBJECTS_MAX = 3;
const CHANGE: AdministrativeChange = {
  kind: 'administrativeChange',
  who: 'local',
  action: 'queue.purge',
  outcome: 'begun',
};

function login(clientName: string): RefusedLogin {
  const address = '192.0.2.7';
  const how = { method: 'password', reason: 'badUserNameOrPassword' };
  return { kind: 'refusedLogin', tenant: 'city' as TenantId, clientName, clientId: 'c', address, ...how };
}

let time: SimulatedTime;
let log: MemoryEventLog;
let trail: LoggedAuditTrail;
let failure: Error | undefined;
let held: Promise<void>;
let lost: number[];

beforeEach(() => {
  time = new SimulatedTime(1_700_000_000_000);
  log = new MemoryEventLog();
  failure = undefined;
  held = Promise.resolve();
  lost = [];
  trail = new LoggedAuditTrail({
    log: {
      append: async (records: readonly LogRecord[]): Promise<readonly LogPosition[]> => {
        await held;
        if (failure !== undefined) throw failure;
        return log.append(records);
      },
    },
    clock: time,
    timers: time,
    brokerId: 'spoke-1',
    subjectsMax: SUBJECTS_MAX,
    onLost: (notes) => lost.push(notes),
  });
});

async function recorded(): Promise<readonly (AuditEntry | undefined)[]> {
  return (await readAll(log)).map(decodeAuditEntry);
}

describe('a change', () => {
  it('is on the trail when the promise resolves', async () => {
    await trail.record(CHANGE);
    const atMs = 1_700_000_000_000;
    expect(await recorded()).toEqual([
      {
        atMs,
        sinceMs: atMs,
        count: 1,
        brokerId: 'spoke-1',
        event: expect.objectContaining(CHANGE) as unknown,
      },
    ]);
  });

  it('is refused when the log fails', async () => {
    failure = new StoreUnavailableError('the log', 'try again');
    await expect(trail.record(CHANGE)).rejects.toBe(failure);
    expect(trail.counts.administrativeChange).toBe(0);
  });
});

describe('what is noted', () => {
  it('is added up over a second, per subject', async () => {
    for (let again = 0; again < 5; again++) trail.note(login('bike-1'));
    await time.advance(600);
    trail.note(login('bike-1'));
    trail.note(login('bike-2'));
    expect(await recorded()).toEqual([]);
    await time.advance(400);
    expect(await recorded()).toMatchObject([
      { count: 6, sinceMs: 1_700_000_000_000, atMs: 1_700_000_000_600, event: login('bike-1') },
      { count: 1, sinceMs: 1_700_000_000_600, event: login('bike-2') },
    ]);
    expect(trail.counts.refusedLogin).toBe(7);
    await time.advance(10_000);
    expect(await recorded()).toHaveLength(2);
  });

  it('is told apart up to a bound, and counted beyond it', async () => {
    for (let name = 0; name < 100; name++) trail.note(login(`bike-${name}`));
    trail.note({
      kind: 'quotaExceeded',
      tenant: 'city' as TenantId,
      clientId: undefined,
      quota: 'q',
      limit: 1,
    });
    expect(trail.waiting).toBe(SUBJECTS_MAX + 2);
    await time.advance(1_000);
    expect((await recorded()).slice(SUBJECTS_MAX)).toMatchObject([
      { count: 97, event: { kind: 'furtherNotes', of: 'refusedLogin' } },
      { count: 1, event: { kind: 'furtherNotes', of: 'quotaExceeded' } },
    ]);
    expect(trail.waiting).toBe(0);
  });

  it('has at most so much of what a client says', async () => {
    trail.note(login('x'.repeat(60_000)));
    await time.advance(1_000);
    expect(await recorded()).toMatchObject([{ event: { clientName: `${'x'.repeat(256)}…` } }]);
  });

  it('waits for nobody: while the log does not answer it goes on adding up', async () => {
    let release: () => void = () => undefined;
    held = new Promise((resolve) => {
      release = resolve;
    });
    trail.note(login('bike-1'));
    await time.advance(1_000);
    for (let second = 0; second < 60; second++) {
      trail.note(login('bike-2'));
      await time.advance(1_000);
    }
    expect(trail.waiting).toBe(1);
    release();
    held = Promise.resolve();
    await time.advance(1_000);
    expect(await recorded()).toMatchObject([{ count: 1 }, { count: 60 }]);
    expect(trail.lost).toBe(0);
  });

  it('is counted as lost when the log fails, and goes on afterwards', async () => {
    failure = new StoreUnavailableError('the log', 'try again');
    trail.note(login('bike-1'));
    trail.note(login('bike-1'));
    await time.advance(1_000);
    expect([trail.lost, lost]).toEqual([2, [2]]);
    failure = undefined;
    trail.note(login('bike-3'));
    await time.advance(1_000);
    expect(await recorded()).toMatchObject([{ event: login('bike-3') }]);
  });

  it('is written when the trail is closed', async () => {
    trail.note(login('bike-1'));
    await trail.close();
    expect(await recorded()).toHaveLength(1);
    trail.note(login('bike-2'));
    await time.advance(10_000);
    expect(await recorded()).toHaveLength(1);
  });
});
