import { expect, test } from 'vitest';
import { compareAbsence, compareRow, type SnapshotEntry } from '../../../compaction-job/verify/comparison.ts';
import { stateOf } from '../../../compaction-job/verify/key-evolution.ts';
import { LoggedKeys } from '../../../compaction-job/verify/logged-keys.ts';
import { recordDigest } from '../../../compaction-job/verify/record-digest.ts';
import type { Offset } from '../../../src/event-log/event-log.ts';
import { encodeSessionEvent } from '../../../src/event-log/session-event-codec.ts';
import type { SessionEvent, SessionOwner } from '../../../src/session/events.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';
import { CLIENT, closedSession, OTHER_OWNER, OWNER, sessionState } from '../../support/simulated-session.ts';

function opened(owner: SessionOwner, openedAtMs = 1_000): SessionEvent {
  return { type: 'SessionOpened', state: sessionState({ owner, openedAtMs }) };
}

function closed(owner: SessionOwner, openedAtMs = 1_000): SessionEvent {
  return { type: 'SessionClosed', state: closedSession(5_000, { closedOwner: owner, openedAtMs }) };
}

function ended(owner: SessionOwner, openedAtMs = 1_000): SessionEvent {
  return {
    type: 'SessionEnded',
    tenant: DEFAULT_TENANT,
    clientId: CLIENT,
    reason: 'expired',
    lastOwner: owner,
    lastOpenedAtMs: openedAtMs,
  };
}

/** Of the log that has these records, at these offsets. */
function logged(records: Readonly<Record<number, SessionEvent>>) {
  const keys = new LoggedKeys();
  const entries = Object.entries(records).map(([offset, event]) => ({
    ...encodeSessionEvent(event, 1),
    partition: 0,
    offset: Number(offset) as Offset,
  }));
  keys.apply(entries);
  return keys.get(entries[0]!.key);
}

function row(offset: number, event: SessionEvent): SnapshotEntry {
  const digest = recordDigest(encodeSessionEvent(event, 1));
  return { offset: offset as Offset, digest, state: stateOf(event, offset as Offset) };
}

const CHECKPOINT = 10 as Offset;
const same = { is: 'same' };
const behind = { is: 'behind' };
const overruled = { is: 'overruled' };
const different = (kind: string, recordAt?: number) => ({ is: 'different', kind, recordAt });

test.each([
  ['the record itself', row(4, opened(OWNER)), { 4: opened(OWNER) }, same],
  ['other contents', row(4, opened(OTHER_OWNER)), { 4: opened(OWNER) }, different('altered', 4)],
  [
    'an earlier record',
    row(3, opened(OWNER)),
    { 3: opened(OWNER), 9: opened(OTHER_OWNER) },
    different('stale', 9),
  ],
  [
    'what comes behind the checkpoint',
    row(3, opened(OWNER)),
    { 3: opened(OWNER), 10: opened(OTHER_OWNER) },
    behind,
  ],
  ['what has ended', row(3, opened(OWNER)), { 3: opened(OWNER), 9: ended(OWNER) }, different('stale', 9)],
  ['what ends behind the checkpoint', row(3, opened(OWNER)), { 3: opened(OWNER), 10: ended(OWNER) }, behind],
  ['an offset that is not on the log', row(5, opened(OWNER)), { 4: opened(OWNER) }, different('unknown', 4)],
  [
    'an offset behind the end',
    row(5, opened(OWNER)),
    { 3: opened(OWNER), 4: ended(OWNER) },
    different('unknown'),
  ],
  ['a late close, whole log', row(3, opened(OWNER)), { 3: opened(OWNER), 4: closed(OTHER_OWNER) }, same],
  [
    'a late close that counts for nobody',
    row(4, closed(OTHER_OWNER)),
    { 3: opened(OWNER), 4: closed(OTHER_OWNER) },
    different('unknown', 3),
  ],
  ['a late close, compacted log', row(3, opened(OWNER)), { 4: closed(OTHER_OWNER) }, overruled],
  ['a late end, compacted log', row(3, opened(OWNER)), { 4: ended(OTHER_OWNER) }, overruled],
  ['a close that counts, compacted log', row(3, opened(OWNER)), { 4: closed(OWNER) }, different('stale', 4)],
  ['a close that is only a close', row(4, closed(OWNER)), { 4: closed(OWNER) }, same],
  [
    'a late close and one that counts',
    row(3, opened(OWNER)),
    { 4: closed(OTHER_OWNER), 11: closed(OWNER) },
    behind,
  ],
  [
    'a close that counted for an owner whose record is gone',
    row(5, closed(OWNER, 2_000)),
    { 4: closed(OTHER_OWNER, 3_000), 5: closed(OWNER, 2_000) },
    overruled,
  ],
  ['a session of no record', row(5, opened(OWNER)), { 4: closed(OWNER) }, different('unknown', 4)],
] as const)('a row that has %s', (_, present, records, expected) => {
  expect(compareRow(present, logged(records), CHECKPOINT)).toEqual(expected);
});

test('a row of a key that the log does not have', () => {
  expect(compareRow(row(4, opened(OWNER)), undefined, CHECKPOINT)).toEqual(different('unknown'));
});

test.each([
  ['a state', { 4: opened(OWNER) }, different('missing', 4)],
  ['a state behind the checkpoint', { 10: opened(OWNER) }, behind],
  ['an end', { 3: opened(OWNER), 4: ended(OWNER) }, same],
  ['an end of an earlier owner', { 3: opened(OWNER), 4: ended(OTHER_OWNER) }, different('missing', 3)],
  [
    'an end that counted for an owner whose record is gone',
    { 3: closed(OTHER_OWNER, 3_000), 4: ended(OWNER, 2_000) },
    overruled,
  ],
] as const)('no row of a key of which the log has %s', (_, records, expected) => {
  expect(compareAbsence(logged(records)!, CHECKPOINT)).toEqual(expected);
});
