import { describe, expect, it } from 'vitest';
import type { Member } from '../../../src/cluster/member.ts';
import { MemberView } from '../../../src/cluster/member-view.ts';
import { newRun } from '../../support/members.ts';

function member(brokerId: string, startNumber = 1, changes: Partial<Member> = {}): Member {
  return { ...newRun(brokerId, startNumber), draining: false, joinedAtMs: 1_000, ...changes };
}

const self = member('self');

function followed() {
  const view = new MemberView(self);
  const events: string[] = [];
  view.follow((event) => events.push(`${event.type} ${event.member.incarnation}`));
  return { view, events };
}

describe('the members as one of them has heard of them', () => {
  it('tells of the dead before the new, so that a broker that came back is not there twice', () => {
    const { view, events } = followed();
    view.become([self, member('a'), member('b')]);
    view.become([member('a', 2), self, member('b')]);
    expect(events).toEqual(['MemberUp a#1', 'MemberUp b#1', 'MemberDown a#1', 'MemberUp a#2']);
  });

  it('is in the new state when the first of several events is told', () => {
    const view = new MemberView(self);
    const seen: number[] = [];
    view.follow(() => seen.push(view.members().length));
    view.become([self, member('a'), member('b')]);
    expect(seen).toEqual([3, 3]);
  });

  it('tells what changed, and nothing of what did not', () => {
    const { view, events } = followed();
    view.become([self, member('a')]);
    view.become([self, member('a')]);
    expect(events).toEqual(['MemberUp a#1']);
    const changes: Partial<Member>[] = [
      { draining: true },
      { draining: true, serverReference: 'elsewhere:1883' },
      { draining: true, peerAddress: { host: 'elsewhere', port: 1 } },
      { draining: true, protocol: { min: 1, max: 2 } },
    ];
    for (const change of changes) view.become([self, member('a', 1, change)]);
    expect(events.slice(1)).toEqual(changes.map(() => 'MemberChanged a#1'));
  });

  it('tells nothing of oneself', () => {
    const { view, events } = followed();
    const drained = { ...self, draining: true };
    view.become([drained]);
    expect(events).toEqual([]);
    expect(view.members()).toEqual([drained]);
  });

  it('stops within an event count at once', () => {
    const view = new MemberView(self);
    const seen: string[] = [];
    const stop = view.follow(({ member: { incarnation } }) => {
      seen.push(incarnation);
      stop();
    });
    view.become([self, member('a'), member('b')]);
    expect(seen).toEqual(['a#1']);
  });

  it('has the others and nobody to tell when the place is gone', () => {
    const { view, events } = followed();
    view.become([self, member('a')]);
    view.end();
    view.become([member('b')]);
    expect(events).toEqual(['MemberUp a#1']);
  });
});
