import { expect, test } from 'vitest';
import type { LogEntry, Offset } from '../../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import { SessionFold } from '../../../src/metadata/session-fold.ts';
import type { SessionEvent, SessionOwner } from '../../../src/session/events.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import {
  CLIENT,
  closedSession,
  OTHER_OWNER,
  OWNER,
  sessionState,
  subscription,
} from '../../support/simulated-session.ts';

const opened = (owner: SessionOwner): SessionEvent => ({
  type: 'SessionOpened',
  state: sessionState({ owner }),
});
const closed = (closedOwner: SessionOwner): SessionEvent => ({
  type: 'SessionClosed',
  state: closedSession(5_000, { closedOwner }),
});

function entry(event: SessionEvent, offset: number, partition = 0): LogEntry {
  return { ...encodeSessionEvent(event, 1_000), partition, offset: offset as Offset };
}

/** Offsets of the records that made rows. */
function folded(fold: SessionFold, entries: readonly LogEntry[]): number[] {
  return fold.fold(entries).map(({ offset }) => offset);
}

test('a close by an earlier owner makes no row, one by the owner does', () => {
  const fold = new SessionFold();
  const log = [opened(OWNER), opened(OTHER_OWNER), closed(OWNER), closed(OTHER_OWNER)];
  expect(
    folded(
      fold,
      log.map((event, offset) => entry(event, offset)),
    ),
  ).toEqual([0, 1, 3]);
  expect(fold.ignored).toBe(1);
});

test('a seeded fold goes on as if it had folded the records before', () => {
  const fold = new SessionFold();
  fold.seed([entry(opened(OTHER_OWNER), 7)]);
  expect(folded(fold, [entry(closed(OWNER), 8), entry(closed(OTHER_OWNER), 9)])).toEqual([9]);
});

test('rows may be ahead of the records: what they have already makes no row again', () => {
  const fold = new SessionFold();
  fold.seed([entry(closed(OTHER_OWNER), 9)]);
  const log = [entry(opened(OTHER_OWNER), 7), entry(closed(OWNER), 8), entry(closed(OTHER_OWNER), 9)];
  expect(folded(fold, [...log, entry(opened(OWNER), 10)])).toEqual([10]);
});

test('every subscription makes a row, and every end of a session that is not known', () => {
  const fold = new SessionFold();
  const ended: SessionEvent = {
    type: 'SessionEnded',
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    reason: 'expired',
    lastOwner: undefined,
    lastOpenedAtMs: undefined,
  };
  const log = [{ type: 'Subscribed' as const, subscription: subscription('a') }, ended];
  expect(
    folded(
      fold,
      log.map((event, offset) => entry(event, offset)),
    ),
  ).toEqual([0, 1]);
});

test('partitions are folded apart, and one that was let go is forgotten', () => {
  const fold = new SessionFold();
  fold.fold([entry(opened(OWNER), 0, 0), entry(opened(OTHER_OWNER), 0, 1)]);
  expect(fold.sessions).toBe(2);
  expect(folded(fold, [entry(closed(OWNER), 1, 1)])).toEqual([]);
  fold.release(1);
  expect(fold.sessions).toBe(1);
  expect(folded(fold, [entry(closed(OWNER), 1, 1)])).toEqual([1]);
  expect(folded(fold, [entry(closed(OTHER_OWNER), 1, 0)])).toEqual([]);
});

test('what a newer release wrote becomes a row as it is, and the next record counts', () => {
  const fold = new SessionFold();
  fold.fold([entry(opened(OWNER), 0)]);
  const unknown = { ...entry(opened(OWNER), 1), value: Buffer.from([0, 0, 0, 9, 9, 1]) };
  expect(folded(fold, [unknown, entry(closed(OTHER_OWNER), 2)])).toEqual([1, 2]);
  expect(fold.undecodable).toBe(1);
});
