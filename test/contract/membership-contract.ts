/** What every membership promises. An adapter's test calls it with its harness. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { NewMember } from '../../src/cluster/member-view.ts';
import type { MemberEvent, Membership } from '../../src/cluster/membership.ts';
import { StoreUnavailableError } from '../../src/errors/store-unavailable-error.ts';
import { newRun } from '../support/members.ts';

const WAIT = { timeout: 10_000, interval: 5 };

/** A place of their own for the members of one test. */
export interface MembershipHarness {
  join(member: NewMember): Promise<Membership>;
  /** It cannot reach whoever keeps the places any more, and will lose its own. */
  cutOff(membership: Membership): void;
  /** Leaves with everybody who is still there. */
  dispose(): Promise<void>;
}

export function membershipContract(name: string, makeHarness: () => Promise<MembershipHarness>): void {
  describe(`membership contract: ${name}`, () => {
    let harness: MembershipHarness;
    let first: Membership;

    beforeEach(async () => {
      harness = await makeHarness();
      first = await harness.join(newRun('spoke-1', 1));
    });

    afterEach(async () => {
      await harness.dispose();
    });

    /** What `membership` is told from now on, `type incarnation`. */
    function told(membership: Membership): string[] {
      const events: string[] = [];
      membership.follow(({ type, member }) => events.push(`${type} ${member.incarnation}`));
      return events;
    }

    function names(membership: Membership): readonly string[] {
      return membership.members().map(({ incarnation }) => incarnation);
    }

    test('whoever joins alone is the only member, and has its place', async () => {
      expect(first.members()).toEqual([first.self]);
      expect(first.self).toMatchObject({ ...newRun('spoke-1', 1), draining: false });
      expect(first.holdsPlace).toBe(true);
      expect(await first.refresh()).toEqual([first.self]);
    });

    test('a member that joins knows the others, and they are told', async () => {
      const events = told(first);
      const second = await harness.join(newRun('spoke-2', 1));
      expect(second.members()).toEqual([first.self, second.self]);
      await vi.waitFor(() => {
        expect(events).toEqual(['MemberUp spoke-2#1']);
      }, WAIT);
      expect(first.members()).toEqual([first.self, second.self]);
    });

    test('what a member says of itself reaches the others as it was said', async () => {
      const odd = { ...newRun('a.b_c-d', 7), serverReference: undefined, protocol: { min: 2, max: 3 } };
      const second = await harness.join(odd);
      const seen = (await first.refresh()).find(({ brokerId }) => brokerId === 'a.b_c-d');
      expect(seen).toEqual({ ...odd, draining: false, joinedAtMs: second.self.joinedAtMs });
    });

    test('leaving is told at once, and gives the place up without a word to the one who left', async () => {
      const second = await harness.join(newRun('spoke-2', 1));
      await first.refresh();
      const events = told(first);
      const reasons: string[] = [];
      second.onLost((reason) => reasons.push(reason));
      const left = second.leave();
      expect(second.holdsPlace).toBe(false);
      await left;
      expect(await first.refresh()).toEqual([first.self]);
      expect(events).toEqual(['MemberDown spoke-2#1']);
      expect(names(second)).not.toContain('spoke-2#1');
      expect(reasons).toEqual([]);
      await second.leave();
    });

    test('a refresh sees whoever joined before it was asked for, and has told of it when it resolves', async () => {
      const events = told(first);
      for (let n = 2; n <= 6; n++) {
        await harness.join(newRun(`spoke-${n}`, 1));
        const seen = await first.refresh();
        expect(seen.map(({ incarnation }) => incarnation)).toContain(`spoke-${n}#1`);
        expect(events).toContain(`MemberUp spoke-${n}#1`);
        expect(first.members()).toEqual(seen);
      }
      expect(new Set(events).size).toBe(events.length);
    });

    test('refreshes asked for at the same time all resolve', async () => {
      const joining = harness.join(newRun('spoke-2', 1));
      const seen = await Promise.all(Array.from({ length: 20 }, () => first.refresh()));
      expect(seen.every((members) => members.length >= 1)).toBe(true);
      await joining;
    });

    test('a member that drains tells everybody', async () => {
      const second = await harness.join(newRun('spoke-2', 1));
      await first.refresh();
      const events: MemberEvent[] = [];
      first.follow((event) => events.push(event));
      await second.drain(true);
      expect(second.self.draining).toBe(true);
      expect(second.members()).toEqual([first.self, second.self]);
      await first.refresh();
      expect(events).toEqual([{ type: 'MemberChanged', member: second.self }]);
      expect((await harness.join(newRun('spoke-3', 1))).members()).toContainEqual(second.self);
    });

    test('of draining the last call counts', async () => {
      const second = await harness.join(newRun('spoke-2', 1));
      await Promise.all([second.drain(true), second.drain(false), second.drain(true)]);
      expect((await first.refresh()).at(1)).toEqual(second.self);
      expect(second.self.draining).toBe(true);
      await second.drain(false);
      expect((await first.refresh()).at(1)).toEqual({ ...second.self, draining: false });
    });

    test('the next run of a broker is another member: the old one is down, the new one up', async () => {
      const second = await harness.join(newRun('spoke-2', 1));
      await first.refresh();
      const events = told(first);
      await second.leave();
      await harness.join(newRun('spoke-2', 2));
      await first.refresh();
      expect(events).toEqual(['MemberDown spoke-2#1', 'MemberUp spoke-2#2']);
    });

    test('a run may join while an earlier one of the same broker is still a member', async () => {
      const again = await harness.join(newRun('spoke-1', 2));
      expect(names(again)).toEqual(['spoke-1#1', 'spoke-1#2']);
      expect([first.holdsPlace, again.holdsPlace]).toEqual([true, true]);
    });

    test('who has stopped to follow is told nothing more, others are', async () => {
      const [stopped, going]: [string[], string[]] = [[], []];
      const stop = first.follow(({ type }) => stopped.push(type));
      first.follow(({ type }) => going.push(type));
      stop();
      await harness.join(newRun('spoke-2', 1));
      await first.refresh();
      expect([stopped, going]).toEqual([[], ['MemberUp']]);
    });

    test('who loses its place knows it before others are told, for good', async () => {
      const second = await harness.join(newRun('spoke-2', 1));
      await first.refresh();
      const order: string[] = [];
      const whole = new Promise<void>((resolve) => {
        first.follow(({ type, member }) => {
          order.push(`${type} ${member.incarnation}, holds ${String(second.holdsPlace)}`);
          resolve();
        });
      });
      const reasons: string[] = [];
      second.onLost((reason) => {
        reasons.push(reason);
        order.push('lost');
      });
      harness.cutOff(second);
      await whole;
      expect(order).toEqual(['lost', 'MemberDown spoke-2#1, holds false']);
      expect(reasons).toHaveLength(1);
      expect(names(second)).not.toContain('spoke-2#1');
      await expect(second.refresh()).rejects.toThrow(StoreUnavailableError);
      const late: string[] = [];
      second.onLost((reason) => late.push(reason));
      expect(late).toEqual(reasons);
      await second.leave();
      expect(second.holdsPlace).toBe(false);
    });
  });
}
