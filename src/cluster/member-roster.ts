/**
 * The members as people want to see them: who is alive and can be reached, who is down since a short time, and since when. Decides nothing.
 */
import type { Incarnation } from '../tenancy/identity.ts';
import type { Clock } from '../time/clock.ts';
import type { Member } from './member.ts';
import type { Membership } from './membership.ts';

/** unreachable: alive, but the link to it has been away for a while. */
export const MEMBER_STATES = ['up', 'unreachable', 'down'] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

export interface RosterEntry {
  readonly member: Member;
  readonly isSelf: boolean;
  readonly state: MemberState;
  /** In that state since, milliseconds since 1970, as seen from here. */
  readonly sinceMs: number;
  /** Of the link to it; undefined: there is none to this broker itself, nor to one that is down. */
  readonly isLinkUp: boolean | undefined;
}

/** How a broker that is alive can be reached from here. */
export interface Reach {
  readonly isUp: boolean;
  /** undefined: reachable, or not known to be unreachable yet. */
  readonly unreachableSinceMs: number | undefined;
}

export interface MemberRosterOptions {
  readonly membership: Membership;
  readonly clock: Clock;
  /** undefined: no link has been begun to it. */
  readonly reach: (incarnation: Incarnation) => Reach | undefined;
}

/** Dead incarnations that are shown, the latest ones. */
export const DOWN_SHOWN_MAX = 20;
/** For how long. */
export const DOWN_SHOWN_MS = 24 * 60 * 60 * 1_000;

interface Down {
  readonly member: Member;
  readonly sinceMs: number;
}

export class MemberRoster {
  readonly #options: MemberRosterOptions;
  /** In the order of their deaths. */
  readonly #down: Down[] = [];
  #lostAtMs: number | undefined;

  constructor(options: MemberRosterOptions) {
    this.#options = options;
    const { membership, clock } = options;
    membership.follow(({ type, member }) => {
      if (type === 'MemberDown') this.#died(member);
    });
    membership.onLost(() => {
      this.#lostAtMs = clock.nowMs();
    });
  }

  /** By broker, its incarnations in the order in which they joined. */
  entries(): readonly RosterEntry[] {
    const { membership, clock } = this.#options;
    const { self } = membership;
    const others = membership.members().filter(({ incarnation }) => incarnation !== self.incarnation);
    const shownFromMs = clock.nowMs() - DOWN_SHOWN_MS;
    const down = this.#down.filter(({ sinceMs }) => sinceMs >= shownFromMs);
    const entries = [
      this.#own(self),
      ...others.map((member) => this.#alive(member)),
      ...down.map(({ member, sinceMs }) => entryOfDown(member, false, sinceMs)),
    ];
    return entries.sort(({ member: a }, { member: b }) =>
      a.brokerId === b.brokerId ? a.joinedAtMs - b.joinedAtMs : a.brokerId < b.brokerId ? -1 : 1,
    );
  }

  #own(self: Member): RosterEntry {
    const { membership, clock } = this.#options;
    if (membership.holdsPlace)
      return { member: self, isSelf: true, state: 'up', sinceMs: self.joinedAtMs, isLinkUp: undefined };
    return entryOfDown(self, true, this.#lostAtMs ?? clock.nowMs());
  }

  #alive(member: Member): RosterEntry {
    const reach = this.#options.reach(member.incarnation);
    const since = reach?.unreachableSinceMs;
    return {
      member,
      isSelf: false,
      state: since === undefined ? 'up' : 'unreachable',
      sinceMs: since ?? member.joinedAtMs,
      isLinkUp: reach?.isUp ?? false,
    };
  }

  #died(member: Member): void {
    this.#down.push({ member, sinceMs: this.#options.clock.nowMs() });
    if (this.#down.length > DOWN_SHOWN_MAX) this.#down.shift();
  }
}

function entryOfDown(member: Member, isSelf: boolean, sinceMs: number): RosterEntry {
  return { member, isSelf, state: 'down', sinceMs, isLinkUp: undefined };
}
