/** What people are shown of the members: states, since when, and for how long the dead are remembered. */
import { beforeEach, expect, test } from 'vitest';
import { MembershipHub } from '../../../src/adapters/memory/memory-membership.ts';
import type { Membership } from '../../../src/cluster/membership.ts';
import {
  DOWN_SHOWN_MAX,
  DOWN_SHOWN_MS,
  MemberRoster,
  type Reach,
} from '../../../src/cluster/member-roster.ts';
import { type Incarnation, incarnation } from '../../../src/tenancy/identity.ts';
import { newRun } from '../../support/members.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const SESSION_TIMEOUT_MS = 1_000;

let time: SimulatedTime;
let hub: MembershipHub;
let own: Membership;
let roster: MemberRoster;
let reach: Map<Incarnation, Reach>;

beforeEach(async () => {
  time = new SimulatedTime();
  hub = new MembershipHub({ clock: time, timers: time, sessionTimeoutMs: SESSION_TIMEOUT_MS });
  own = await join('spoke-2', 7);
  reach = new Map();
  roster = new MemberRoster({ membership: own, clock: time, reach: (of) => reach.get(of) });
});

/** Joining needs the end of a turn. */
async function join(brokerId: string, startNumber: number): Promise<Membership> {
  const joining = hub.join(newRun(brokerId, startNumber));
  await time.settle();
  return await joining;
}

/** `incarnation state since link`. */
function shown(): readonly string[] {
  return roster
    .entries()
    .map(({ member, state, sinceMs, isLinkUp }) =>
      [member.incarnation, state, sinceMs, isLinkUp ?? '-'].join(' '),
    );
}

test('a broker that nobody has joined sees itself', () => {
  expect(roster.entries()).toEqual([
    { member: own.self, isSelf: true, state: 'up', sinceMs: own.self.joinedAtMs, isLinkUp: undefined },
  ]);
});

test('others are up unless they have been out of reach for a while', async () => {
  await time.advance(10);
  await join('spoke-1', 1);
  await join('spoke-3', 1);
  const joinedAtMs = time.nowMs();
  reach.set(incarnation('spoke-1', 1), { isUp: true, unreachableSinceMs: undefined });
  const up = `spoke-1#1 up ${joinedAtMs} true`;
  const self = `spoke-2#7 up ${own.self.joinedAtMs} -`;
  expect(shown()).toEqual([up, self, `spoke-3#1 up ${joinedAtMs} false`]);
  reach.set(incarnation('spoke-3', 1), { isUp: false, unreachableSinceMs: joinedAtMs + 5 });
  expect(shown()).toEqual([up, self, `spoke-3#1 unreachable ${joinedAtMs + 5} false`]);
});

test('one that died is shown as down beside its next run, and for a day', async () => {
  const first = await join('spoke-1', 1);
  await time.advance(50);
  const downAtMs = time.nowMs() + SESSION_TIMEOUT_MS;
  hub.kill(first.self.incarnation);
  await time.advance(SESSION_TIMEOUT_MS + 10);
  const next = await join('spoke-1', 2);
  expect(shown()).toEqual([
    `spoke-1#1 down ${downAtMs} -`,
    `spoke-1#2 up ${next.self.joinedAtMs} false`,
    `spoke-2#7 up ${own.self.joinedAtMs} -`,
  ]);
  await time.advance(DOWN_SHOWN_MS);
  expect(shown().filter((line) => line.includes('down'))).toEqual([]);
});

test('of many that died the latest are shown', async () => {
  for (let run = 1; run <= DOWN_SHOWN_MAX + 1; run++) {
    const other = await join('spoke-1', run);
    void other.leave();
    await time.settle();
  }
  const down = roster.entries().filter(({ state }) => state === 'down');
  expect(down).toHaveLength(DOWN_SHOWN_MAX);
  expect(down[0]?.member.incarnation).toBe('spoke-1#2');
});

test('one that drains says so, and one that lost its own place is down', async () => {
  const draining = own.drain(true);
  await time.settle();
  await draining;
  expect(roster.entries()[0]?.member.draining).toBe(true);
  await time.advance(30);
  const lostAtMs = time.nowMs();
  hub.expire(own.self.incarnation);
  await time.advance(100);
  expect(shown()).toEqual([`spoke-2#7 down ${lostAtMs} -`]);
});
