import { describe, expect, it } from 'vitest';
import { MembershipHub } from '../../src/adapters/memory/memory-membership.ts';
import type { Membership } from '../../src/cluster/membership.ts';
import { SystemClock, SystemTimers } from '../../src/transport/system-time.ts';
import { newRun } from '../support/members.ts';
import { SimulatedTime } from '../support/simulated-time.ts';
import { membershipContract } from './membership-contract.ts';

membershipContract('memory', () => {
  const hub = new MembershipHub({
    clock: new SystemClock(),
    timers: new SystemTimers(),
    sessionTimeoutMs: 50,
  });
  const joined: Membership[] = [];
  return Promise.resolve({
    join: async (member) => {
      const membership = await hub.join(member);
      joined.push(membership);
      return membership;
    },
    cutOff: ({ self }) => {
      hub.expire(self.incarnation);
    },
    dispose: async () => {
      for (const membership of joined) await membership.leave();
    },
  });
});

describe('a hub of members', () => {
  it('tells of a dead one when its session has expired, and not earlier', async () => {
    const time = new SimulatedTime();
    const hub = new MembershipHub({ clock: time, timers: time, sessionTimeoutMs: 1_000 });
    const joining = [hub.join(newRun('spoke-1', 1)), hub.join(newRun('spoke-2', 1))] as const;
    await time.settle();
    const [first, second] = await Promise.all(joining);
    const events: string[] = [];
    first.follow(({ type, member }) => events.push(`${type} ${member.incarnation}`));
    second.onLost(() => events.push('the dead heard of it'));
    hub.kill(second.self.incarnation);
    await time.advance(999);
    expect(events).toEqual([]);
    expect(first.members()).toHaveLength(2);
    await time.advance(1);
    expect(events).toEqual(['MemberDown spoke-2#1']);
  });

  it('lets news take their time', async () => {
    const time = new SimulatedTime();
    const hub = new MembershipHub({ clock: time, timers: time, sessionTimeoutMs: 1_000, newsMs: 30 });
    const join = async (id: string): Promise<Membership> => {
      const joining = hub.join(newRun(id, 1));
      await time.settle();
      return await joining;
    };
    const first = await join('spoke-1');
    const second = await join('spoke-2');
    expect([first.members().length, second.members().length]).toEqual([1, 2]);
    await time.advance(30);
    expect(first.members()).toHaveLength(2);
  });
});
