import { expect, test } from 'vitest';
import { sessionVerdict } from '../../../compaction-job/clean/expired-sessions.ts';
import { NEVER_EXPIRES_S } from '../../../src/session/events.ts';
import { closedSession, sessionState, will } from '../../support/simulated-session.ts';

const CLOSED_AT_MS = 5_000;
const EXPIRED_AT_MS = CLOSED_AT_MS + 60_000;

test.each([
  ['is connected', sessionState(), [], 'keeps'],
  ['may still be resumed', closedSession(CLOSED_AT_MS + 1), [], 'keeps'],
  ['never expires', closedSession(CLOSED_AT_MS, { sessionExpiryS: NEVER_EXPIRES_S }), [], 'keeps'],
  ['has expired', closedSession(CLOSED_AT_MS), ['a', 'b/+'], 'expired'],
  ['leaves a will', closedSession(CLOSED_AT_MS, { will: will() }), [], 'brokers'],
  ['leaves shared messages', closedSession(CLOSED_AT_MS), ['a', '$share/g/a'], 'brokers'],
  ['has no last owner', closedSession(CLOSED_AT_MS, { closedOwner: undefined }), [], 'brokers'],
] as const)('a session that %s', (_, session, filters, verdict) => {
  expect(sessionVerdict(session, filters, EXPIRED_AT_MS)).toBe(verdict);
});
